//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::Mutex;
use tracing::warn;

use crate::counters::Counters;
use crate::peer::ClientAddress;

/// Counts connections, and says when an address has too many.
///
/// Whose a connection is must be known before its first byte, so that of a proxy is the proxy's,
/// whoever is behind it.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Most connections of one address; 0 is no limit.
    most: usize,
    /// Networks whose addresses have no limit.
    unlimited: Vec<IpNet>,
    counters: Arc<Counters>,
    /// Only addresses that have connections now.
    present: Mutex<HashMap<IpAddr, Present>>,
}

/// The connections of one address.
#[derive(Debug, Default)]
struct Present {
    open: usize,
    /// The log has been told that it has too many.
    told: bool,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    /// Nothing for an address without a limit.
    network: Option<IpAddr>,
}

impl Crowd {
    pub(crate) fn new(most: usize, unlimited: Vec<IpNet>, counters: Arc<Counters>) -> Self {
        Self { most, unlimited, counters, present: Mutex::default() }
    }

    /// Takes a place for a connection; nothing when its address has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = peer.to_canonical();
        let limited = self.most > 0 && !self.unlimited.iter().any(|net| net.contains(&address));
        let network = limited.then(|| ClientAddress(address).network());
        if let Some(network) = network
            && !self.count(network)
        {
            return None;
        }
        self.counters.opened();
        Some(Place { crowd: Arc::clone(self), network })
    }

    /// Counts a connection that is not taken.
    pub(crate) fn turned_away(&self) {
        self.counters.turned_away();
    }

    fn count(&self, network: IpAddr) -> bool {
        let mut present = self.present.lock();
        let found = present.entry(network).or_default();
        if found.open < self.most {
            found.open += 1;
            return true;
        }
        if !found.told {
            found.told = true;
            let most = self.most;
            warn!(client.address = %network, most, "too many connections, refusing its new ones");
        }
        false
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.counters.closed();
        let Some(network) = self.network else { return };
        let mut present = self.crowd.present.lock();
        if let Some(found) = present.get_mut(&network) {
            found.open = found.open.saturating_sub(1);
            if found.open == 0 {
                present.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(most: usize) -> Arc<Crowd> {
        let unlimited = vec!["10.0.0.0/8".parse().unwrap()];
        Arc::new(Crowd::new(most, unlimited, Arc::default()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_places_and_memory_goes_with_the_last() {
        let crowd = crowd(2);
        let one = address("192.0.2.1");
        let places = [crowd.enter(one), crowd.enter(address("::ffff:192.0.2.1"))];
        assert!(places.iter().all(Option::is_some));
        assert!(crowd.enter(one).is_none());
        assert!(crowd.enter(address("192.0.2.2")).is_some());
        drop(places);
        assert!(crowd.present.lock().is_empty());
        assert!(crowd.enter(one).is_some());
    }

    #[test]
    fn an_ipv6_network_shares_its_places() {
        let crowd = crowd(1);
        let _first = crowd.enter(address("2001:db8::1")).unwrap();
        assert!(crowd.enter(address("2001:db8::2")).is_none());
        assert!(crowd.enter(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn some_networks_and_a_limit_of_zero_let_everybody_in() {
        for (most, from) in [(1, "10.1.2.3"), (0, "192.0.2.1")] {
            let crowd = crowd(most);
            let places: Vec<_> = (0..100).map(|_| crowd.enter(address(from)).unwrap()).collect();
            assert!(crowd.present.lock().is_empty());
            drop(places);
        }
    }
}
