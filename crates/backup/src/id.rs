//! The ids of backups.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ledger_domain::Micros;
use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

const MICROS_PER_MILLI: i64 = 1_000;

/// Id of a backup (UUIDv7): its order is the order in which the backups of a target were begun.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BackupId(Uuid);

/// A text that is not the id of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a backup, as `connledger backup list` shows it")]
pub struct NoBackupId;

impl BackupId {
    /// Creates an id that follows `latest`, even if the clock was set back since.
    pub(crate) fn after(now: Micros, latest: Option<Self>, rng: &mut impl Rng) -> Self {
        let millis = u64::try_from(now.get() / MICROS_PER_MILLI).unwrap_or_default();
        let millis = latest.map_or(millis, |latest| millis.max(latest.millis() + 1));
        Self(Builder::from_unix_timestamp_millis(millis, &rng.random()).into_uuid())
    }

    /// Returns how long ago it was made; nothing if its time is to come.
    pub(crate) fn age(self, now: Micros) -> Duration {
        let now = u64::try_from(now.get() / MICROS_PER_MILLI).unwrap_or_default();
        Duration::from_millis(now.saturating_sub(self.millis()))
    }

    /// Returns the time in it, in milliseconds.
    fn millis(self) -> u64 {
        u64::try_from(self.0.as_u128() >> 80).unwrap_or_default()
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackupId({self})")
    }
}

impl FromStr for BackupId {
    type Err = NoBackupId;

    fn from_str(text: &str) -> Result<Self, NoBackupId> {
        let id = Uuid::try_parse(text).map_err(|_| NoBackupId)?;
        // One form only, because names of objects are made of it.
        let is_good = id.get_version_num() == 7 && id.hyphenated().to_string() == text;
        is_good.then_some(Self(id)).ok_or(NoBackupId)
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for BackupId {
    type Error = NoBackupId;

    fn try_from(text: String) -> Result<Self, NoBackupId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros::new(1_800_000_000_000_000);

    #[test]
    fn an_id_follows_the_latest_one_whatever_the_clock_says() {
        let mut rng = rand::rng();
        let first = BackupId::after(NOW, None, &mut rng);
        let earlier = Micros::new(NOW.get() - 60_000_000);
        let second = BackupId::after(earlier, Some(first), &mut rng);
        assert!(second > first && second.to_string() > first.to_string());
        assert_eq!(second.age(NOW), Duration::ZERO);
        let later = Micros::new(NOW.get() + 60_000_000);
        assert_eq!(first.age(later), Duration::from_mins(1));
    }

    #[test]
    fn an_id_has_one_form() {
        let id = BackupId::after(NOW, None, &mut rand::rng());
        assert_eq!(id.to_string().parse(), Ok(id));
        let upper = id.to_string().to_uppercase();
        let simple = id.to_string().replace('-', "");
        for bad in ["", "x", "00000000-0000-4000-8000-000000000000", &upper, &simple] {
            assert_eq!(bad.parse::<BackupId>(), Err(NoBackupId), "{bad}");
        }
    }
}
