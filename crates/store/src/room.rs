//! Room on the disk.

use std::path::Path;
use std::{fs, io};

use crate::data_dir::DataDir;

/// Bytes that must be free before a store that a full disk has poisoned is opened again. An opening
/// writes the rows of the whole write-ahead log into files. The rest lets writing go on for a
/// while, so that the server does not stop and start in turn.
pub const ROOM_NEEDED_BYTES: u64 = 256 * 1024 * 1024;

/// Room on the disk that holds the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this process may still use.
    pub free_bytes: u64,
    /// Bytes of the whole disk.
    pub size_bytes: u64,
}

impl Room {
    /// Returns whether a store can be opened and written again.
    pub const fn is_enough(self) -> bool {
        self.free_bytes >= ROOM_NEEDED_BYTES
    }
}

impl DataDir {
    /// Returns the room on the disk that holds the database.
    pub fn room(&self) -> io::Result<Room> {
        room_at(&self.store_path())
    }

    /// Returns the bytes of all files of the database.
    pub fn store_bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.store_path())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }
}

fn room_at(path: &Path) -> io::Result<Room> {
    let disk = nix::sys::statvfs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
    Ok(Room { free_bytes: bytes(disk.blocks_available()), size_bytes: bytes(disk.blocks()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_files_has_no_room_and_a_missing_folder_is_an_error() {
        assert_eq!(room_at(Path::new("/proc")).unwrap(), Room { free_bytes: 0, size_bytes: 0 });
        assert!(room_at(Path::new("/proc/no-such-folder")).is_err());
        let with = |free_bytes| Room { free_bytes, size_bytes: u64::MAX };
        assert!(!with(ROOM_NEEDED_BYTES - 1).is_enough() && with(ROOM_NEEDED_BYTES).is_enough());
    }
}
