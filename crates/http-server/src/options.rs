//! The options of a listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use ledger_guard::Clock;

use crate::error::ListenError;
use crate::guard::{Accepts, Rates, Tells};
use crate::headers::Origin;
use crate::limits::Limits;
use crate::tls::{Tls, TlsFiles};

/// The options of a listener.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// The address; port 0 lets the system choose a free one.
    pub address: SocketAddr,
    /// Permits an address that other machines can reach without TLS, so that keys and secrets are
    /// readable in transit.
    pub insecure: bool,
    /// Whether anybody may read what is answered and no request has a credential, so that it needs
    /// no TLS.
    pub public: bool,
    /// The certificates; without them, TLS is off.
    pub tls: Option<TlsFiles>,
    /// The rate limits.
    pub rates: Rates,
    /// Networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks exempt from the limit on connections, as trusted proxies are. The default is this
    /// machine.
    pub uncounted: Vec<IpNet>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<Origin>,
    /// All other limits.
    pub limits: Limits,
    /// The clock of rate limits and lockouts.
    pub clock: Clock,
    /// Judges keys.
    pub accepts: Accepts,
    /// Is told of requests that are refused because of their rate or a lockout.
    pub tells: Tells,
}

impl ListenOptions {
    /// Creates options with defaults for everything else.
    pub fn new(address: SocketAddr, accepts: Accepts) -> Self {
        Self {
            address,
            insecure: false,
            public: false,
            tls: None,
            rates: Rates::default(),
            trusted_proxies: Vec::new(),
            uncounted: loopback(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            clock: Clock::default(),
            accepts,
            tells: Tells::default(),
        }
    }

    /// Checks everything that needs no socket, and reads the certificates.
    pub fn prepare(self) -> Result<Prepared, ListenError> {
        let is_exposed = self.tls.is_none() && !is_loopback(self.address.ip());
        if is_exposed && !self.insecure && !self.public {
            return Err(ListenError::Insecure { address: self.address });
        }
        let tls = self.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        Ok(Prepared { options: self, tls })
    }
}

/// Options that have been checked.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) options: ListenOptions,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Prepared {
    /// Replaces the function that judges keys, for callers that have it only after preparing.
    #[must_use]
    pub fn accepting(mut self, accepts: Accepts) -> Self {
        self.options.accepts = accepts;
        self
    }

    /// Replaces the function that is told of refused requests.
    #[must_use]
    pub fn telling(mut self, tells: Tells) -> Self {
        self.options.tells = tells;
        self
    }
}

/// Returns whether only this machine can reach the address.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the networks of this machine.
fn loopback() -> Vec<IpNet> {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    vec![v4.into(), IpAddr::from(Ipv6Addr::LOCALHOST).into()]
}
