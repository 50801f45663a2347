//! How long API keys last.

use std::time::Duration;

use crate::ids::Micros;
use crate::text::InvalidField;

/// The lifetime of keys for which nobody names another.
const DEFAULT: Duration = Duration::from_hours(90 * 24);
/// By how much a requested end may exceed the ceiling, because it is computed by another clock.
const LEEWAY: Duration = Duration::from_mins(1);
/// The warning of a key's end comes at most this long before it.
const WARNING_MAX: Duration = Duration::from_hours(14 * 24);
/// The warning comes when this part of the lifetime is left, or later.
const WARNING_PART: u32 = 4;
/// The name of the field in errors.
const FIELD: &str = "expires_at";

/// When a new key is to expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyEnd {
    /// After the default lifetime.
    #[default]
    AfterDefault,
    /// Never.
    Never,
    /// At this time.
    At(Micros),
}

impl KeyEnd {
    /// Returns the requested time, if one is requested.
    pub const fn time(self) -> Option<Micros> {
        match self {
            Self::At(time) => Some(time),
            Self::AfterDefault | Self::Never => None,
        }
    }
}

/// The lifetimes that a ledger gives to new keys. Earlier keys keep theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetimes {
    /// The lifetime of keys for which nobody names another, or the longest, if that is shorter;
    /// such keys never expire if there is neither.
    pub default: Option<Duration>,
    /// The longest lifetime. With one, no key lasts forever.
    pub max: Option<Duration>,
}

impl Default for KeyLifetimes {
    fn default() -> Self {
        Self { default: Some(DEFAULT), max: None }
    }
}

impl KeyLifetimes {
    /// Returns when a key that is issued now expires; never if `None`.
    pub fn end(self, wanted: KeyEnd, now: Micros) -> Option<Micros> {
        match wanted {
            KeyEnd::Never => None,
            KeyEnd::At(time) => Some(time),
            KeyEnd::AfterDefault => {
                let lifetime = [self.default, self.max].into_iter().flatten().min();
                lifetime.map(|lifetime| later(now, lifetime))
            }
        }
    }

    /// Checks that a key that is issued now does not outlast the longest lifetime.
    pub fn check(self, end: Option<Micros>, now: Micros) -> Result<(), InvalidField> {
        let Some(max) = self.max else { return Ok(()) };
        if end.is_some_and(|end| end <= later(now, max + LEEWAY)) {
            return Ok(());
        }
        let hours = max.as_secs() / 3_600;
        let shown = if hours.is_multiple_of(24) && hours > 0 {
            format!("{} days", hours / 24)
        } else {
            format!("{} minutes", max.as_secs() / 60)
        };
        Err(InvalidField::new(FIELD, format!("must be within {shown}, the ceiling of this ledger")))
    }
}

/// Returns when to begin to warn of the end of a key.
pub(super) fn warning_at(issued_at: Micros, end: Micros) -> Micros {
    let lifetime = end.get().saturating_sub(issued_at.get());
    let lifetime = Duration::from_micros(u64::try_from(lifetime).unwrap_or(0));
    let before = (lifetime / WARNING_PART).min(WARNING_MAX);
    Micros::new(end.get().saturating_sub(micros(before)))
}

fn later(now: Micros, by: Duration) -> Micros {
    Micros::new(now.get().saturating_add(micros(by)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const NOW: Micros = Micros::new(1_000_000);

    fn in_days(days: u32) -> Micros {
        later(NOW, DAY * days)
    }

    #[test]
    fn a_key_ends_by_default_and_lasts_forever_only_by_request() {
        let lifetimes = KeyLifetimes::default();
        assert_eq!(lifetimes.end(KeyEnd::AfterDefault, NOW), Some(in_days(90)));
        assert_eq!(lifetimes.end(KeyEnd::Never, NOW), None);
        assert_eq!(lifetimes.end(KeyEnd::At(in_days(1)), NOW), Some(in_days(1)));
        let forever = KeyLifetimes { default: None, max: None };
        assert_eq!(forever.end(KeyEnd::AfterDefault, NOW), None);
        assert!(forever.check(None, NOW).is_ok());
    }

    #[test]
    fn no_key_outlasts_the_ceiling() {
        let lifetimes = KeyLifetimes { max: Some(DAY * 30), ..KeyLifetimes::default() };
        let end = lifetimes.end(KeyEnd::AfterDefault, NOW);
        assert_eq!(end, Some(in_days(30)));
        for good in [end, Some(in_days(1)), Some(Micros::new(0))] {
            assert!(lifetimes.check(good, NOW).is_ok(), "{good:?}");
        }
        for bad in [None, Some(in_days(31))] {
            let refused = lifetimes.check(bad, NOW).unwrap_err();
            assert_eq!(refused.problem, "must be within 30 days, the ceiling of this ledger");
        }
    }

    #[test]
    fn the_warning_comes_fourteen_days_before_the_end_or_at_its_last_quarter() {
        assert_eq!(warning_at(NOW, in_days(90)), in_days(76));
        assert_eq!(warning_at(NOW, in_days(8)), in_days(6));
        assert_eq!(warning_at(NOW, Micros::new(0)), Micros::new(0), "it had ended already");
    }
}
