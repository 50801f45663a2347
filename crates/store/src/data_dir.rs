//! The data directory: checks that it is a ledger, which format it has, and that only one process
//! uses it.
//!
//! ```text
//! DIR/ledger-format   text: "connection-ledger data directory, format 4, needs format 4"
//! DIR/ledger.lock     locked while a process has it open; holds that process's id
//! DIR/store/          the database
//! DIR/sorting/        files of rows that are not in the database yet; emptied by every opening
//! DIR/ledger-restoring   there while a ledger is restored into the directory; see `restoring.rs`
//! ```
//!
//! The format is in a plain file because opening a database to read its format would write to it.
//! The second number is the lowest format that a program must know to open the directory. A program
//! that adds something which earlier ones may overlook raises only the first. The file is a hint:
//! whether rows have MACs is said by the key check, which cannot be changed without the master key.
//! Only the owner can enter the directory and its folders, and so can only the owner read any file
//! in them, those that RocksDB makes included.

mod restoring;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::OpenError;
use crate::presence;
use crate::private_dir;

/// The format that this program writes, and the newest that it knows.
pub const FORMAT: u32 = 7;
/// The format that a program must know to open what this one writes.
const FORMAT_NEEDED: u32 = 7;

const FORMAT_FILE: &str = "ledger-format";
/// The new format file until it is complete.
const FORMAT_FILE_NEW: &str = "ledger-format.new";
const FORMAT_TEXT: &str = "connection-ledger data directory, format ";
const NEEDS_TEXT: &str = ", needs format ";
const LOCK_FILE: &str = "ledger.lock";
const STORE_FOLDER: &str = "store";
/// How long to wait for a process that holds the directory and is about to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(20);
/// The name of this run of the operating system.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";
const SORTING_FOLDER: &str = "sorting";
/// Files that may exist in the directory before a ledger is created.
const NEIGHBORS: [&str; 6] =
    [LOCK_FILE, FORMAT_FILE_NEW, "nats", "dev-master.key", "dev-admin.key", "lost+found"];

/// A data directory, locked by this process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Kept open, because closing it releases the lock.
    lock: File,
}

impl DataDir {
    /// Returns whether `path` contains a ledger of any format.
    pub fn holds_ledger(path: &Path) -> bool {
        path.join(FORMAT_FILE).is_file()
    }

    /// Checks, without locking or changing anything, that `path` contains a ledger that this
    /// program may open.
    pub fn check(path: &Path) -> Result<(), OpenError> {
        match check_format(path) {
            Err(missing @ OpenError::Missing { .. }) => {
                if path.exists() {
                    refuse_foreign(path)?;
                }
                Err(missing)
            }
            checked => checked.map(drop),
        }
    }

