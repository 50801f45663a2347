//! The oldest accepted versions, and parsing the versions that tools print.

use std::fmt;

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
}
