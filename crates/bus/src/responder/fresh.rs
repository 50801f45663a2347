//! Checks that sealed requests are recent and not replayed.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::sealed::REQUEST_SECONDS_MAX;
use ledger_domain::Micros;
use parking_lot::Mutex;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Maximum difference between a request's time and the ledger's clock, in microseconds.
const NEAR: i64 = REQUEST_SECONDS_MAX * MICROS_PER_SECOND;
/// After this time, in microseconds, a request that is valid now has expired, whatever its sender's
/// clock.
const PERIOD: i64 = 2 * NEAR;

/// Distinguishes fresh requests from those that arrived earlier or may have.
#[derive(Debug)]
pub struct Freshness {
    /// An earlier process may have received requests created before this time.
    started_at: Micros,
    /// Hashes requests to short names. Nobody can choose an id with the same hash as another, and
    /// an accidental collision costs one refusal.
    names: RandomState,
    /// Requests remembered for the current period, and for the one before.
    requests_max: usize,
    came: Mutex<Came>,
}

/// Hashes of the requests received, by period.
#[derive(Debug)]
struct Came {
    since: Micros,
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl Freshness {
    /// Remembers nothing yet, and up to `requests_max` requests in half a minute.
    pub fn new(now: Micros, requests_max: usize) -> Self {
        let came = Came { since: now, newer: HashSet::new(), older: HashSet::new() };
        Self { started_at: now, names: RandomState::new(), requests_max, came: Mutex::new(came) }
    }

    /// Checks the time at which a request was created.
    ///
    /// Errors: `sealed_expired`.
    pub fn check_time(&self, made_at: Micros, now: Micros) -> Result<(), Problem> {
        let age = now.get().saturating_sub(made_at.get());
        let seconds = age / MICROS_PER_SECOND;
        let problem = if made_at < self.started_at {
            "the request was created before the ledger started".to_owned()
        } else if age > NEAR {
            format!("the request was created {seconds} seconds ago, by the ledger's clock")
        } else if age < -NEAR {
            format!("the request is dated {} seconds ahead of the ledger's clock", -seconds)
        } else {
            return Ok(());
        };
        Err(Problem::because(Code::SealedExpired, problem))
    }

    /// Records a request whose time is valid.
    ///
    /// Errors: `sealed_repeated` for a request that was received before, `busy` for too many
    /// requests.
    pub fn note(&self, sender: &str, id: &str, now: Micros) -> Result<(), Problem> {
        let name = self.names.hash_one((sender, id));
        let mut came = self.came.lock();
        if now.get().saturating_sub(came.since.get()) >= PERIOD {
            came.older = std::mem::take(&mut came.newer);
            came.since = now;
        }
        if came.newer.contains(&name) || came.older.contains(&name) {
            return Err(Problem::new(Code::SealedRepeated));
        }
        if came.newer.len() >= self.requests_max {
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
    fn a_request_is_valid_near_its_time_and_not_before_the_start() {
        let fresh = Freshness::new(at(1_000), 3);
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
    fn an_id_is_valid_once_while_its_request_can_be() {
        let fresh = Freshness::new(at(0), 1_000_000);
        for came in [0, 10, 59, 61, 119, 500] {
            let id = format!("r-{came}");
            assert!(fresh.note("me", &id, at(came)).is_ok());
            // A request dated as far ahead as permitted is valid until this time.
            for later in [came, came + 30, came + 60] {
                let again = fresh.note("me", &id, at(later)).unwrap_err();
                assert_eq!(again.code, Code::SealedRepeated, "{came} {later}");
            }
        }
        assert!(fresh.note("another", "r-500", at(501)).is_ok(), "ids belong to their sender");
    }

    #[test]
    fn requests_over_the_limit_are_answered_busy_until_the_next_period() {
        let fresh = Freshness::new(at(0), 1);
        assert!(fresh.note("me", "one", at(0)).is_ok());
        assert_eq!(fresh.note("me", "two", at(59)).unwrap_err().code, Code::Busy);
        assert!(fresh.note("me", "two", at(60)).is_ok());
    }

    #[test]
    fn ids_are_forgotten_when_their_requests_have_expired() {
        let fresh = Freshness::new(at(0), 1_000_000);
        for second in 0..600 {
            assert!(fresh.note("me", &second.to_string(), at(second)).is_ok());
        }
        let came = fresh.came.lock();
        assert!(came.newer.len() + came.older.len() <= 120);
    }
}
