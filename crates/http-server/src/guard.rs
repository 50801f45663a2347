//! Admission of requests: rate limits, and a lockout against guessing keys.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;
use ledger_contract::errors::Code;
use tracing::warn;

use crate::clock::Clock;
use crate::credential::credential;
use crate::lockout::{KeyDigest, Lockout};
use crate::peer::ClientAddress;
use crate::rates::{Buckets, Rates};
use crate::refusal::Refusal;

/// A function that judges an `Authorization` header. It is called for each request that has one,
/// so it must be fast.
#[derive(Clone)]
pub struct Accepts(Arc<dyn Fn(&str) -> Verdict + Send + Sync>);

/// A function that is told of each request that the guard refuses. It must not block.
#[derive(Clone)]
pub struct Tells(Arc<dyn Fn(Refused<'_>) + Send + Sync>);

impl Tells {
    /// Wraps a function.
    pub fn new(tells: impl Fn(Refused<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tells))
    }
}

impl Default for Tells {
    fn default() -> Self {
        Self::new(|_| ())
    }
}

impl fmt::Debug for Tells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tells(..)")
    }
}

/// A request that the guard refuses.
#[derive(Clone, Copy)]
pub struct Refused<'a> {
    /// The error code.
    pub code: Code,
    /// The address of the client.
    pub address: IpAddr,
    /// What it presents as its credential, in the form `Bearer <key>`.
    pub credential: Option<&'a str>,
}

/// The credential is left out.
impl fmt::Debug for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refused({}, {})", self.code, self.address)
    }
}

/// The identity behind a key; the same for all tokens of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Creates an identity from a text that is unique to it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// The judgement of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid and belongs to this identity.
    Good(Identity),
    /// It is invalid and may be a guess.
    Wrong,
    /// It is not accepted but is no guess: it was valid once, or cannot be checked now. It shares
    /// its address's rate and does not count towards a lockout.
    NoGuess,
}

impl Accepts {
    /// Creates one from a function that accepts or rejects a key. Each key is its own identity.
    pub fn new(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::judging(move |header| {
            if accepts(header) { Verdict::Good(Identity::new(header)) } else { Verdict::Wrong }
        })
    }

    /// Creates one from a function that returns a verdict.
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

/// Limits the rate of requests, and the number of invalid keys.
///
/// A key that was accepted from an address passes any lockout of that address, and its identity
/// has a rate of its own, which all its tokens share. Everything else from that address, invalid
/// keys and requests without a key, shares the address's rate.
pub(crate) struct Guard {
    accepts: Accepts,
    tells: Tells,
    trusted: Vec<IpNet>,
    per_key: Buckets,
    per_address: Buckets,
    lockout: Lockout,
    /// Computes key digests that are useless outside this process.
    digest_key: [u8; 32],
}

impl Guard {
    pub(crate) fn new(accepts: Accepts, rates: Rates, trusted: Vec<IpNet>, clock: &Clock) -> Self {
        Self {
            accepts,
            tells: Tells::default(),
            trusted,
            per_key: Buckets::new(rates.per_key, clock.clone()),
            per_address: Buckets::new(rates.per_address, clock.clone()),
            lockout: Lockout::new(clock.clone()),
            digest_key: rand::random(),
        }
    }

    /// Tells of refusals from now on.
    pub(crate) fn telling(self, tells: Tells) -> Self {
        Self { tells, ..self }
    }

