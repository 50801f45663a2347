//! Restoring a ledger from a backup.

use std::collections::BTreeMap;
use std::time::Instant;

use ledger_contract::operations::Progress;
use ledger_contract::time;
use ledger_domain::{ConnectionId, MasterKeyId, Position};
use ledger_engine::{Restoration, RestoreError, RestoreOptions, RestoreStage, Restored, Taken};
use ledger_vault::{Keyring, OpenError as UnsealError};
use serde::Serialize;

use crate::checker::{Checker, Trust};
use crate::error::BackupError;
use crate::holdings::{self, Present};
use crate::id::BackupId;
use crate::manifest::{Manifest, SealedManifest};
use crate::packing::{Joined, get_checked, lines_of};
use crate::target::Target;
use crate::verify::check_state;

/// What becomes of connections that a backup still has, and that were erased after it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErasedSince {
    /// Their data keys are left out, and the first start erases them again.
    #[default]
    EraseAgain,
    /// They come back.
    Keep,
}

/// What was restored.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The backup.
    pub backup: BackupId,
    /// When it was begun.
    pub created_at: String,
    /// Id of the ledger.
    pub ledger: String,
    /// Name of the new history.
    pub incarnation: String,
    /// Name of the history that was restored. Up to the position, both are the same.
    pub former_incarnation: String,
    /// Position of the last event.
    pub position: u64,
    /// Time of that event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Position of the last event in the backup.
    pub backup_position: u64,
    /// Later backups that were left out because they are damaged, with what is wrong.
    pub left_out: Vec<String>,
    /// Connections that were erased after the backup was made, and that the first start erases
    /// again. Their secrets were not restored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased_again: Vec<String>,
    /// Connections that were erased after what was restored, and came back because that was asked
    /// for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub came_back: Vec<String>,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// Makes a data directory of a backup, the latest sound one by default. Digests are compared, and
