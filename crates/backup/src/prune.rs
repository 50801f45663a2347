//! Removing old backups.
//!
//! Manifests go first, then the objects that no manifest names any more. So a kill leaves objects
//! without a manifest, which the next time finds, and never a manifest without its objects.

use std::collections::HashSet;
use std::time::Duration;

use ledger_contract::operations::Progress;
use ledger_domain::Micros;
use serde::Serialize;

use crate::error::BackupError;
use crate::holdings::{self, Present};
use crate::id::BackupId;
use crate::manifest::Manifest;
use crate::names;
use crate::target::Target;

/// What has no manifest after this time belongs to no backup that still runs.
pub(crate) const UNFINISHED_AGE: Duration = Duration::from_hours(24);

/// Which backups are kept: those that any rule keeps, and always the latest sound one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of the latest sound ones.
    pub last: Option<usize>,
    /// Those that are not older than this.
    pub younger_than: Option<Duration>,
}

impl Retention {
    /// Returns whether it says anything; without a rule, every backup is kept.
    pub fn is_some(&self) -> bool {
        self.last.is_some() || self.younger_than.is_some()
    }

    /// Returns those of the sound backups, oldest first, that are not kept.
    fn too_many(&self, sound: &[BackupId], now: Micros) -> Vec<BackupId> {
        if !self.is_some() {
            return Vec::new();
        }
        let last = sound.len().saturating_sub(self.last.unwrap_or_default().max(1));
        let older = sound.iter().take(last).copied();
        let young = |id: &BackupId| self.younger_than.is_some_and(|max| id.age(now) <= max);
        older.filter(|id| !young(id)).collect()
    }
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Whether nothing was removed, because only a look was asked for.
    pub dry_run: bool,
    /// The backups that are kept.
    pub kept: usize,
    /// The backups that were removed.
    pub removed: Vec<BackupId>,
    /// Objects that were removed: those of removed backups, and those of backups that never ended.
    pub objects: u64,
    /// Backups that are damaged. They, and what they wrote, are left alone, and count for nothing.
    pub damaged: Vec<BackupId>,
}

/// Removes the backups that are not kept, and what belongs to no backup. Blocks.
///
/// Errors: `Newer` if a newer program wrote a backup there, because what that consists of is not
/// known.
pub fn prune(
    target: &Target,
    retention: Retention,
    now: Micros,
    dry_run: bool,
    progress: &dyn Fn(Progress),
) -> Result<PruneReport, BackupError> {
    let found = Survey::at(target)?;
    let sound: Vec<_> = found.sound.iter().map(|manifest| manifest.backup).collect();
    let removed = retention.too_many(&sound, now);
    let (gone, kept): (Vec<_>, Vec<_>) =
        found.sound.iter().partition(|manifest| removed.contains(&manifest.backup));
    let named: HashSet<String> =
        kept.iter().flat_map(|manifest| manifest.parts()).map(|part| part.name).collect();
    let garbage: Vec<&str> = found
        .present
        .names()
        .filter(|name| !named.contains(*name))
        .filter(|name| {
            names::writer_of(name).is_some_and(|writer| {
                !found.damaged.contains(&writer)
                    && (removed.contains(&writer) || writer.age(now) > UNFINISHED_AGE)
            })
        })
        .collect();
    let total = u64::try_from(gone.len() + garbage.len()).unwrap_or(u64::MAX);
    let manifests = gone.iter().map(|manifest| names::manifest(manifest.backup));
    let doomed = manifests.chain(garbage.iter().map(|name| (*name).to_owned()));
    for (done, name) in (1..).zip(doomed) {
        if !dry_run {
            target.remove(&name)?;
        }
        progress(Progress { done, total });
    }
    let leftovers = target.remove_leftovers(now, dry_run)?;
    let objects = u64::try_from(garbage.len()).unwrap_or(u64::MAX) + leftovers;
    Ok(PruneReport { dry_run, kept: kept.len(), removed, objects, damaged: found.damaged })
}

/// What is at a target.
struct Survey {
    /// Manifests of sound backups, oldest first.
    sound: Vec<Manifest>,
    damaged: Vec<BackupId>,
    present: Present,
}

impl Survey {
    fn at(target: &Target) -> Result<Self, BackupError> {
        // Objects are listed before manifests: what is listed then without a manifest is either old
        // or left alone.
        let present = Present::at(target)?;
        let mut found = Self { sound: Vec::new(), damaged: Vec::new(), present };
        for backup in holdings::ids(target)? {
            match holdings::read(target, backup) {
                Ok(sealed) if is_here(target, &found.present, &sealed.manifest)? => {
                    found.sound.push(sealed.manifest);
                }
                Ok(_) | Err(BackupError::Damaged { .. }) => found.damaged.push(backup),
                // Somebody else removed it just now.
                Err(BackupError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Returns whether all objects of a backup are there. One that ended after the first look is looked
/// at again.
fn is_here(target: &Target, present: &Present, manifest: &Manifest) -> Result<bool, BackupError> {
    Ok(present.check(manifest).is_ok() || Present::at(target)?.check(manifest).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400 * 1_000_000;

    fn ids(count: i64) -> Vec<BackupId> {
        (0..count)
            .map(|day| BackupId::after(Micros::new(day * DAY_US), None, &mut rand::rng()))
            .collect()
    }

    #[test]
    fn what_any_rule_keeps_is_kept_and_the_latest_always_is() {
        let ids = ids(10);
        let now = Micros::new(9 * DAY_US);
        let left = |last, days: Option<u64>| {
            let younger_than = days.map(|days| Duration::from_hours(24 * days));
            let retention = Retention { last, younger_than };
            ids.len() - retention.too_many(&ids, now).len()
        };
        assert_eq!(left(None, None), 10, "without a rule nothing is removed");
        assert_eq!(left(Some(3), None), 3);
        assert_eq!(left(Some(0), None), 1);
        assert_eq!(left(None, Some(0)), 1);
        assert_eq!(left(None, Some(4)), 5);
        assert_eq!(left(Some(7), Some(4)), 7);
        assert_eq!(left(Some(2), Some(4)), 5);
        assert_eq!(left(Some(20), None), 10);
        assert!(Retention { last: Some(1), younger_than: None }.too_many(&[], now).is_empty());
    }

    #[test]
    fn the_oldest_are_removed() {
        let ids = ids(4);
        let retention = Retention { last: Some(2), younger_than: None };
        assert_eq!(retention.too_many(&ids, Micros::new(0)), ids[..2]);
    }
}
