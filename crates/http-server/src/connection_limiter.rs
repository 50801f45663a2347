//! The limit on connections from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;
use tracing::warn;

use crate::counters::Counters;
use crate::peer::ClientAddress;

/// Limits the number of open connections from each address.
///
/// A connection is attributed before its first byte is read, so a proxy's connections count for
/// the proxy and not for the clients behind it.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    /// Most connections from one address; 0 means no limit.
    most: usize,
    /// Networks whose addresses are exempt.
    unlimited: Vec<IpNet>,
    counters: Arc<Counters>,
    /// The addresses that have open connections.
    addresses: Mutex<HashMap<IpAddr, AddressConnections>>,
}

/// The connections of one address.
#[derive(Debug, Default)]
struct AddressConnections {
    open: usize,
    /// Whether a warning about too many has been logged.
    logged: bool,
}

/// A permit for one connection, released when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// Nothing for an exempt address.
    network: Option<IpAddr>,
}

impl ConnectionLimiter {
    pub(crate) fn new(most: usize, unlimited: Vec<IpNet>, counters: Arc<Counters>) -> Self {
        Self { most, unlimited, counters, addresses: Mutex::default() }
    }

    /// Returns a permit for a connection; nothing if its address has reached the limit.
    pub(crate) fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPermit> {
        let address = peer.to_canonical();
        let limited = self.most > 0 && !self.unlimited.iter().any(|net| net.contains(&address));
        let network = limited.then(|| ClientAddress(address).network());
        if let Some(network) = network
            && !self.count(network)
        {
            return None;
        }
        self.counters.connection_opened();
        Some(ConnectionPermit { limiter: Arc::clone(self), network })
    }

    /// Counts a refused connection.
    pub(crate) fn count_refused(&self) {
        self.counters.connection_refused();
    }

    fn count(&self, network: IpAddr) -> bool {
        let mut addresses = self.addresses.lock();
        let found = addresses.entry(network).or_default();
        if found.open < self.most {
            found.open += 1;
            return true;
        }
        if !found.logged {
            found.logged = true;
            let most = self.most;
            warn!(client.address = %network, most, "too many connections, refusing its new ones");
        }
        false
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.counters.connection_closed();
        let Some(network) = self.network else { return };
        let mut addresses = self.limiter.addresses.lock();
        if let Some(found) = addresses.get_mut(&network) {
            found.open = found.open.saturating_sub(1);
            if found.open == 0 {
                addresses.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(most: usize) -> Arc<ConnectionLimiter> {
        let unlimited = vec!["10.0.0.0/8".parse().unwrap()];
        Arc::new(ConnectionLimiter::new(most, unlimited, Arc::default()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_limit_and_is_forgotten_with_its_last_connection() {
        let limiter = limiter(2);
        let one = address("192.0.2.1");
        let permits = [limiter.acquire(one), limiter.acquire(address("::ffff:192.0.2.1"))];
        assert!(permits.iter().all(Option::is_some));
        assert!(limiter.acquire(one).is_none());
        assert!(limiter.acquire(address("192.0.2.2")).is_some());
        drop(permits);
        assert!(limiter.addresses.lock().is_empty());
        assert!(limiter.acquire(one).is_some());
    }

    #[test]
    fn an_ipv6_network_shares_one_limit() {
        let limiter = limiter(1);
        let _first = limiter.acquire(address("2001:db8::1")).unwrap();
        assert!(limiter.acquire(address("2001:db8::2")).is_none());
        assert!(limiter.acquire(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn exempt_networks_and_a_limit_of_zero_are_unlimited() {
        for (most, from) in [(1, "10.1.2.3"), (0, "192.0.2.1")] {
            let limiter = limiter(most);
            let permits: Vec<_> =
                (0..100).map(|_| limiter.acquire(address(from)).unwrap()).collect();
            assert!(limiter.addresses.lock().is_empty());
            drop(permits);
        }
    }
}
