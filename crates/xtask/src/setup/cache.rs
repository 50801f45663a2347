//! The cache: a folder outside the checkout for fetched tools and the built RocksDB.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::environment;
use crate::failure::Failure;
use crate::talk;

/// The existing cache folder.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache, and creates its folder if missing.
    pub(super) fn open() -> Result<Self, Failure> {
        let root = root_from(
            environment::path("CONNLEDGER_CACHE_DIR"),
            environment::path("XDG_CACHE_HOME"),
            std::env::home_dir(),
        )
        .ok_or_else(|| {
            Failure::new("there is no home folder for a cache")
                .hint("set CONNLEDGER_CACHE_DIR to a folder with 1 GB of space")
        })?;
        make_folder(&root)?;
        let root =
            root.canonicalize().map_err(|error| Failure::io("open the cache", &root, &error))?;
        Ok(Self { root })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Locks the cache for this process. The system releases the lock however the process ends.
    pub(super) fn lock(&self) -> Result<File, Failure> {
        let path = self.path("setup.lock");
        let failed = |error: &std::io::Error| Failure::io("lock", &path, error);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                talk::installing("cache", "waiting for another setup to finish");
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        file.lock().map_err(|error| failed(&error))?;
        Ok(file)
    }
}

/// Creates a folder and its parents.
pub(super) fn make_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| Failure::io("create the folder", path, &error))
}

/// Returns the entries of a folder, sorted by name; nothing if it cannot be read.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Hashes text with 64-bit FNV-1a, for folder names. The standard library does not guarantee that
/// its own hasher is the same in every release of Rust.
pub(super) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A file in a folder that names what was installed there.
///
/// It is written only after an installation is complete and removed before one begins, so that an
/// interrupted installation is repeated.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
}

impl Mark {
    pub(super) fn of(folder: &Path) -> Self {
        Self { path: folder.join("installed.txt") }
    }

    /// Returns whether the mark names exactly what should be installed.
    pub(super) fn names(&self, wanted: &str) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|installed| installed == wanted)
    }

    pub(super) fn set(&self, installed: &str) -> Result<(), Failure> {
        let written = std::fs::write(&self.path, installed);
        written.map_err(|error| Failure::io("write", &self.path, &error))
    }

    pub(super) fn clear(&self) -> Result<(), Failure> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::io("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }
}

fn root_from(
    own: Option<PathBuf>,
    caches: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    own.or_else(|| caches.map(|folder| folder.join("connection-ledger")))
        .or_else(|| home.map(|folder| folder.join(".cache/connection-ledger")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_names_the_cache() {
        let root = |own: Option<&str>, caches: Option<&str>, home: Option<&str>| {
            let root = root_from(own.map(Into::into), caches.map(Into::into), home.map(Into::into));
            root.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
        };
        assert_eq!(root(Some("/own"), Some("/xdg"), Some("/h")), "/own");
        assert_eq!(root(None, Some("/xdg"), Some("/h")), "/xdg/connection-ledger");
        assert_eq!(root(None, None, Some("/h")), "/h/.cache/connection-ledger");
        assert_eq!(root(None, None, None), "");
    }

    #[test]
    fn a_cache_cannot_be_locked_twice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = Cache { root: folder.path().to_path_buf() };
        let held = cache.lock().expect("nobody holds it");
        let second = File::open(cache.path("setup.lock")).expect("the lock file exists");
        assert!(second.try_lock().is_err());
        drop(held);
        assert!(second.try_lock().is_ok());
    }

    #[test]
    fn a_folder_is_complete_only_with_the_mark_of_the_present_pins() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mark = Mark::of(folder.path());
        assert!(!mark.names("a==1"));
        mark.clear().expect("nothing to take away is fine");
        mark.set("a==1").expect("written");
        assert!(mark.names("a==1"));
        assert!(!mark.names("a==2"), "the pins have changed since");
        mark.clear().expect("taken away");
        assert!(!mark.names("a==1"));
    }

    #[test]
    fn the_hash_matches_its_published_values() {
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }
}
