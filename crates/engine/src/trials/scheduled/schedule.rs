//! How often connections are tested, and when.

use std::time::Duration;

use ledger_domain::{CheckedText as _, Connection, ConnectionId, Micros};
use ledger_providers::Catalogue;

/// How often connections are tested by the server itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestSchedule {
    /// The rules. Of those about a connection the most specific one decides, and of two that are
    /// equally specific the last.
    pub rules: Vec<TestScheduleRule>,
    /// Most tests of one provider at once.
    pub per_provider: usize,
}

/// A rule of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestScheduleRule {
    /// The connections that it is about.
    pub of: Scheduled,
    /// The time between two tests of one of them; `None` if they are not tested.
    pub every: Option<Duration>,
}

/// The connections that a rule is about, the least specific first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheduled {
    /// All.
    All,
    /// Those of a provider, in any spelling of the catalogue.
    Provider(String),
    /// Those with a label.
    Label {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// One connection.
    Connection {
        /// Its home workspace.
        workspace: String,
        /// Its slug.
        slug: String,
    },
}

impl Scheduled {
    const fn rank(&self) -> u8 {
        match self {
            Self::All => 0,
            Self::Provider(_) => 1,
            Self::Label { .. } => 2,
            Self::Connection { .. } => 3,
        }
    }

    fn has(&self, catalogue: &Catalogue, connection: &Connection) -> bool {
        match self {
            Self::All => true,
            Self::Provider(name) => {
                catalogue.is_same_provider(name, connection.details.provider.as_str())
            }
            Self::Label { key, value } => connection
                .details
                .labels
                .iter()
                .any(|(own, is)| own.text() == key && is.text() == value),
            Self::Connection { workspace, slug } => {
                connection.workspace.as_str() == workspace
                    && connection.slug.as_str().eq_ignore_ascii_case(slug)
            }
        }
    }
}

impl TestSchedule {
    /// Returns the time between two tests of a connection, if it is tested.
    pub(super) fn every(&self, catalogue: &Catalogue, connection: &Connection) -> Option<Duration> {
        let about = self.rules.iter().filter(|rule| rule.of.has(catalogue, connection));
        // Of several greatest ones, this is the last.
        about.max_by_key(|rule| rule.of.rank())?.every
    }
}

/// Returns the next of a connection's times after `now`.
pub(super) fn next_time(id: ConnectionId, every: Duration, now: Micros) -> Micros {
    let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1);
    // The end of an id is random.
    let random = id.uuid().as_u128() & u128::from(u64::MAX >> 1);
    let random = i64::try_from(random).unwrap_or_default();
    let since_last = now.get().wrapping_sub(random).rem_euclid(every);
    Micros::new(now.get().saturating_add(every - since_last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn times_are_spread_over_the_connections_and_do_not_move() {
        let now = Micros::new(1_700_000_000_000_000);
        let mut by_second = [0_u32; 60];
        for number in 0..6_000_u32 {
            let bytes = blake3::hash(&number.to_be_bytes());
            let (id, _) = bytes.as_bytes().split_at(16);
            let id = ConnectionId::from_bytes(id.try_into().expect("16 bytes"));
            let first = next_time(id, MINUTE, now);
            let wait = first.get() - now.get();
            assert!((1..=60_000_000).contains(&wait), "{wait}");
            assert_eq!(next_time(id, MINUTE, first).get(), first.get() + 60_000_000);
            let late = Micros::new(first.get() + 59_999_999);
            assert_eq!(next_time(id, MINUTE, late).get(), first.get() + 60_000_000);
            by_second[usize::try_from((wait - 1) / 1_000_000).expect("small")] += 1;
        }
        assert!(by_second.iter().all(|count| (40..180).contains(count)), "{by_second:?}");
    }
}
