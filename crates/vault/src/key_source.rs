//! Where the master keys come from.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use crate::keyring::Keyring;

/// Why master keys could not be read. The message says nothing of the keys.
pub type KeySourceError = Box<dyn Error + Send + Sync>;

/// A place outside the ledger from which master keys are read: at a start, and again when an
/// operator says that they have changed.
pub trait KeySource: fmt::Debug + Send + Sync {
    /// Reads the keys as they are now, the one that is to be active first. Blocks.
    fn read(&self) -> Result<Keyring, KeySourceError>;

    /// Names the place in messages.
    fn name(&self) -> String;

    /// Returns whether this process has the keys in memory that it cannot wipe, as in its
    /// environment.
    fn stays_in_memory(&self) -> bool {
        false
    }
}

/// A key file; see [`Keyring::parse`] for its text. It is only read, so it may be write-protected.
#[derive(Debug)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// Returns the source that is this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl KeySource for KeyFile {
    fn read(&self) -> Result<Keyring, KeySourceError> {
        Ok(Keyring::read_file(&self.0)?)
    }

    fn name(&self) -> String {
        format!("the key file {}", self.0.display())
    }
}
