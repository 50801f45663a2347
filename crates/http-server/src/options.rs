//! Where to listen, whom to let in, and within which limits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use crate::clock::Clock;
use crate::error::ListenError;
use crate::guard::Accepts;
use crate::headers::Origin;
use crate::limits::Limits;
use crate::rates::Rates;
use crate::tls::{Tls, TlsFiles};

/// Where to listen and whom to let in.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// The address; port 0 picks a free one.
    pub address: SocketAddr,
    /// Listen without TLS also where others can reach the address, and read along.
    pub insecure: bool,
    /// Speak TLS.
    pub tls: Option<TlsFiles>,
    /// Requests a second.
    pub rates: Rates,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks whose addresses may have any number of connections, as trusted proxies may: this
    /// machine, unless changed.
    pub uncounted: Vec<IpNet>,
    /// Sites whose pages may use the API.
    pub cors_origins: Vec<Origin>,
    /// All other limits.
    pub limits: Limits,
    /// The time of rates and lockouts.
    pub clock: Clock,
    /// Tells good keys from others.
    pub accepts: Accepts,
}

impl ListenOptions {
    /// Returns options with everything else as it mostly is.
    pub fn new(address: SocketAddr, accepts: Accepts) -> Self {
        Self {
            address,
            insecure: false,
            tls: None,
            rates: Rates::default(),
            trusted_proxies: Vec::new(),
            uncounted: loopback(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            clock: Clock::default(),
            accepts,
        }
    }

    /// Checks what can be checked without listening, and reads the certificates.
    pub fn prepare(self) -> Result<Prepared, ListenError> {
        if self.tls.is_none() && !self.insecure && !is_loopback(self.address.ip()) {
            return Err(ListenError::Insecure { address: self.address });
        }
        let tls = self.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        Ok(Prepared { options: self, tls })
    }
}

/// Options that were found good.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) options: ListenOptions,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Prepared {
    /// Says which keys are good, for whoever knows only after preparing.
    #[must_use]
    pub fn accepting(mut self, accepts: Accepts) -> Self {
        self.options.accepts = accepts;
        self
    }
}

/// Tells whether only this machine can reach the address.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the networks of this machine.
fn loopback() -> Vec<IpNet> {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    vec![v4.into(), IpAddr::from(Ipv6Addr::LOCALHOST).into()]
}
