//! Versions of nats-server.

use std::fmt;

use ledger_contract::errors::{Code, Problem};

/// A version of nats-server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The oldest supported version.
const OLDEST: Release = Release { major: 2, minor: 11, patch: 0 };

impl Release {
    /// Finds the first `major.minor.patch` in a text such as `nats-server: v2.15.1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::parse_word)
    }

    /// Rejects a version that is too old.
    pub(crate) fn check(self) -> Result<(), Problem> {
        if self >= OLDEST {
            return Ok(());
        }
        let message = format!("the NATS server has version {self}; {OLDEST} or newer is required");
        Err(Problem::because(Code::NatsTooOld, message))
    }

    fn parse_word(word: &str) -> Option<Self> {
        let mut numbers = word.trim_start_matches('v').splitn(3, '.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let rest = numbers.next()?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major, minor, patch: digits.parse().ok()? })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_server_output() {
        let found = |text| Release::parse(text).map(|release| release.to_string());
        assert_eq!(found("nats-server: v2.15.1").as_deref(), Some("2.15.1"));
        assert_eq!(found("2.11.0-RC.1").as_deref(), Some("2.11.0"));
        assert_eq!(found("nats-server: vdev"), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn versions_from_2_11_on_are_accepted() {
        for (text, will_do) in
            [("2.10.29", false), ("2.11.0", true), ("2.9.1", false), ("3.0.0", true)]
        {
            assert_eq!(Release::parse(text).unwrap().check().is_ok(), will_do, "{text}");
        }
        assert_eq!(Release::default().check().unwrap_err().code, Code::NatsTooOld);
    }
}