    /// Admits or refuses a request. Until a lockout, a request with an invalid key is admitted, and
    /// its route reports in its own format what is wrong with the key.
    pub(crate) fn admit(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<ClientAddress, Refusal> {
        let client = ClientAddress::find(peer, headers, &self.trusted);
        // The route refuses a request with two keys, and checks neither of them.
        let credential = credential(headers).unwrap_or_default();
        let credential = credential.as_deref();
        let admitted = self.check(client.network(), credential);
        admitted.map(|()| client).inspect_err(|refusal| {
            let (code, address) = (refusal.code(), client.0);
            (self.tells.0)(Refused { code, address, credential });
        })
    }

    fn check(&self, network: IpAddr, credential: Option<&str>) -> Result<(), Refusal> {
        let Some(credential) = credential else {
            return self.per_address.take(&network).map_err(Refusal::RateLimited);
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
        match self.accepts.judge(credential) {
            Verdict::Good(identity) => {
                if !known {
                    self.lockout.accepted(network, key);
                }
                self.per_key.take(&identity).map_err(Refusal::RateLimited)?;
            }
            // Its identity is no longer known.
            Verdict::NoGuess if known => {
                self.per_address.take(&network).map_err(Refusal::RateLimited)?;
            }
            Verdict::NoGuess => {}
            Verdict::Wrong => self.wrong_key(network, key),
        }
        Ok(())
    }

    fn wrong_key(&self, network: IpAddr, key: KeyDigest) {
        self.lockout.revoked(network, key);
        if let Some(time) = self.lockout.failed(network) {
            warn!(
                client.address = %network,
                seconds = time.as_secs(),
                "too many invalid keys, refusing unknown keys for a while"
            );
        }
    }

    /// Frees the memory for clients that have not been seen for a while.
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

    /// Keys that start with `good` are valid, keys with a `/` are tokens of the subject before it,
    /// and keys that start with `old` were valid once.
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
        fn admit(&self, key: &str) -> Result<(), Refusal> {
            self.admit_with_scheme("Bearer ", key)
        }

        fn admit_with_scheme(&self, scheme: &str, key: &str) -> Result<(), Refusal> {
            let mut headers = HeaderMap::new();
            if !key.is_empty() {
                headers.insert(AUTHORIZATION, format!("{scheme}{key}").parse().unwrap());
            }
            self.guard.admit(HOME, &headers).map(drop)
        }
    }

    #[test]
    fn guesses_are_locked_out_and_previously_accepted_keys_are_not() {
        let fixture = fixture(Rates::default());
        fixture.admit("good-1").unwrap();
        for number in 0..10 {
            fixture.admit(&format!("bad-{number}")).unwrap();
        }
        let locked = Refusal::LockedOut(Duration::from_secs(1));
        assert_eq!(fixture.admit("bad-10"), Err(locked.clone()));
        assert_eq!(fixture.admit("good-2"), Err(locked), "it would have to be checked");
        assert_eq!(fixture.admit("good-1"), Ok(()));
        assert_eq!(fixture.admit(""), Ok(()), "no key is no guess");
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(fixture.admit("good-2"), Ok(()));
        assert_eq!(fixture.admit("bad-11"), Ok(()));
        let doubled = Refusal::LockedOut(Duration::from_secs(2));
        assert_eq!(fixture.admit("bad-12"), Err(doubled));
        assert_eq!(fixture.admit("good-2"), Ok(()));
    }

    #[test]
    fn an_expired_key_causes_no_lockout_and_shares_the_rate_of_its_address() {
        let fixture = fixture(Rates { per_key: 100, per_address: 10 });
        for number in 0..20 {
            fixture.admit(&format!("old-{number}")).unwrap();
        }
        assert!(matches!(fixture.admit("old"), Err(Refusal::RateLimited(_))));
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(fixture.admit("good-1"), Ok(()));
    }

    #[test]
    fn all_spellings_of_a_key_share_its_rate() {
        let fixture = fixture(Rates { per_key: 10, per_address: 1 });
        fixture.admit("good-1").unwrap();
        for scheme in ["bearer ", "BEARER ", "Bearer   "].into_iter().cycle().take(19) {
            fixture.admit_with_scheme(scheme, "good-1").unwrap();
        }
        assert!(matches!(
            fixture.admit_with_scheme("bEARER ", "good-1"),
            Err(Refusal::RateLimited(_))
        ));
    }

    #[test]
    fn all_tokens_of_one_subject_share_one_rate() {
        let fixture = fixture(Rates { per_key: 10, per_address: 100 });
        for number in 0..20 {
            fixture.admit(&format!("good-anna/{number}")).unwrap();
        }
        assert!(matches!(fixture.admit("good-anna/20"), Err(Refusal::RateLimited(_))));
        assert_eq!(fixture.admit("good-ben/1"), Ok(()));
    }

    #[test]
    fn an_expired_key_loses_its_own_rate() {
        let over = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&over);
        let accepts = Accepts::judging(move |header| {
            if *seen.lock() { Verdict::NoGuess } else { Verdict::Good(Identity::new(header)) }
        });
        let rates = Rates { per_key: 100, per_address: 2 };
        let guard = Guard::new(accepts, rates, Vec::new(), &Clock::new(|| Duration::ZERO));
        let fixture = Fixture { guard, time: Arc::default() };
        fixture.admit("a").unwrap();
        *over.lock() = true;
        for _ in 0..3 {
            fixture.admit("a").unwrap();
        }
        assert!(matches!(fixture.admit("a"), Err(Refusal::RateLimited(_))));
    }

    #[test]
    fn each_key_has_its_own_rate_and_everything_else_shares_that_of_the_address() {
        let fixture = fixture(Rates { per_key: 10, per_address: 2 });
        let limited = |asked| matches!(asked, Err(Refusal::RateLimited(_)));
        for _ in 0..20 {
            fixture.admit("good-1").unwrap();
        }
        assert!(limited(fixture.admit("good-1")));
        fixture.admit("good-2").unwrap();
        fixture.admit("").unwrap();
        fixture.admit("bad").unwrap();
        assert!(limited(fixture.admit("")));
        assert!(limited(fixture.admit("bad")));
        assert!(limited(fixture.admit("good-3")), "unknown so far");
        assert_eq!(fixture.admit("good-2"), Ok(()));
        *fixture.time.lock() += Duration::from_millis(500);
        assert_eq!(fixture.admit("good-3"), Ok(()));
    }
}
