//! Who is let in: not too often, and not to guess keys.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;
use tracing::warn;

use crate::clock::Clock;
use crate::credential::credential;
use crate::lockout::{KeyDigest, Lockout};
use crate::peer::ClientAddress;
use crate::rates::{Buckets, Rates};
use crate::refusal::Refusal;

/// Tells whether an `Authorization` header is of a key that is good now. Called for each request
/// that has one, so it must be quick.
#[derive(Clone)]
pub struct Accepts(Arc<dyn Fn(&str) -> Verdict + Send + Sync>);

/// Whom a key stands for: the same for all tokens of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Takes a text that no other identity has.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good, and stands for this one.
    Good(Identity),
    /// It is wrong, and may be a guess.
    Wrong,
    /// It opens nothing now and is no guess: it was good once, or cannot be looked at now. It
    /// shares its address's rate, and counts for no lockout.
    NoGuess,
}

impl Accepts {
    /// Makes one from a function that tells good keys from wrong ones. Each stands for itself.
    pub fn new(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::judging(move |header| {
            if accepts(header) { Verdict::Good(Identity::new(header)) } else { Verdict::Wrong }
        })
    }

    /// Makes one from a function that tells more.
    pub fn judging(judge: impl Fn(&str) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    fn judge(&self, credential: &str) -> Verdict {
        (self.0)(credential)
    }
}

impl fmt::Debug for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accepts(..)")
    }
}

/// Limits how often each may ask, and how often a wrong key may be tried.
///
/// A key that was accepted from an address passes any lockout of that address, and whom it stands
/// for has a rate of its own: one for all its tokens. All else from there, wrong keys and requests
/// without one, shares the address's rate.
pub(crate) struct Guard {
    accepts: Accepts,
    trusted: Vec<IpNet>,
    per_key: Buckets,
    per_address: Buckets,
    lockout: Lockout,
    /// Makes digests that are worth nothing outside of this process.
    digest_key: [u8; 32],
}

impl Guard {
    pub(crate) fn new(accepts: Accepts, rates: Rates, trusted: Vec<IpNet>, clock: &Clock) -> Self {
        Self {
            accepts,
            trusted,
            per_key: Buckets::new(rates.per_key, clock.clone()),
            per_address: Buckets::new(rates.per_address, clock.clone()),
            lockout: Lockout::new(clock.clone()),
            digest_key: rand::random(),
        }
    }