    /// Returns the id of the process that holds `path`, or `None` if there is none or it cannot be
    /// determined.
    pub fn holder(path: &Path) -> Option<u32> {
        let mut file = File::open(path.join(LOCK_FILE)).ok()?;
        // This holds the lock for a moment. A process that opens the directory just then retries.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return None,
        }
        let mut holder = String::new();
        file.read_to_string(&mut holder).ok()?;
        holder.trim().parse().ok()
    }

    /// Opens and locks the directory of an existing ledger.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        check_format(path)?;
        private_dir::narrow(path).map_err(io_error(path))?;
        let dir = Self { path: path.to_owned(), lock: lock(path)? };
        dir.forget_restore()?;
        let store = dir.store_path();
        if store.exists() {
            private_dir::narrow(&store).map_err(io_error(&store))?;
        }
        Ok(dir)
    }

    /// Prepares a directory for a new ledger. The format file is written last, so that an
    /// incomplete directory is not mistaken for a ledger. A directory that already holds events is
    /// refused, whatever else is missing in it.
    pub fn create(path: &Path) -> Result<Self, OpenError> {
        if let Err(refused) = check_format(path)
            && matches!(refused, OpenError::Incomplete { .. } | OpenError::Unfinished { .. })
        {
            return Err(refused);
        }
        if path.exists() {
            refuse_foreign(path)?;
        }
        private_dir::make(path).map_err(io_error(path))?;
        let lock = lock(path)?;
        let store = path.join(STORE_FOLDER);
        private_dir::make(&store).map_err(io_error(&store))?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Writes the format file durably, which makes the directory a ledger of today's format.
    pub fn mark_made(&self) -> Result<(), OpenError> {
        let path = self.path.join(FORMAT_FILE);
        let new = self.path.join(FORMAT_FILE_NEW);
        let write = || {
            let mut file = private_file().truncate(true).open(&new)?;
            writeln!(file, "{FORMAT_TEXT}{FORMAT}{NEEDS_TEXT}{FORMAT_NEEDED}")?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(io_error(&path))
    }

    /// Returns a name of the lock that no other lock has, on any machine, or `None` if it cannot be
    /// determined. A process that had the lock of this name before has ended or closed it.
    pub fn lock_name(&self) -> Option<String> {
        let boot = fs::read_to_string(BOOT_ID_FILE).ok()?;
        let file = self.lock.metadata().ok()?;
        Some(format!("{}/{}/{}", boot.trim(), file.dev(), file.ino()))
    }

    /// Gives a ledger of an earlier format today's, before anything is written that programs of
    /// that format cannot read. Returns the earlier format if there was one.
    pub fn upgrade(&self) -> Result<Option<u32>, OpenError> {
        let format = check_format(&self.path)?;
        if format >= FORMAT {
            return Ok(None);
        }
        self.mark_made()?;
        Ok(Some(format))
    }

    /// Returns the data directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of the database.
    pub fn store_path(&self) -> PathBuf {
        self.path.join(STORE_FOLDER)
    }

    /// Returns the folder of sorted files to be ingested, on the same disk as the database.
    pub(crate) fn sorting_path(&self) -> PathBuf {
        self.path.join(SORTING_FOLDER)
    }

    /// Deletes what an interrupted first start left of a database, which holds no event.
    pub(crate) fn clear_store(&self) -> Result<(), OpenError> {
        let path = self.store_path();
        // The folder itself may be a mount point.
        let clear = || {
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                } else {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        clear().map_err(io_error(&path))
    }

    /// Deletes the sorted files that an earlier process left.
    pub(crate) fn clear_sorting(&self) -> Result<(), OpenError> {
        let path = self.sorting_path();
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path)(error)),
            _ => Ok(()),
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}

fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    for entry in fs::read_dir(path).map_err(io_error(path))? {
        let name = entry.map_err(io_error(path))?.file_name();
        // A first start that was interrupted leaves an empty store folder.
        let known = NEIGHBORS.iter().any(|neighbor| name == *neighbor) || name == STORE_FOLDER;
        if !known {
            return Err(OpenError::Foreign { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Returns the format of a directory that this program may open.
fn check_format(path: &Path) -> Result<u32, OpenError> {
    let file = path.join(FORMAT_FILE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = path.to_owned();
            if restoring::is_unfinished(&path) {
                return Err(OpenError::Unfinished { path });
            }
            if presence::holds_events(&path.join(STORE_FOLDER)) {
                return Err(OpenError::Incomplete { path, part: FORMAT_FILE.to_owned() });
            }
            return Err(OpenError::Missing { path });
        }
        Err(error) => return Err(io_error(&file)(error)),
    };
    match parse_format(&text) {
        Some((_, needed)) if needed > FORMAT => {
            Err(OpenError::Newer { path: path.to_owned(), needed, known: FORMAT })
        }
        Some((format, _)) => Ok(format),
        None => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// Parses the first line of the format file: the format, and the one that a program must know.
/// Programs of format 1 wrote one number for both.
fn parse_format(text: &str) -> Option<(u32, u32)> {
    let numbers = text.lines().next()?.trim().strip_prefix(FORMAT_TEXT)?;
    match numbers.split_once(NEEDS_TEXT) {
        Some((format, needed)) => Some((format.parse().ok()?, needed.parse().ok()?)),
        None => numbers.parse().ok().map(|format| (format, format)),
    }
}

/// Returns the options for a file that is made for its owner alone.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let name = path.join(LOCK_FILE);
    let mut file =
        private_file().truncate(false).read(true).open(&name).map_err(io_error(&name))?;
    match try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(io_error(&name)(error)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.read_to_string(&mut holder);
            let holder = match read {
                Ok(_) if !holder.trim().is_empty() => holder.trim().to_owned(),
                _ => "unknown".to_owned(),
            };
            return Err(OpenError::InUse { path: path.to_owned(), holder });
        }
    }
    let mut sign = || {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    sign().map_err(io_error(&name))?;
    Ok(file)
}

/// Locks the file, and waits briefly for a process that is about to end: the system releases the
/// lock of a killed process only after its last write to the disk.
#[expect(clippy::disallowed_methods, reason = "another process's end cannot be waited for")]
fn try_lock(file: &File) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_INTERVAL);
            }
            locked => return locked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_can_enter_a_ledgers_folders_however_wide_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let mode = |name: &str| fs::metadata(path.join(name)).unwrap().mode() & 0o777;
        fs::create_dir(&path).unwrap();
        let widen = |name| {
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o777)).unwrap();
        };
        widen("");
        let created = DataDir::create(&path).unwrap();
        created.mark_made().unwrap();
        let modes = |names: [&str; 4]| names.map(mode);
        let names = ["", STORE_FOLDER, LOCK_FILE, FORMAT_FILE];
        assert_eq!(modes(names), [0o700, 0o700, 0o600, 0o600]);
        drop(created);
        widen("");
        widen(STORE_FOLDER);
        drop(DataDir::open(&path).unwrap());
        assert_eq!(modes(names), [0o700, 0o700, 0o600, 0o600]);
    }

    #[test]
    fn a_second_holder_is_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::create(dir.path()).unwrap();
        first.mark_made().unwrap();
        let second = DataDir::open(dir.path()).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(matches!(second, OpenError::InUse { holder, .. } if holder == pid));
        assert_eq!(DataDir::holder(dir.path()), Some(std::process::id()));
        drop(first);
        DataDir::open(dir.path()).unwrap();
    }

    #[test]
    fn newer_foreign_and_missing_formats_are_refused_untouched() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::Missing { .. })));
        fs::write(dir.path().join(FORMAT_FILE), format!("{FORMAT_TEXT}99\n")).unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::Newer { needed: 99, .. })));
        let newer = format!("{FORMAT_TEXT}99{NEEDS_TEXT}98\n");
        fs::write(dir.path().join(FORMAT_FILE), newer).unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::Newer { needed: 98, .. })));
        fs::write(dir.path().join(FORMAT_FILE), "something else").unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(OpenError::Foreign { .. })));
        assert!(matches!(DataDir::create(dir.path()), Err(OpenError::Foreign { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_directory_says_which_format_it_has_and_which_a_program_must_know() {
        assert_eq!(parse_format(&format!("{FORMAT_TEXT}1\n")), Some((1, 1)));
        let both = format!("{FORMAT_TEXT}7{NEEDS_TEXT}2\nmore\n");
        assert_eq!(parse_format(&both), Some((7, 2)));
        assert_eq!(parse_format(&format!("{FORMAT_TEXT}7, needs luck")), None);
        assert_eq!(parse_format(""), None);

        let dir = tempfile::tempdir().unwrap();
        let made = DataDir::create(dir.path()).unwrap();
        fs::write(dir.path().join(FORMAT_FILE), format!("{FORMAT_TEXT}1\n")).unwrap();
        assert_eq!(made.upgrade().unwrap(), Some(1));
        assert_eq!(made.upgrade().unwrap(), None);
        fs::write(dir.path().join(FORMAT_FILE), format!("{FORMAT_TEXT}99{NEEDS_TEXT}2\n")).unwrap();
        assert_eq!(made.upgrade().unwrap(), None, "what a later program added stays");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no other file is left");
    }
}
