//! The names of the objects at a target.
//!
//! ```text
//! manifests/<backup>.json                             what a backup consists of; written last
//! segments/<backup>-<first>-<last>.ndjson.zst         the events of a range of positions
//! states/<backup>-<piece>.ndjson.zst                  a piece of what is not events
//! ```
//!
//! Each name begins with the id of the backup that wrote the object, so that two that run at once
//! never write the same one.

use crate::id::BackupId;

pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const STATES: &str = "states";

const MANIFEST_END: &str = ".json";
const OBJECT_END: &str = ".ndjson.zst";
/// Characters of an id.
const ID_CHARS: usize = 36;

pub(crate) fn manifest(backup: BackupId) -> String {
    format!("{MANIFESTS}/{backup}{MANIFEST_END}")
}

pub(crate) fn segment(backup: BackupId, first: u64, last: u64) -> String {
    format!("{SEGMENTS}/{backup}-{first:020}-{last:020}{OBJECT_END}")
}

pub(crate) fn state(backup: BackupId, piece: usize) -> String {
    format!("{STATES}/{backup}-{piece:06}{OBJECT_END}")
}

/// Returns the backup whose manifest has this name.
pub(crate) fn backup_of_manifest(name: &str) -> Option<BackupId> {
    name.strip_prefix(MANIFESTS)?.strip_prefix('/')?.strip_suffix(MANIFEST_END)?.parse().ok()
}

/// Returns the backup that wrote the segment or the piece of a state with this name.
pub(crate) fn writer_of(name: &str) -> Option<BackupId> {
    let (folder, file) = name.split_once('/')?;
    let is_ours = [SEGMENTS, STATES].contains(&folder) && file.ends_with(OBJECT_END);
    is_ours.then(|| file.get(..ID_CHARS)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use ledger_domain::Micros;

    use super::*;

    #[test]
    fn names_say_who_wrote_them() {
        let id = BackupId::after(Micros::new(1), None, &mut rand::rng());
        assert_eq!(backup_of_manifest(&manifest(id)), Some(id));
        assert_eq!(writer_of(&segment(id, 1, 20)), Some(id));
        assert_eq!(writer_of(&state(id, 0)), Some(id));
        for other in ["manifests/x.json", "segments/x.ndjson.zst", "notes.txt", "states/é"] {
            assert_eq!((backup_of_manifest(other), writer_of(other)), (None, None), "{other}");
        }
        assert_eq!(backup_of_manifest(&segment(id, 1, 20)), None);
    }

    #[test]
    fn names_of_segments_sort_as_their_positions_do() {
        let id = BackupId::after(Micros::new(1), None, &mut rand::rng());
        assert!(segment(id, 9, 9) < segment(id, 10, 1_000));
    }
}
