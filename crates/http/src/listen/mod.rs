//! The listener: takes connections on one address, with or without TLS, and hands their requests
//! to a router.
//!
//! Read first: [`ListenOptions`], `accept.rs` (connections), `connection.rs` (one of them), and
//! `entry.rs` (a request's way in). All limits are in `limits.rs`.

mod accept;
mod bodies;
mod clock;
mod connection;
mod counters;
mod crowd;
mod entry;
mod generations;
mod guard;
mod headers;
pub mod limits;
mod lockout;
mod peer;
mod pulse;
mod rates;
mod refusal;
mod socket;
mod stop;
mod tls;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::{IpNet, Ipv4Net};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tracing::{error, info, warn};

pub use clock::Clock;
pub use counters::Counters;
pub use guard::{Accepts, Identity, Verdict};
pub use headers::{NoOrigin, Origin};
pub use limits::Limits;
pub use peer::ClientAddress;
pub use rates::{RATE_PER_ADDRESS, RATE_PER_KEY, Rates};
pub use tls::{TlsError, TlsFiles};

use connection::House;
use crowd::Crowd;
use entry::{Doorway, Entry};
use guard::Guard;
use stop::{Stop, Stopper, stop};
use tls::Tls;

/// Between two times at which memory of absent clients is given back.
const SHRINK_INTERVAL: Duration = Duration::from_secs(30);

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

/// Tells whether only this machine can reach the address.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the networks of this machine.
fn loopback() -> Vec<IpNet> {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    vec![v4.into(), IpAddr::from(Ipv6Addr::LOCALHOST).into()]
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Others could read keys and secrets on their way.
    #[error("{address} can be reached from other machines, and without TLS they can read along")]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system does not give the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl ListenError {
    /// Returns the error with its causes, once each.
    pub fn with_causes(&self) -> String {
        chain(self)
    }
}

/// Options that were found good.
#[derive(Debug)]
pub struct Prepared {
    options: ListenOptions,
    tls: Option<Arc<Tls>>,
}

impl Prepared {
    /// Says which keys are good, for whoever knows only after preparing.
    #[must_use]
    pub fn accepting(mut self, accepts: Accepts) -> Self {
        self.options.accepts = accepts;
        self
    }

    /// Starts to listen.
    pub async fn open(self, routes: Router) -> Result<Door, ListenError> {
        let Self { options, tls } = self;
        let failed = |source| ListenError::Bind { address: options.address, source };
        let listener = TcpListener::bind(options.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let limits = options.limits;
        let trusted = options.trusted_proxies;
        let counters = Arc::new(Counters::default());
        let uncounted = [options.uncounted, trusted.clone()].concat();
        let crowd = Crowd::new(limits.connections_per_address, uncounted, Arc::clone(&counters));
        let guard = Guard::new(options.accepts, options.rates, trusted, &options.clock);
        let guard = Arc::new(guard);
        let with_tls = tls.is_some();
        let doorway =
            Doorway { guard: Arc::clone(&guard), counters: Arc::clone(&counters), limits };
        let entry = Entry::new(routes, doorway, &options.cors_origins, with_tls);
        let house = Arc::new(House::new(entry, limits, crowd, tls.clone()));
        let (stopper, stop) = stop();
        tokio::spawn(keep_small(guard, stop.clone()));
        if let Some(tls) = &tls {
            tokio::spawn(Arc::clone(tls).watch(limits.tls_check_interval, stop.clone()));
        }
        let accepting = tokio::spawn(accept::accept(listener, house, stop));
        info!(address = %address, tls = with_tls, "listening");
        if !with_tls && !is_loopback(address.ip()) {
            warn!(address = %address, "no TLS: keys and secrets can be read on the network");
        }
        Ok(Door { address, tls, counters, stopper, accepting })
    }
}

async fn keep_small(guard: Arc<Guard>, mut stop: Stop) {
    let mut ticks = interval(SHRINK_INTERVAL);
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            _ = ticks.tick() => guard.shrink(),
        }
    }
}

/// An open listener. Dropping it ends it as well, without waiting for requests.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    counters: Arc<Counters>,
    stopper: Stopper,
    accepting: JoinHandle<()>,
}

impl Door {
    /// Returns the address, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what is counted, which goes on after the door is closed.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Returns how to reach it from this machine.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V4(_) | IpAddr::V6(_) => {}
        }
        format!("{scheme}://{address}")
    }

    /// Reads the certificates again. Open connections keep theirs; files that cannot be used
    /// change nothing but the log.
    pub async fn reload_certificates(&self) {
        if let Some(tls) = self.tls.clone() {
            tls::off_the_workers(move || tls.reload()).await;
        }
    }

    /// Takes no more connections, lets requests finish in their time, ends feeds, and closes.
    pub async fn shutdown(self) {
        self.stopper.stop();
        if let Err(error) = self.accepting.await {
            error!(%error, "the listener did not end in good order");
        }
    }
}

/// Returns an error with its causes, once each.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
