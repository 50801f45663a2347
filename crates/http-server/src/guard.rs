//! Admission of requests: rate limits, and a lockout against guessing keys.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;
use ledger_contract::errors::{Code, Problem};
use ledger_guard::{Clock, Identity, Limited, Mark, Verdict};
use tracing::warn;

use crate::credential::credential;
use crate::peer::ClientAddress;

/// The default rate for each key, in requests per second.
pub const RATE_PER_KEY: u32 = 2_000;
/// The default rate for requests without an accepted key from each address, in requests per second.
pub const RATE_PER_ADDRESS: u32 = 100;

/// Rates in requests per second; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For each key.
    pub per_key: u32,
    /// For each address, shared by its requests without an accepted key.
    pub per_address: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_key: RATE_PER_KEY, per_address: RATE_PER_ADDRESS }
    }
}

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

/// Checks requests by their address and key; see [`ledger_guard::Guard`]. A key is recognized at
/// the address from which it was accepted.
pub(crate) struct Guard {
    accepts: Accepts,
    tells: Tells,
    trusted: Vec<IpNet>,
    limits: ledger_guard::Guard<IpAddr>,
}

impl Guard {
    pub(crate) fn new(accepts: Accepts, rates: Rates, trusted: Vec<IpNet>, clock: &Clock) -> Self {
        let Rates { per_key, per_address } = rates;
        // Whoever has many addresses pays for each of them, so no rate of all is needed.
        let rates = ledger_guard::Rates { per_key, per_source: per_address, strangers: 0 };
        let limits = ledger_guard::Guard::new(rates, clock);
        Self { accepts, tells: Tells::default(), trusted, limits }
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
    ) -> Result<ClientAddress, Limited> {
        let client = ClientAddress::find(peer, headers, &self.trusted);
        // The route refuses a request with two keys, and checks neither of them.
        let credential = credential(headers).unwrap_or_default();
        let credential = credential.as_deref();
        let admitted = self.check(client.network(), credential);
        admitted.map(|()| client).inspect_err(|limited| {
            let (code, address) = (limited.code(), client.0);
            (self.tells.0)(Refused { code, address, credential });
        })
    }

    /// Admits or refuses a credential that a client sent in another way than in a header.
    fn admit_credential(&self, client: ClientAddress, credential: &str) -> Result<(), Limited> {
        let credential = Some(credential);
        self.check(client.network(), credential).inspect_err(|limited| {
            let (code, address) = (limited.code(), client.0);
            (self.tells.0)(Refused { code, address, credential });
        })
    }

    fn check(&self, network: IpAddr, credential: Option<&str>) -> Result<(), Limited> {
        let mark = credential.map(|credential| self.mark(network, credential));
        let visit = self.limits.admit(Some(network), mark, NonZeroU32::MIN)?;
        let Some(credential) = credential else { return Ok(()) };
        let lockout = self.limits.judged(&visit, self.accepts.judge(credential))?;
        if let Some(time) = lockout {
            warn!(
                client.address = %network,
                seconds = time.as_secs(),
                "too many invalid keys, refusing unknown keys for a while"
            );
        }
        Ok(())
    }

    fn mark(&self, network: IpAddr, credential: &str) -> Mark {
        let digest = |network: &[u8]| self.limits.digest(&[network, credential.as_bytes()]);
        Mark::Credential(match network {
            IpAddr::V4(network) => digest(&network.octets()),
            IpAddr::V6(network) => digest(&network.octets()),
        })
    }

    /// Frees the memory for clients that have not been seen for a while.
    pub(crate) fn shrink(&self) {
        self.limits.shrink();
    }
}

/// Admits credentials that come in a body, as from the form of a page, by the rates and lockouts
/// that hold for those in headers; an extension of each request.
#[derive(Clone, Debug)]
pub struct CredentialGate {
    guard: Arc<Guard>,
    client: ClientAddress,
}

impl CredentialGate {
    pub(crate) fn new(guard: Arc<Guard>, client: ClientAddress) -> Self {
        Self { guard, client }
    }

    /// Admits or refuses a credential, in the form `Bearer <key>`. One that is invalid is admitted
    /// until a lockout, so that whoever asks finds out by itself what is wrong with it.
    ///
    /// Errors: `rate_limited`, `credential_lockout`.
    pub fn admit(&self, credential: &str) -> Result<(), Problem> {
        Ok(self.guard.admit_credential(self.client, credential)?)
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
        fn admit(&self, key: &str) -> Result<(), Limited> {
            self.admit_with_scheme("Bearer ", key)
        }

        fn admit_with_scheme(&self, scheme: &str, key: &str) -> Result<(), Limited> {
            let mut headers = HeaderMap::new();
            if !key.is_empty() {
                headers.insert(AUTHORIZATION, format!("{scheme}{key}").parse().unwrap());
            }
            self.guard.admit(HOME, &headers).map(drop)
        }
    }

    #[test]
    fn all_spellings_of_a_key_share_its_rate() {
        let fixture = fixture(Rates { per_key: 10, per_address: 1 });
        fixture.admit("good-1").unwrap();
        for scheme in ["bearer ", "BEARER ", "Bearer   "].into_iter().cycle().take(19) {
            fixture.admit_with_scheme(scheme, "good-1").unwrap();
        }
        assert!(matches!(fixture.admit_with_scheme("bEARER ", "good-1"), Err(Limited::Rate(_))));
    }

    #[test]
    fn all_tokens_of_one_subject_share_one_rate() {
        let fixture = fixture(Rates { per_key: 10, per_address: 100 });
        for number in 0..20 {
            fixture.admit(&format!("good-anna/{number}")).unwrap();
        }
        assert!(matches!(fixture.admit("good-anna/20"), Err(Limited::Rate(_))));
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
        assert!(matches!(fixture.admit("a"), Err(Limited::Rate(_))));
    }

    #[test]
    fn each_key_has_its_own_rate_and_everything_else_shares_that_of_the_address() {
        let fixture = fixture(Rates { per_key: 10, per_address: 2 });
        let limited = |asked| matches!(asked, Err(Limited::Rate(_)));
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
