//! Checking a backup.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use ledger_contract::operations::Progress;
use ledger_domain::Position;
use ledger_engine::{PortableKeys, Recount};
use ledger_vault::Keyring;
use serde::Serialize;

use crate::error::BackupError;
use crate::holdings;
use crate::id::BackupId;
use crate::manifest::{MAC_PURPOSE, Part, SealedManifest, Segment};
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
    /// Ids of the master keys that it takes to open it; absent in manifests of the first form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_keys: Option<BTreeSet<String>>,
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
    let manifest = &sealed.manifest;
    let total = manifest.bytes();
    let mut work = Work { target, progress, damage: Vec::new(), read: 0, total };
    work.tell(0);
    let mut state = manifest.state_parts();
    let mut keys = None;
    if let Some(keyring) = keyring {
        let told = state.by_ref().inspect(|part| work.tell(part.bytes));
        let checked = check_state(target, &sealed, told, keyring);
        keys = work.note(checked)?;
    }
    // With the master key, that is what follows the first damage.
    for part in state {
        work.check_part(&part)?;
    }
    for segment in &manifest.segments {
        work.check_segment(segment, keys.as_ref())?;
    }
    let damage = work.damage;
    Ok(VerifyReport {
        backup,
        position: manifest.position,
        created_at: manifest.created_at.clone(),
        master_keys: manifest.master_keys.clone(),
        objects: manifest.parts().count(),
        bytes: total,
        authentic: keys.is_some() && damage.is_empty(),
        damage,
        seconds: started.elapsed().as_secs_f64(),
    })
}
/// Counts the events of a backup again, the latest by default. Its objects are compared with the
/// manifest; the manifest is not checked. Blocks. Returns the backup.
///
/// Errors: `Unknown`, `Nothing`, `Newer`; `Damaged` if an object is missing or not as it was
/// written.
pub fn recount(
    target: &Target,
    backup: Option<BackupId>,
    count: &mut Recount,
    progress: &dyn Fn(Progress),
) -> Result<BackupId, BackupError> {
    let nothing = || BackupError::Nothing { target: target.address().to_string() };
    let backup = match backup {
        Some(backup) => backup,
        None => holdings::ids(target)?.last().copied().ok_or_else(nothing)?,
    };
    let manifest = holdings::read(target, backup)?.manifest;
    let (mut done, total) = (0, manifest.segments.iter().map(|one| one.part().bytes).sum());
    for segment in &manifest.segments {
        let part = segment.part();
        let mut lines = lines_of(get_checked(target, &part)?)?;
        let taken = count.take_lines(&mut lines);
        taken.map_err(|error| BackupError::of_restore(error).in_object(&part.name))?;
        done += part.bytes;
        progress(Progress { done, total });
    }
    Ok(backup)
}

/// A check in progress.
struct Work<'a> {
    target: &'a Target,
    progress: &'a dyn Fn(Progress),
    damage: Vec<String>,
    /// Bytes that were read.
    read: u64,
    total: u64,
}

impl Work<'_> {
    /// Notes damage and goes on; returns any other error.
    fn note<T>(&mut self, checked: Result<T, BackupError>) -> Result<Option<T>, BackupError> {
        match checked {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_damage() => {
                self.damage.push(error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, bytes: u64) {
        self.read += bytes;
        (self.progress)(Progress { done: self.read, total: self.total });
    }

    /// Compares an object with the manifest. Returns it if it is sound.
    fn check_part(&mut self, part: &Part<'_>) -> Result<Option<Bytes>, BackupError> {
        let object = self.note(get_checked(self.target, part))?;
        self.tell(part.bytes);
        Ok(object)
    }

    /// Does so with a segment, and checks its lines with the keys.
    fn check_segment(
        &mut self,
        segment: &Segment,
        keys: Option<&PortableKeys>,
    ) -> Result<(), BackupError> {
        let part = segment.part();
        if let (Some(object), Some(keys)) = (self.check_part(&part)?, keys) {
            let checked = check_lines(object, segment, keys);
            self.note(checked.map_err(|error| error.in_object(&part.name)))?;
        }
        Ok(())
    }
}

fn check_lines(object: Bytes, segment: &Segment, keys: &PortableKeys) -> Result<(), BackupError> {
    let after = Position::new(segment.first - 1);
    let last = keys.check_events(&mut lines_of(object)?, after).map_err(BackupError::of_restore)?;
    if last.get() == segment.last {
        return Ok(());
    }
    Err(BackupError::damaged(segment.part().name, "events are missing in it"))
}

/// Checks the master key and the state, and the manifest with the ledger's MAC key.
pub(crate) fn check_state<'p>(
    target: &Target,
    sealed: &SealedManifest,
    parts: impl Iterator<Item = Part<'p>>,
    keyring: &Keyring,
) -> Result<PortableKeys, BackupError> {
    let mut state = Joined::lines(target, parts);
    let keys = PortableKeys::open(&mut state, keyring);
    let keys = keys.map_err(|error| BackupError::of_restore(error).in_object("the state"))?;
    sealed.check_mac(|text, mac| keys.verify_mac(MAC_PURPOSE, text, mac))?;
    Ok(keys)
}