    /// Lets a request in or not, and says whose it is. A wrong key is let in while it is not too
    /// often: the route says in its own words what is wrong with it.
    pub(crate) fn admit(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<ClientAddress, Refusal> {
        let client = ClientAddress::find(peer, headers, &self.trusted);
        let network = client.network();
        // A request with two keys is told so by its route, which looks at neither.
        let Some(credential) = credential(headers).unwrap_or_default() else {
            self.per_address.take(&network).map_err(Refusal::RateLimited)?;
            return Ok(client);
        };
        let key: KeyDigest =
            *blake3::keyed_hash(&self.digest_key, credential.as_bytes()).as_bytes();
        let known = self.lockout.knows(network, &key);
        if !known {
            if let Some(left) = self.lockout.locked_for(network) {
                return Err(Refusal::LockedOut(left));
            }
            self.per_address.take(&network).map_err(Refusal::RateLimited)?;
        }
        match self.accepts.judge(&credential) {
            Verdict::Good(identity) => {
                if !known {
                    self.lockout.accepted(network, key);
                }
                self.per_key.take(&identity).map_err(Refusal::RateLimited)?;
            }
            // Nobody says any more whom it stands for.
            Verdict::NoGuess if known => {
                self.per_address.take(&network).map_err(Refusal::RateLimited)?;
            }
            Verdict::NoGuess => {}
            Verdict::Wrong => self.wrong_key(network, key),
        }
        Ok(client)
    }

    fn wrong_key(&self, network: IpAddr, key: KeyDigest) {
        self.lockout.revoked(network, key);
        if let Some(time) = self.lockout.failed(network) {
            warn!(
                client.address = %network,
                seconds = time.as_secs(),
                "too many wrong keys, unknown ones are not looked at for a while"
            );
        }
    }

    /// Gives back memory of who has not come for a while.
    pub(crate) fn shrink(&self) {
        self.per_key.shrink();
        self.per_address.shrink();
        self.lockout.shrink();
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use axum::http::header::AUTHORIZATION;

    use parking_lot::Mutex;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    struct Fixture {
        guard: Guard,
        time: Arc<Mutex<Duration>>,
    }

    /// Keys that start with `good` are good, those with a `/` are tokens of whom they name before
    /// it, and those that start with `old` were good once.
    fn fixture(rates: Rates) -> Fixture {
        let time = Arc::new(Mutex::new(Duration::ZERO));
        let shown = Arc::clone(&time);
        let clock = Clock::new(move || *shown.lock());
        let accepts = Accepts::judging(|header| match header.split_at(7) {
            (_, key) if key.starts_with("good") => {
                let subject = key.split('/').next().unwrap_or_default();
                Verdict::Good(Identity::new(subject))
            }
            (_, key) if key.starts_with("old") => Verdict::NoGuess,
            _ => Verdict::Wrong,
        });
        Fixture { guard: Guard::new(accepts, rates, Vec::new(), &clock), time }
    }

    impl Fixture {
        fn ask(&self, key: &str) -> Result<(), Refusal> {
            self.ask_in("Bearer ", key)
        }

        fn ask_in(&self, scheme: &str, key: &str) -> Result<(), Refusal> {
            let mut headers = HeaderMap::new();
            if !key.is_empty() {
                headers.insert(AUTHORIZATION, format!("{scheme}{key}").parse().unwrap());
            }
            self.guard.admit(HOME, &headers).map(drop)
        }
    }

    #[test]
    fn guesses_are_locked_out_and_keys_that_were_accepted_before_are_not() {
        let fixture = fixture(Rates::default());
        fixture.ask("good-1").unwrap();
        for number in 0..10 {
            fixture.ask(&format!("bad-{number}")).unwrap();
        }
        let locked = Refusal::LockedOut(Duration::from_secs(1));
        assert_eq!(fixture.ask("bad-10"), Err(locked.clone()));
        assert_eq!(fixture.ask("good-2"), Err(locked), "it would have to be checked");
        assert_eq!(fixture.ask("good-1"), Ok(()));
        assert_eq!(fixture.ask(""), Ok(()), "no key is no guess");
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(fixture.ask("good-2"), Ok(()));
        assert_eq!(fixture.ask("bad-11"), Ok(()));
        let doubled = Refusal::LockedOut(Duration::from_secs(2));
        assert_eq!(fixture.ask("bad-12"), Err(doubled));
        assert_eq!(fixture.ask("good-2"), Ok(()));
    }

    #[test]
    fn a_key_that_is_no_guess_locks_nobody_out_and_shares_the_address_s_rate() {
        let fixture = fixture(Rates { per_key: 100, per_address: 10 });
        for number in 0..20 {
            fixture.ask(&format!("old-{number}")).unwrap();
        }
        assert!(matches!(fixture.ask("old"), Err(Refusal::RateLimited(_))));
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(fixture.ask("good-1"), Ok(()));
    }

    #[test]
    fn one_key_is_one_key_however_it_is_written() {
        let fixture = fixture(Rates { per_key: 10, per_address: 1 });
        fixture.ask("good-1").unwrap();
        for scheme in ["bearer ", "BEARER ", "Bearer   "].into_iter().cycle().take(19) {
            fixture.ask_in(scheme, "good-1").unwrap();
        }
        assert!(matches!(fixture.ask_in("bEARER ", "good-1"), Err(Refusal::RateLimited(_))));
    }

    #[test]
    fn all_tokens_of_one_subject_share_one_rate() {
        let fixture = fixture(Rates { per_key: 10, per_address: 100 });
        for number in 0..20 {
            fixture.ask(&format!("good-anna/{number}")).unwrap();
        }
        assert!(matches!(fixture.ask("good-anna/20"), Err(Refusal::RateLimited(_))));
        assert_eq!(fixture.ask("good-ben/1"), Ok(()));
    }

    #[test]
    fn a_key_that_is_over_has_no_rate_of_its_own_any_more() {
        let over = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&over);
        let accepts = Accepts::judging(move |header| {
            if *seen.lock() { Verdict::NoGuess } else { Verdict::Good(Identity::new(header)) }
        });
        let rates = Rates { per_key: 100, per_address: 2 };
        let guard = Guard::new(accepts, rates, Vec::new(), &Clock::new(|| Duration::ZERO));
        let fixture = Fixture { guard, time: Arc::default() };
        fixture.ask("a").unwrap();
        *over.lock() = true;
        for _ in 0..3 {
            fixture.ask("a").unwrap();
        }
        assert!(matches!(fixture.ask("a"), Err(Refusal::RateLimited(_))));
    }

    #[test]
    fn each_key_has_its_rate_and_everybody_else_shares_the_address_s() {
        let fixture = fixture(Rates { per_key: 10, per_address: 2 });
        let limited = |asked| matches!(asked, Err(Refusal::RateLimited(_)));
        for _ in 0..20 {
            fixture.ask("good-1").unwrap();
        }
        assert!(limited(fixture.ask("good-1")));
        fixture.ask("good-2").unwrap();
        fixture.ask("").unwrap();
        fixture.ask("bad").unwrap();
        assert!(limited(fixture.ask("")));
        assert!(limited(fixture.ask("bad")));
        assert!(limited(fixture.ask("good-3")), "unknown so far");
        assert_eq!(fixture.ask("good-2"), Ok(()));
        *fixture.time.lock() += Duration::from_millis(500);
        assert_eq!(fixture.ask("good-3"), Ok(()));
    }
}
