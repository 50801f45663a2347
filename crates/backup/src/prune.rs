//! Removing old backups.
//!
//! Manifests go first, then the objects that no manifest names any more. So a kill leaves objects
//! without a manifest, which the next time finds, and never a manifest without its objects. Of a
//! manifest only the names in it are remembered.

use std::collections::HashSet;
use std::time::Duration;

use ledger_contract::operations::Progress;
use ledger_domain::Micros;
use serde::Serialize;

use crate::checker::{Checker, Trust};
use crate::error::BackupError;
use crate::holdings::{self, Present};
use crate::id::BackupId;
use crate::length::length;
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

    /// Returns whether a sound backup is kept that has so many `newer` ones.
    fn keeps(&self, backup: BackupId, newer: usize, now: Micros) -> bool {
        !self.is_some()
            || newer < self.last.unwrap_or_default().max(1)
            || self.younger_than.is_some_and(|max| backup.age(now) <= max)
    }
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Whether nothing was removed, because only a look was asked for.
    pub dry_run: bool,
    /// Whether manifests were checked to be the ledger's own.
    pub checked: bool,
    /// Number of the backups that are kept.
    pub kept: usize,
    /// The backups that were removed.
    pub removed: Vec<BackupId>,
    /// Objects that were removed: those of removed backups, and those of backups that never ended.
    pub objects: u64,
    /// Backups that are damaged. They count for nothing, and are left alone.
    pub damaged: Vec<BackupId>,
    /// Backups whose manifest is not the ledger's own. They count for nothing, and are left alone.
    pub not_authentic: Vec<BackupId>,
}

/// Removes the backups that are not kept, and what belongs to no backup. Blocks.
///
/// Nothing is removed that a manifest names, whoever made it. What a manifest named before it was
/// edited or damaged is not known, so no object is removed that was written before it.
///
/// Errors: `Newer` if a newer program wrote a backup there, because what that consists of is not
/// known; `Restore` if the master key is another.
pub fn prune(
    target: &Target,
    trust: Trust<'_>,
    retention: Retention,
    now: Micros,
    dry_run: bool,
    progress: &dyn Fn(Progress),
) -> Result<PruneReport, BackupError> {
    // Objects are listed before manifests: what is listed then without a manifest is either old or
    // left alone.
    let present = Present::at(target)?;
    let ids = holdings::ids(target)?;
    let checker = Checker::new(trust, target, &ids)?;
    let mut survey = Survey::new(target, &checker, present);
    for backup in ids.into_iter().rev() {
        survey.look_at(backup, retention, now)?;
    }
    let Survey {
        present, named, kept, mut removed, mut damaged, mut not_authentic, unknown, ..
    } = survey;
    for backups in [&mut removed, &mut damaged, &mut not_authentic] {
        backups.reverse();
    }
    let is_garbage = |writer: BackupId| {
        unknown.is_none_or(|unknown| writer > unknown)
            && damaged.binary_search(&writer).is_err()
            && (removed.binary_search(&writer).is_ok() || writer.age(now) > UNFINISHED_AGE)
    };
    let garbage: Vec<&str> = present
        .names()
        .filter(|name| !named.contains(*name))
        .filter(|name| names::writer_of(name).is_some_and(is_garbage))
        .collect();
    let total = length(removed.len() + garbage.len());
    let manifests = removed.iter().map(|backup| names::manifest(*backup));
    let doomed = manifests.chain(garbage.iter().map(|name| (*name).to_owned()));
    for (done, name) in (1..).zip(doomed) {
        if !dry_run {
            target.remove(&name)?;
        }
        progress(Progress { done, total });
    }
    let leftovers = target.remove_leftovers(now, dry_run)?;
    Ok(PruneReport {
        dry_run,
        checked: checker.is_strict(),
        kept,
        objects: length(garbage.len()) + leftovers,
        removed,
        damaged,
        not_authentic,
    })
}

/// What is at a target, as far as its manifests were looked at, the newest first.
struct Survey<'a> {
    target: &'a Target,
    checker: &'a Checker<'a>,
    present: Present,
    /// Whether objects were looked for once more.
    looked_again: bool,
    /// The objects of backups that stay.
    named: HashSet<String>,
    kept: usize,
    removed: Vec<BackupId>,
    damaged: Vec<BackupId>,
    not_authentic: Vec<BackupId>,
    /// The newest backup of which it is not known what it consists of.
    unknown: Option<BackupId>,
}

impl<'a> Survey<'a> {
    fn new(target: &'a Target, checker: &'a Checker<'a>, present: Present) -> Self {
        Self {
            target,
            checker,
            present,
            looked_again: false,
            named: HashSet::new(),
            kept: 0,
            removed: Vec::new(),
            damaged: Vec::new(),
            not_authentic: Vec::new(),
            unknown: None,
        }
    }

    fn look_at(
        &mut self,
        backup: BackupId,
        retention: Retention,
        now: Micros,
    ) -> Result<(), BackupError> {
        let sealed = match holdings::read(self.target, backup) {
            Ok(sealed) => sealed,
            Err(BackupError::Damaged { .. }) => {
                self.damaged.push(backup);
                self.unknown.get_or_insert(backup);
                return Ok(());
            }
            // Somebody else removed it just now.
            Err(BackupError::Unknown { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let manifest = &sealed.manifest;
        if let Err(error) = self.checker.check(&sealed) {
            tracing::warn!(ledger.backup = %backup, %error, "a backup counts for nothing");
            self.not_authentic.push(backup);
            self.unknown.get_or_insert(backup);
        } else if !self.is_here(manifest)? {
            self.damaged.push(backup);
        } else if retention.keeps(backup, self.kept + self.removed.len(), now) {
            self.kept += 1;
        } else {
            self.removed.push(backup);
            return Ok(());
        }
        self.named.extend(manifest.parts().map(|part| part.name));
        Ok(())
    }

    /// Returns whether all objects of a backup are there. If one is not, the backup may have ended
    /// after the first look.
    fn is_here(&mut self, manifest: &Manifest) -> Result<bool, BackupError> {
        if self.present.check(manifest).is_err() && !self.looked_again {
            self.present = Present::at(self.target)?;
            self.looked_again = true;
        }
        Ok(self.present.check(manifest).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400 * 1_000_000;

    /// Returns how many of ten backups are kept, of which one is made each day.
    fn kept(last: Option<usize>, days: Option<u64>) -> usize {
        let younger_than = days.map(|days| Duration::from_hours(24 * days));
        let (retention, now) = (Retention { last, younger_than }, Micros::new(9 * DAY_US));
        let is_kept = |(newer, day): (usize, i64)| {
            let backup = BackupId::after(Micros::new(day * DAY_US), None, &mut rand::rng());
            retention.keeps(backup, newer, now)
        };
        let kept: Vec<_> = (0..10).rev().enumerate().map(is_kept).collect();
        assert!(kept.is_sorted_by(|newer, older| newer >= older), "the oldest go: {kept:?}");
        kept.into_iter().filter(|is_kept| *is_kept).count()
    }

    #[test]
    fn what_any_rule_keeps_is_kept_and_the_latest_always_is() {
        assert_eq!(kept(None, None), 10, "without a rule nothing is removed");
        assert_eq!(kept(Some(3), None), 3);
        assert_eq!(kept(Some(0), None), 1);
        assert_eq!(kept(None, Some(0)), 1);
        assert_eq!(kept(None, Some(4)), 5);
        assert_eq!(kept(Some(7), Some(4)), 7);
        assert_eq!(kept(Some(2), Some(4)), 5);
        assert_eq!(kept(Some(20), None), 10);
    }
}
