//! The client address of a request: that of the peer, or the one that a trusted proxy names.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// The prefix length of IPv6 networks that usually belong to one client.
const IPV6_NETWORK_BITS: u32 = 64;

/// The address to which a request is attributed; an extension of the request.
///
/// An IPv4-mapped IPv6 address counts as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Finds the client of a request: the peer or, if the peer is a trusted proxy, the last
    /// untrusted address in `X-Forwarded-For`.
    ///
    /// Entries before that address come from an untrusted sender and are ignored.
    pub(crate) fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut client = peer.to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for line in lines {
            let Ok(line) = line.to_str() else { return Self(client) };
            for entry in line.rsplit(',') {
                if !is_trusted(&client) {
                    return Self(client);
                }
                let Some(address) = parse(entry.trim()) else { return Self(client) };
                client = address;
            }
        }
        Self(client)
    }

    /// Returns the unit that limits apply to: an IPv4 address, or an IPv6 network.
    pub(crate) fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let mask = !(u128::MAX >> IPV6_NETWORK_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }
}

/// Parses an address; some proxies add the port.
fn parse(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let address = entry.parse().ok().or_else(with_port)?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        ClientAddress::find(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn forwarded_addresses_count_only_from_a_trusted_proxy() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn the_last_untrusted_address_is_the_client_regardless_of_earlier_entries() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        let forged = ["1.1.1.1, 198.51.100.7, 10.0.0.9"];
        assert_eq!(client("10.0.0.1", &forged, &trusted), "198.51.100.7");
        let lines = ["1.1.1.1", "198.51.100.7", "10.0.0.9,2001:db8::1"];
        assert_eq!(client("10.0.0.1", &lines, &trusted), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.9"], &trusted), "10.0.0.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.7:4711"], &trusted), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db9::1]:4711"], &trusted), "2001:db9::1");
    }

    #[test]
    fn an_ipv6_network_shares_its_limits_and_an_ipv4_address_has_its_own() {
        let network = |text: &str| ClientAddress(text.parse().unwrap()).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::1"), "::");
    }
}
