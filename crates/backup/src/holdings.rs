//! What a target holds: the manifests of its backups.

use std::collections::{BTreeSet, HashMap};

use ledger_vault::Keyring;
use serde::Serialize;

use crate::checker::{Checker, Trust};
use crate::error::BackupError;
use crate::id::BackupId;
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest, Part, SealedManifest};
use crate::names;
use crate::target::{Target, TargetFault};

/// A backup, as far as its manifest tells.
#[derive(Clone, Debug, Serialize)]
pub struct Holding {
    /// Its id.
    pub backup: BackupId,
    /// What its manifest says; absent if that cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Whether its manifest is the ledger's own; absent if that was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentic: Option<bool>,
    /// What is wrong with it, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// What a manifest says, in short.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Id of the ledger.
    pub ledger: String,
    /// Name of its history.
    pub incarnation: String,
    /// When the backup was begun.
    pub created_at: String,
    /// Position of the last event.
    pub position: u64,
    /// Time of the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Ids of the master keys that it takes to open it; absent in manifests of the first form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_keys: Option<BTreeSet<String>>,
    /// Number of segments.
    pub segments: usize,
    /// Size of all that it consists of; other backups may share most of it.
    pub bytes: u64,
}

impl From<&Manifest> for Summary {
    fn from(manifest: &Manifest) -> Self {
        Self {
            ledger: manifest.ledger.clone(),
            incarnation: manifest.incarnation.clone(),
            created_at: manifest.created_at.clone(),
            position: manifest.position,
            recorded_at: manifest.recorded_at.clone(),
            master_keys: manifest.master_keys.clone(),
            segments: manifest.segments.len(),
            bytes: manifest.bytes(),
        }
    }
}

/// Lists the backups at a target, oldest first. Compares the sizes of all objects, and reads no
/// object but the manifests and, with the master key, a state. Without the master key, a manifest
/// that somebody else made looks like any other. Blocks.
///
/// Errors: those of the target; `Restore` if the master key is another.
pub fn list(target: &Target, keyring: Option<&Keyring>) -> Result<Vec<Holding>, BackupError> {
    let ids = ids(target)?;
    let present = Present::at(target)?;
    let trust = keyring.map_or(Trust::Unchecked, Trust::MasterKey);
    let checker = Checker::new(trust, target, &ids)?;
    let holding = |backup| match read(target, backup) {
        Ok(sealed) => {
            let own = checker.check(&sealed);
            let authentic = checker.is_strict().then_some(own.is_ok());
            let sound = own.and_then(|()| present.check(&sealed.manifest));
            let damage = sound.err().map(|error| error.to_string());
            let summary = Some(Summary::from(&sealed.manifest));
            Ok(Holding { backup, summary, authentic, damage })
        }
        Err(error @ (BackupError::Damaged { .. } | BackupError::Newer { .. })) => {
            let damage = Some(error.to_string());
            Ok(Holding { backup, summary: None, authentic: None, damage })
        }
        Err(other) => Err(other),
    };
    ids.into_iter().map(holding).collect()
}

/// Returns the manifest of the latest backup that can be read and is the ledger's own. Whether its
/// objects are there is not looked at.
///
/// Errors: `Foreign`, `Newer`, those of the target.
pub(crate) fn latest(
    target: &Target,
    ids: &[BackupId],
    checker: &Checker<'_>,
) -> Result<Option<Manifest>, BackupError> {
    for backup in ids.iter().rev() {
        let read = read(target, *backup);
        match read.and_then(|sealed| checker.check(&sealed).map(|()| sealed.manifest)) {
            Ok(manifest) => return Ok(Some(manifest)),
            // Somebody may have removed it just now.
            Err(error) if error.is_damage() || matches!(error, BackupError::Unknown { .. }) => {
                tracing::warn!(ledger.backup = %backup, %error, "a backup counts for nothing");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Returns the backups that have a manifest, oldest first.
pub(crate) fn ids(target: &Target) -> Result<Vec<BackupId>, BackupError> {
    let manifests = target.list(names::MANIFESTS)?;
    Ok(manifests.iter().filter_map(|listed| names::backup_of_manifest(&listed.name)).collect())
}

/// Reads the manifest of a backup.
///
/// Errors: `Unknown`, `Damaged`, `Newer`, those of the target.
pub(crate) fn read(target: &Target, backup: BackupId) -> Result<SealedManifest, BackupError> {
    let text = target.get(&names::manifest(backup), MANIFEST_BYTES_MAX);
    let text = text.map_err(|error| match error.fault {
        TargetFault::Missing => {
            BackupError::Unknown { backup, target: target.address().to_string() }
        }
        TargetFault::Size => BackupError::damaged(names::manifest(backup), "it is too large"),
        _ => error.into(),
    })?;
    SealedManifest::read(backup, &text)
}

/// The objects at a target, by their names, with their sizes.
#[derive(Debug)]
pub(crate) struct Present(HashMap<String, u64>);

impl Present {
    pub(crate) fn at(target: &Target) -> Result<Self, BackupError> {
        Self::in_folders(target, &[names::SEGMENTS, names::STATES])
    }

    /// Looks for segments only.
    pub(crate) fn segments(target: &Target) -> Result<Self, BackupError> {
        Self::in_folders(target, &[names::SEGMENTS])
    }

    fn in_folders(target: &Target, folders: &[&str]) -> Result<Self, BackupError> {
        let mut found = HashMap::new();
        for folder in folders {
            let listed = target.list(folder)?;
            found.extend(listed.into_iter().map(|listed| (listed.name, listed.bytes)));
        }
        Ok(Self(found))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns an error if an object of a backup is missing or has another size.
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<(), BackupError> {
        manifest.parts().try_for_each(|part| self.check_part(&part))
    }

    pub(crate) fn check_part(&self, part: &Part<'_>) -> Result<(), BackupError> {
        match self.0.get(&part.name) {
            Some(bytes) if *bytes == part.bytes => Ok(()),
            Some(_) => Err(BackupError::damaged(part.name.clone(), "it has another size")),
            None => Err(BackupError::damaged(part.name.clone(), "it is missing")),
        }
    }
}
