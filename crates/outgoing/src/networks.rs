//! Which addresses may be reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are nobody's place on the Internet (RFC 6890 and its registry): private, of this
/// machine or link, for documentation, multicast and reserved.
const SPECIAL_V4: [(Ipv4Addr, u8); 14] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, and what was reserved.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Of the addresses in `2000::/3`, which are all that are given out, those of no host of their own:
/// what carries IPv4 addresses to reach, and what is for protocols and documentation.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// A network, such as `10.1.0.0/16` or `fd00::/8`; a single address is a network of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = text.parse::<IpAddr>().ok().map(IpNet::from);
        let network = one.or_else(|| text.parse().ok());
        network.map(Self).ok_or("must be a network such as 10.1.0.0/16 or fd00::/8")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which addresses a client may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All, since an operator named what is asked.
    #[default]
    Anywhere,
    /// Public ones, and those in these networks.
    Public(Vec<Network>),
    /// Those in these networks only.
    Only(Vec<Network>),
}

impl Reach {
    /// Returns whether an address may be reached. One of IPv4 in the form of IPv6 is taken for what
    /// it is.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |networks: &[Network]| networks.iter().any(|one| one.0.contains(&address));
        match self {
            Self::Anywhere => true,
            Self::Public(more) => is_public(address) || within(more),
            Self::Only(networks) => within(networks),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(network, length)| {
            Ipv4Net::new(*network, *length).is_ok_and(|network| network.contains(&address))
        }),
        IpAddr::V6(address) => {
            let is_given_out = address.segments().first().is_some_and(|first| first >> 13 == 1);
            is_given_out
                && !SPECIAL_V6.iter().any(|(network, length)| {
                    Ipv6Net::new(*network, *length).is_ok_and(|network| network.contains(&address))
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(reach: &Reach, address: &str) -> bool {
        reach.permits(address.parse().expect("an address"))
    }

    #[test]
    fn only_public_addresses_and_allowed_networks_are_reached() {
        let public = Reach::Public(Vec::new());
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(permits(&public, address), "{address}");
        }
        let special = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in special {
            assert!(!permits(&public, address), "{address}");
            assert!(permits(&Reach::Anywhere, address), "{address}");
        }
        let networks: Vec<Network> = ["10.1.0.0/16", "fd00::/8", "127.0.0.1"]
            .map(|text| text.parse().expect("a network"))
            .to_vec();
        let more = Reach::Public(networks.clone());
        let only = Reach::Only(networks);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "127.0.0.1"] {
            assert!(permits(&more, address) && permits(&only, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "fe80::1"] {
            assert!(!permits(&more, address) && !permits(&only, address), "{address}");
        }
        assert!(permits(&more, "1.1.1.1") && !permits(&only, "1.1.1.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "example.com/8", "*"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!("::1".parse::<Network>().expect("an address").to_string(), "::1/128");
    }
}
