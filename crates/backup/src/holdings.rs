//! What a target holds: the manifests of its backups.

use std::collections::HashMap;

use serde::Serialize;

use crate::error::BackupError;
use crate::id::BackupId;
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest, Part, SealedManifest};
use crate::names;
use crate::target::{Target, TargetFault};

/// A backup, as far as it can be told without the master key.
#[derive(Clone, Debug, Serialize)]
pub struct Holding {
    /// Its id.
    pub backup: BackupId,
    /// What its manifest says; absent if that cannot be read.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
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
            segments: manifest.segments.len(),
            bytes: manifest.bytes(),
        }
    }
}

/// Lists the backups at a target, oldest first. Compares the sizes of all objects, and reads no
/// object but the manifests. Blocks.
pub fn list(target: &Target) -> Result<Vec<Holding>, BackupError> {
    let ids = ids(target)?;
    let present = Present::at(target)?;
    let holding = |backup| match read(target, backup) {
        Ok(sealed) => Ok(Holding {
            backup,
            summary: Some(Summary::from(&sealed.manifest)),
            damage: present.check(&sealed.manifest).err().map(|error| error.to_string()),
        }),
        Err(error @ (BackupError::Damaged { .. } | BackupError::Newer { .. })) => {
            Ok(Holding { backup, summary: None, damage: Some(error.to_string()) })
        }
        Err(other) => Err(other),
    };
    ids.into_iter().map(holding).collect()
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
        let mut all = target.list(names::SEGMENTS)?;
        all.append(&mut target.list(names::STATES)?);
        Ok(Self(all.into_iter().map(|listed| (listed.name, listed.bytes)).collect()))
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
