//! What a sealed request must be beside readable: made just now, and not here before.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::sealed::REQUEST_SECONDS_MAX;
use ledger_domain::Micros;
use parking_lot::Mutex;

/// Most requests remembered in one period, and in the one before it. Together with the period this
/// allows 30,000 sealed requests a second; the memory is 40 MB then.
const REQUESTS_MAX: usize = 1_800_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
/// How far from its moment a request is good.
const NEAR: i64 = REQUEST_SECONDS_MAX * MICROS_PER_SECOND;
/// A request that is good now is no longer good after this time, whatever its clock says.
const PERIOD: i64 = 2 * NEAR;

/// Tells fresh requests from those that came before or could have.
#[derive(Debug)]
pub(super) struct Freshness {
    /// Requests made before this may have come to the process before this one.
    started_at: Micros,
    /// Makes short names of requests. Nobody can choose an id that looks like another's, and two
    /// that look alike by chance cost one refusal.
    names: RandomState,
    came: Mutex<Came>,
}

/// Names of the requests that came, by the period they came in.
#[derive(Debug)]
struct Came {
    since: Micros,
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl Freshness {
    pub(super) fn new(now: Micros) -> Self {
        let came = Came { since: now, newer: HashSet::new(), older: HashSet::new() };
        Self { started_at: now, names: RandomState::new(), came: Mutex::new(came) }
    }

    /// Checks when a request was made.
    ///
    /// Errors: `sealed_expired`.
    pub(super) fn check_time(&self, made_at: Micros, now: Micros) -> Result<(), Problem> {
        let age = now.get().saturating_sub(made_at.get());
        let seconds = age / MICROS_PER_SECOND;
        let problem = if made_at < self.started_at {
            "the request was made before the ledger started".to_owned()
        } else if age > NEAR {
            format!("the request was made {seconds} seconds ago, by the ledger's clock")
        } else if age < -NEAR {
            format!("the request will be made in {} seconds, by the ledger's clock", -seconds)
        } else {
            return Ok(());
        };
        Err(Problem::because(Code::SealedExpired, problem))
    }

    /// Notes a request whose time is good.
    ///
    /// Errors: `sealed_repeated` when it came before, `busy` when too many came.
    pub(super) fn note(&self, sender: &str, id: &str, now: Micros) -> Result<(), Problem> {
        let name = self.names.hash_one((sender, id));
        let mut came = self.came.lock();
        if now.get().saturating_sub(came.since.get()) >= PERIOD {
            came.older = std::mem::take(&mut came.newer);
            came.since = now;
        }
        if came.newer.contains(&name) || came.older.contains(&name) {
            return Err(Problem::new(Code::SealedRepeated));
        }
        if came.newer.len() >= REQUESTS_MAX {
            return Err(Problem::new(Code::Busy));
        }
        came.newer.insert(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Micros {
        Micros::new(seconds * MICROS_PER_SECOND)
    }

    #[test]
    fn a_request_is_good_near_its_moment_and_not_before_the_start() {
        let fresh = Freshness::new(at(1_000));
        for (made, now) in [(1_000, 1_000), (1_000, 1_030), (1_030, 1_000), (5_000, 4_990)] {
            assert!(fresh.check_time(at(made), at(now)).is_ok(), "{made} {now}");
        }
        for (made, now) in [(999, 1_000), (1_000, 1_031), (1_031, 1_000), (2_000, 9_000)] {
            let problem = fresh.check_time(at(made), at(now)).unwrap_err();
            assert_eq!(problem.code, Code::SealedExpired, "{made} {now}");
        }
        let extremes = [Micros::new(i64::MIN), Micros::new(i64::MAX)];
        assert!(extremes.iter().all(|made| fresh.check_time(*made, at(1_000)).is_err()));
    }

    #[test]
    fn an_id_is_good_once_for_as_long_as_its_request_can_be() {
        let fresh = Freshness::new(at(0));
        for came in [0, 10, 59, 61, 119, 500] {
            let id = format!("r-{came}");
            assert!(fresh.note("me", &id, at(came)).is_ok());
            // Made as far ahead as can be, it is good until this moment.
            for later in [came, came + 30, came + 60] {
                let again = fresh.note("me", &id, at(later)).unwrap_err();
                assert_eq!(again.code, Code::SealedRepeated, "{came} {later}");
            }
        }
        assert!(fresh.note("another", "r-500", at(501)).is_ok(), "ids are the asker's own");
    }

    #[test]
    fn ids_are_forgotten_when_their_requests_are_no_longer_good() {
        let fresh = Freshness::new(at(0));
        for second in 0..600 {
            assert!(fresh.note("me", &second.to_string(), at(second)).is_ok());
        }
        let came = fresh.came.lock();
        assert!(came.newer.len() + came.older.len() <= 120);
    }
}
