//! Starting and stopping a listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tracing::{error, info, warn};

use crate::accept;
use crate::connection::ConnectionServer;
use crate::connection_limiter::ConnectionLimiter;
use crate::counters::Counters;
use crate::entry::{Admission, Entry};
use crate::error::ListenError;
use crate::guard::Guard;
use crate::options::{Prepared, is_loopback};
use crate::stop::{Stop, Stopper, stop};
use crate::tls::{self, Tls};

/// Interval at which the memory of absent clients is freed.
const SHRINK_INTERVAL: Duration = Duration::from_secs(30);

impl Prepared {
    /// Starts listening.
    pub async fn open(self, routes: Router) -> Result<Listener, ListenError> {
        let Self { options, tls } = self;
        let failed = |source| ListenError::Bind { address: options.address, source };
        let listener = TcpListener::bind(options.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let limits = options.limits;
        let trusted = options.trusted_proxies;
        let counters = Arc::new(Counters::default());
        let uncounted = [options.uncounted, trusted.clone()].concat();
        let limiter = ConnectionLimiter::new(
            limits.connections_per_address,
            uncounted,
            Arc::clone(&counters),
        );
        let guard = Guard::new(options.accepts, options.rates, trusted, &options.clock);
        let guard = guard.telling(options.tells);
        let guard = Arc::new(guard);
        let (with_tls, public) = (tls.is_some(), options.public);
        let admission =
            Admission { guard: Arc::clone(&guard), counters: Arc::clone(&counters), limits };
        let entry = Entry::new(routes, admission, &options.cors_origins, with_tls);
        let server = Arc::new(ConnectionServer::new(entry, limits, limiter, tls.clone()));
        let (stopper, stop) = stop();
        tokio::spawn(keep_small(guard, stop.clone()));
        if let Some(tls) = &tls {
            tokio::spawn(Arc::clone(tls).watch(limits.tls_check_interval, stop.clone()));
        }
        let accepting = tokio::spawn(accept::accept(listener, server, stop));
        info!(address = %address, tls = with_tls, "listening");
        if !with_tls && !public && !is_loopback(address.ip()) {
            warn!(address = %address, "no TLS: keys and secrets are readable on the network");
        }
        Ok(Listener { address, tls, counters, stopper, accepting })
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

/// An open listener. Dropping it closes it without waiting for requests.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    counters: Arc<Counters>,
    stopper: Stopper,
    accepting: JoinHandle<()>,
}

impl Listener {
    /// Returns the address, including a port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the counters, which outlive the listener.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Returns the URL that reaches the listener from this machine.
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

    /// Reloads the certificates. Open connections keep theirs. Unusable files are logged, and the
    /// certificates in use stay.
    pub async fn reload_certificates(&self) {
        if let Some(tls) = self.tls.clone() {
            tls::off_the_workers(move || tls.reload()).await;
        }
    }

    /// Stops accepting connections, ends feeds, waits for requests up to the drain timeout, and
    /// closes.
    pub async fn shutdown(self) {
        self.stopper.stop();
        if let Err(error) = self.accepting.await {
            error!(%error, "the listener did not shut down cleanly");
        }
    }
}
