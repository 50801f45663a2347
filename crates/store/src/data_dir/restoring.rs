//! Directories into which a ledger is restored.
//!
//! A restore writes its mark first and removes it last, after the format file. So a directory is a
//! ledger if it has the format file, whatever else it has, and what an interrupted restore left is
//! known by the mark. Only the next restore removes that.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::{
    DataDir, FORMAT_FILE, NEIGHBORS, SORTING_FOLDER, STORE_FOLDER, check_format, io_error, lock,
    private_file,
};
use crate::error::OpenError;
use crate::private_dir;

const MARK_FILE: &str = "ledger-restoring";
const MARK_TEXT: &str = "A restore of a ledger into this folder has not ended.";

impl DataDir {
    /// Checks, without changing anything, that a ledger can be restored into a directory: it is
    /// missing, empty but for what may lie beside a ledger, or holds what an interrupted restore
    /// left.
    pub fn check_for_restore(path: &Path) -> Result<(), OpenError> {
        let not_empty = |found: String| Err(OpenError::NotEmpty { path: path.to_owned(), found });
        let is_unfinished = match check_format(path) {
            Err(OpenError::Missing { .. }) => false,
            Err(OpenError::Unfinished { .. }) => true,
            Ok(_) | Err(OpenError::Newer { .. }) => return not_empty("a ledger".to_owned()),
            Err(OpenError::Incomplete { part, .. }) => {
                return not_empty(format!("a ledger whose {part} is missing"));
            }
            Err(error) => return Err(error),
        };
        if !path.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(io_error(path))? {
            let name = entry.map_err(io_error(path))?.file_name();
            let own = [STORE_FOLDER, SORTING_FOLDER, MARK_FILE];
            let is_left = is_unfinished && own.iter().any(|left| name == *left);
            // A first start that was interrupted leaves a store folder without events.
            let is_known = name == STORE_FOLDER || NEIGHBORS.iter().any(|known| name == *known);
            if !is_left && !is_known {
                return not_empty(name.to_string_lossy().into_owned());
            }
        }
        Ok(())
    }

    /// Locks and marks a directory into which a ledger is restored, and makes it if it is missing.
    /// What an interrupted restore left is removed when the database is created.
    pub fn create_for_restore(path: &Path) -> Result<Self, OpenError> {
        Self::check_for_restore(path)?;
        private_dir::make(path).map_err(io_error(path))?;
        let dir = Self { path: path.to_owned(), lock: lock(path)? };
        // Whoever held the lock before may have made a ledger meanwhile.
        Self::check_for_restore(path)?;
        dir.mark().map_err(io_error(path))?;
        let store = dir.store_path();
        private_dir::make(&store).map_err(io_error(&store))?;
        Ok(dir)
    }

    fn mark(&self) -> io::Result<()> {
        let mut file = private_file().truncate(true).open(self.path.join(MARK_FILE))?;
        writeln!(file, "{MARK_TEXT}")?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// Makes the directory a ledger, once everything that was restored is durable.
    pub fn finish_restore(&self) -> Result<(), OpenError> {
        self.mark_made()?;
        // It is a ledger from here on, and its first opening removes the mark otherwise.
        drop(self.forget_restore());
        Ok(())
    }

    /// Removes the mark of a restore that ended.
    pub(super) fn forget_restore(&self) -> Result<(), OpenError> {
        remove(&self.path.join(MARK_FILE))
    }

    /// Removes what a restore that failed has written. The lock stays, because another process may
    /// be waiting for it.
    pub(crate) fn discard(self) -> Result<(), OpenError> {
        // It is there if making the directory a ledger failed late.
        remove(&self.path.join(FORMAT_FILE))?;
        self.clear_store()?;
        self.clear_sorting()?;
        // The folder itself may be a mount point.
        drop(fs::remove_dir(self.store_path()));
        self.forget_restore()
    }
}

/// Removes a file if it is there.
fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path)(error)),
        _ => Ok(()),
    }
}

/// Returns whether a directory without a format file holds what an interrupted restore left.
pub(super) fn is_unfinished(path: &Path) -> bool {
    path.join(MARK_FILE).is_file()
}

#[cfg(test)]
mod tests {
    use ledger_domain::Position;

    use super::*;
    use crate::fixtures::mac_key;
    use crate::tables::log;
    use crate::unkeyed::UnkeyedStore;

    /// Restores a log of one record, but for the end.
    fn begun(path: &Path) -> crate::store::Store {
        let dir = DataDir::create_for_restore(path).unwrap();
        let store = UnkeyedStore::create(dir).unwrap().found(mac_key(1));
        log::load(&store, [(Position::new(1), b"{}".as_slice())]).unwrap();
        store
    }

    #[test]
    fn what_an_interrupted_restore_left_is_no_ledger_and_is_replaced_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        drop(begun(&path));
        fs::create_dir_all(path.join(SORTING_FOLDER)).unwrap();
        let unfinished = |opened: Result<(), OpenError>| {
            assert!(matches!(opened, Err(OpenError::Unfinished { .. })), "{opened:?}");
        };
        unfinished(DataDir::open(&path).map(drop));
        unfinished(DataDir::check(&path));
        unfinished(DataDir::create(&path).map(drop));
        let store = begun(&path);
        let records = log::scan(&store, Position::new(1)).count();
        assert_eq!(records, 1, "nothing of the first one is left");
        store.dir().finish_restore().unwrap();
        drop(store);
        DataDir::open(&path).unwrap();
        assert!(!path.join(MARK_FILE).exists());
        let again = DataDir::create_for_restore(&path).unwrap_err();
        assert!(matches!(&again, OpenError::NotEmpty { found, .. } if found == "a ledger"));
    }

    #[test]
    fn a_directory_with_anything_but_neighbors_is_refused_and_left_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for neighbor in ["nats", "lost+found", "store"] {
            fs::create_dir(path.join(neighbor)).unwrap();
        }
        fs::write(path.join("dev-master.key"), "a key").unwrap();
        DataDir::check_for_restore(path).unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        let refused = DataDir::create_for_restore(path).unwrap_err();
        assert!(matches!(&refused, OpenError::NotEmpty { found, .. } if found == "notes.txt"));
        assert_eq!(fs::read_dir(path).unwrap().count(), 5, "nothing was added");
        fs::remove_file(path.join("notes.txt")).unwrap();
        fs::create_dir(path.join(SORTING_FOLDER)).unwrap();
        assert!(DataDir::check_for_restore(path).is_err(), "no restore has begun here");
    }

    #[test]
    fn a_discarded_restore_leaves_an_empty_directory_but_for_the_lock() {
        for is_late in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let store = begun(folder.path());
            if is_late {
                store.dir().mark_made().unwrap();
            }
            store.discard().unwrap();
            let names = fs::read_dir(folder.path()).unwrap();
            let names = names.map(|entry| entry.unwrap().file_name());
            assert_eq!(names.collect::<Vec<_>>(), ["ledger.lock"]);
        }
    }

    /// A kill between the two last writes leaves both files.
    #[test]
    fn a_ledger_with_the_mark_of_its_restore_is_a_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let store = begun(folder.path());
        store.dir().mark_made().unwrap();
        drop(store);
        DataDir::check(folder.path()).unwrap();
        drop(DataDir::open(folder.path()).unwrap());
        assert!(!folder.path().join(MARK_FILE).exists(), "an opening removes it");
    }
}