/// the master key and the MACs are checked, before anything is made of what was read. Blocks.
///
/// Errors: `Unknown`, `Nothing`, `Newer`, `Damaged`, those of the target; `Restore`, for example if
/// the folder is not empty, the master key is another, or the backup ends too early for the target.
/// What was written then is removed.
pub fn restore(
    target: &Target,
    backup: Option<BackupId>,
    erased: ErasedSince,
    mut options: RestoreOptions<'_>,
    progress: &(dyn Fn(RestoreStage, Progress) + Sync),
) -> Result<RestoreReport, BackupError> {
    let started = Instant::now();
    let (sealed, left_out) = choose(target, backup, options.keyring)?;
    let manifest = sealed.manifest;
    let later = erased_later(target, &manifest, options.keyring);
    // A node follows the erasures that came after the backup.
    let keeps_erased = erased == ErasedSince::Keep;
    options.keeps_erased = keeps_erased || options.keeps_history;
    match later {
        Ok(later) => options.erased = later.into_keys().collect(),
        // Whoever wants everything gets it, also if the list cannot be read.
        Err(error) if options.keeps_erased => {
            tracing::warn!(%error, "which connections were erased since is not known");
        }
        Err(error) => return Err(error),
    }
    let restored = restore_from(target, &manifest, options, progress)?;
    let later = restored.erased_later.iter().map(ToString::to_string).collect();
    let (erased_again, came_back) = match erased {
        ErasedSince::EraseAgain => (later, Vec::new()),
        ErasedSince::Keep => (Vec::new(), later),
    };
    for connection in &came_back {
        tracing::warn!(ledger.connection.id = %connection, "an erased connection came back");
    }
    Ok(RestoreReport {
        erased_again,
        came_back,
        backup: manifest.backup,
        created_at: manifest.created_at,
        ledger: restored.identity.ledger.to_string(),
        incarnation: restored.identity.incarnation.to_string(),
        former_incarnation: restored.former.to_string(),
        position: restored.position.get(),
        recorded_at: restored.recorded_at.map(time::format),
        backup_position: manifest.position,
        left_out,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Returns the backup to restore, and what is wrong with those that were left out.
fn choose(
    target: &Target,
    backup: Option<BackupId>,
    keyring: &Keyring,
) -> Result<(SealedManifest, Vec<String>), BackupError> {
    let present = Present::at(target)?;
    if let Some(backup) = backup {
        return Ok((check(target, backup, &present, keyring)?, Vec::new()));
    }
    let mut left_out = Vec::new();
    for backup in holdings::ids(target)?.into_iter().rev() {
        match check(target, backup, &present, keyring) {
            Ok(sealed) => return Ok((sealed, left_out)),
            Err(error) if error.is_damage() => {
                tracing::warn!(ledger.backup = %backup, %error, "a damaged backup is left out");
                left_out.push(format!("{backup}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    if left_out.is_empty() {
        return Err(BackupError::Nothing { target: target.address().to_string() });
    }
    Err(BackupError::damaged("every backup".to_owned(), left_out.join("; ")))
}

/// Returns the connections that were erased by the time of the latest backup, with the position of
/// each erasure. Each backup lists those of the ones before it.
///
/// Errors: those of the target; `Foreign`, `Newer`.
fn erased_later(
    target: &Target,
    manifest: &Manifest,
    keyring: &Keyring,
) -> Result<BTreeMap<ConnectionId, u64>, BackupError> {
    let ids = holdings::ids(target)?;
    let checker = Checker::new(Trust::MasterKey(keyring), target, &ids)?;
    let latest = holdings::latest(target, &ids, &checker)?;
    let latest = latest.map(|latest| latest.erased).unwrap_or_default();
    let all = manifest.erased.iter().chain(&latest);
    Ok(all.filter_map(|(id, position)| Some((id.parse().ok()?, *position))).collect())
}

/// Reads the manifest of a backup, and checks it with the master key.
fn check(
    target: &Target,
    backup: BackupId,
    present: &Present,
    keyring: &Keyring,
) -> Result<SealedManifest, BackupError> {
    let sealed = holdings::read(target, backup)?;
    present.check(&sealed.manifest)?;
    check_state(target, &sealed, sealed.manifest.state_parts(), keyring)?;
    expect_keys(&sealed.manifest, keyring)?;
    Ok(sealed)
}

/// Returns an error if a master key is missing that it takes to open something in the backup. The
/// restored ledger could not be opened.
fn expect_keys(manifest: &Manifest, keyring: &Keyring) -> Result<(), BackupError> {
    let taken = manifest.master_keys.iter().flatten();
    let mut taken = taken.filter_map(|key| MasterKeyId::from_ascii(key.as_bytes()));
    match taken.find(|key| !keyring.holds(*key)) {
        None => Ok(()),
        Some(key) => {
            let held = keyring.key_ids().collect();
            Err(RestoreError::MasterKey(UnsealError::UnknownKey { key, held }).into())
        }
    }
}

fn restore_from(
    target: &Target,
    manifest: &Manifest,
    options: RestoreOptions<'_>,
    progress: &(dyn Fn(RestoreStage, Progress) + Sync),
) -> Result<Restored, BackupError> {
    let mut state = Joined::lines(target, manifest.state_parts());
    let begun = Restoration::begin(options, &mut state);
    let mut restoration = begun.map_err(BackupError::of_restore)?;
    if let Err(error) = take_segments(target, manifest, &mut restoration, progress) {
        restoration.abandon();
        return Err(error);
    }
    let rebuilding = |done| progress(RestoreStage::Rebuilding, done);
    restoration.finish(&rebuilding).map_err(BackupError::of_restore)
}

fn take_segments(
    target: &Target,
    manifest: &Manifest,
    restoration: &mut Restoration,
    progress: &(dyn Fn(RestoreStage, Progress) + Sync),
) -> Result<(), BackupError> {
    let total = restoration.last_expected().get();
    for segment in &manifest.segments {
        let part = segment.part();
        let mut lines = lines_of(get_checked(target, &part)?)?;
        let taken = restoration.take_events(&mut lines);
        let taken = taken.map_err(|error| BackupError::of_restore(error).in_object(&part.name))?;
        let done = restoration.position();
        progress(RestoreStage::Reading, Progress { done: done.get(), total });
        if taken == Taken::Done {
            break;
        }
        if done != Position::new(segment.last) {
            return Err(BackupError::damaged(part.name, "events are missing at its end"));
        }
    }
    Ok(())
}
