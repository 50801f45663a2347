//! The lifetime of a key, such as `90d`.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_domain::principal::KeyLifetimes;

/// The longest span: a thousand years.
const SECONDS_MAX: u64 = 1_000 * 366 * 86_400;

/// A span of time: a number and `m`, `h`, `d` or `w`; or `never`, for no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime(Option<Duration>);

/// The lifetimes of keys that the ledger issues.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Lifetimes of API keys")]
pub(crate) struct KeyLifetimeArgs {
    /// Lifetime of API keys that are issued without one, such as 12h, 90d or 52w, or never
    #[arg(long, env = "CONNLEDGER_KEY_LIFETIME", default_value = "90d", value_name = "TIME")]
    pub(crate) key_lifetime: Lifetime,
    /// Longest lifetime of API keys. With it, no key lasts forever; keys that exist keep theirs
    #[arg(long, env = "CONNLEDGER_KEY_LIFETIME_MAX", default_value = "never", value_name = "TIME")]
    pub(crate) key_lifetime_max: Lifetime,
}

impl KeyLifetimeArgs {
    /// Returns the lifetimes.
    pub(crate) fn lifetimes(self) -> KeyLifetimes {
        KeyLifetimes { default: self.key_lifetime.0, max: self.key_lifetime_max.0 }
    }
}

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self(None));
        }
        let form = "must be a number and m, h, d or w: 12h, 90d; or never";
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match text.get(number.len()..) {
            Some("m") => 60,
            Some("h") => 3_600,
            Some("d") => 86_400,
            Some("w") => 7 * 86_400,
            _ => return Err(form),
        };
        let number: u32 = number.parse().map_err(|_| form)?;
        if number == 0 {
            return Err("must be more than zero");
        }
        let seconds = u64::from(number).checked_mul(seconds).filter(|all| *all <= SECONDS_MAX);
        seconds.map(|seconds| Self(Some(Duration::from_secs(seconds)))).ok_or("is too long")
    }
}

impl Lifetime {
    /// Returns its length, or `None` if it does not end.
    pub(crate) fn duration(self) -> Option<Duration> {
        self.0
    }

    /// Returns the end of a lifetime that begins at `now`, or `never`.
    pub(crate) fn end(self, now: Micros) -> String {
        let Some(lifetime) = self.0 else { return "never".to_owned() };
        let micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        time::format(Micros::new(now.get().saturating_add(micros)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_number_and_a_unit() {
        let end = |text: &str| text.parse::<Lifetime>().map(|life| life.end(Micros::new(0)));
        assert_eq!(end("90m").unwrap(), "1970-01-01T01:30:00.000000Z");
        assert_eq!(end("36h").unwrap(), "1970-01-02T12:00:00.000000Z");
        assert_eq!(end("31d").unwrap(), "1970-02-01T00:00:00.000000Z");
        assert_eq!(end("1w").unwrap(), "1970-01-08T00:00:00.000000Z");
        assert_eq!(end("never").unwrap(), "never");
        for wrong in
            ["", "d", "Never", "90", "0d", "-1d", "1.5d", "90 d", "9y", "90dd", "4294967295w"]
        {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
