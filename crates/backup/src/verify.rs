//! Checking a backup.

use std::collections::HashSet;
use std::time::Instant;

use ledger_contract::operations::Progress;
use ledger_domain::Position;
use ledger_engine::{PortableKeys, RestoreError};
use ledger_vault::Keyring;
use serde::Serialize;

use crate::error::BackupError;
use crate::holdings::{self, Present};
use crate::id::BackupId;
use crate::manifest::{MAC_PURPOSE, SealedManifest};
use crate::packing::{Joined, get_checked, lines_of};
use crate::target::Target;

/// What a check of a backup found.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// The backup.
    pub backup: BackupId,
    /// Position of the last event in it.
    pub position: u64,
    /// When it was begun.
    pub created_at: String,
    /// Number of objects that were read.
    pub objects: usize,
    /// Their size.
    pub bytes: u64,
    /// Whether its manifest and all lines were checked with the master key. Without it, only
    /// digests are compared.
    pub authentic: bool,
    /// What is wrong with it; empty if all is well.
    pub damage: Vec<String>,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// Reads a whole backup, the latest by default, and compares it with its manifest. With the master
/// key, checks the manifest and each line. Blocks.
///
/// Errors: `Unknown`, `Nothing`, `Newer`; `Damaged` if the manifest cannot be read; `Restore` if
/// the master key is another.
pub fn verify(
    target: &Target,
    backup: Option<BackupId>,
    keyring: Option<&Keyring>,
    progress: &dyn Fn(Progress),
) -> Result<VerifyReport, BackupError> {
    let started = Instant::now();
    let nothing = || BackupError::Nothing { target: target.address().to_string() };
    let backup = match backup {
        Some(backup) => backup,
        None => holdings::ids(target)?.last().copied().ok_or_else(nothing)?,
    };
    let sealed = holdings::read(target, backup)?;
    let mut damage = Vec::new();
    let keys = match keyring {
        None => None,
        Some(keyring) => keep_damage(check_state(target, &sealed, keyring), &mut damage)?,
    };
    let manifest = &sealed.manifest;
    let total = manifest.bytes();
    let mut read = 0;
    progress(Progress { done: 0, total });
    for (index, part) in manifest.parts().enumerate() {
        if let Some(object) = keep_damage(get_checked(target, &part), &mut damage)? {
            // The state comes first, and was checked above.
            let segment = index.checked_sub(manifest.state.len());
            let segment = segment.and_then(|index| manifest.segments.get(index));
            if let (Some(keys), Some(segment)) = (&keys, segment) {
                let checked = lines_of(object).and_then(|mut lines| {
                    let after = Position::new(segment.first - 1);
                    let last = keys.check_events(&mut lines, after);
                    let last = last.map_err(BackupError::of_restore)?;
                    let is_whole = last.get() == segment.last;
                    let cut =
                        || BackupError::damaged(part.name.clone(), "events are missing in it");
                    is_whole.then_some(()).ok_or_else(cut)
                });
                let checked = checked.map_err(|error| in_object(&part.name, error));
                keep_damage(checked, &mut damage)?;
            }
        }
        read += part.bytes;
        progress(Progress { done: read, total });
    }
    Ok(VerifyReport {
        backup,
        position: manifest.position,
        created_at: manifest.created_at.clone(),
        objects: manifest.parts().count(),
        bytes: total,
        authentic: keys.is_some() && damage.is_empty(),
        damage: without_repetition(damage),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Checks the master key and the state, and the manifest with the ledger's MAC key.
pub(crate) fn check_state(
    target: &Target,
    sealed: &SealedManifest,
    keyring: &Keyring,
) -> Result<PortableKeys, BackupError> {
    let mut state = Joined::lines(target, sealed.manifest.state_parts());
    let keys = PortableKeys::open(&mut state, keyring).map_err(BackupError::of_restore);
    let keys = keys.map_err(|error| in_object("the state", error))?;
    sealed.check_mac(|text, mac| keys.verify_mac(MAC_PURPOSE, text, mac))?;
    Ok(keys)
}

/// Returns an error if an object of a backup is missing or has another size.
pub(crate) fn check_presence(target: &Target, sealed: &SealedManifest) -> Result<(), BackupError> {
    Present::at(target)?.check(&sealed.manifest)
}

/// Notes damage and goes on; returns any other error.
fn keep_damage<T>(
    checked: Result<T, BackupError>,
    damage: &mut Vec<String>,
) -> Result<Option<T>, BackupError> {
    match checked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_damage() => {
            damage.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Says in which object a line is that cannot be taken.
pub(crate) fn in_object(name: &str, error: BackupError) -> BackupError {
    match error {
        BackupError::Restore(
            error @ (RestoreError::Input(_)
            | RestoreError::Foreign { .. }
            | RestoreError::Altered { .. }
            | RestoreError::OutOfPlace { .. }
            | RestoreError::LineCutOff { .. }
            | RestoreError::CutOff { .. }),
        ) => BackupError::damaged(name.to_owned(), error.to_string()),
        other => other,
    }
}

/// Keeps the first of equal lines: an object of the state is read twice.
fn without_repetition(damage: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    damage.into_iter().filter(|line| seen.insert(line.clone())).collect()
}
