//! Errors of the store, by operation.

use std::io;
use std::path::{Path, PathBuf};

use rocksdb::ErrorKind;

use crate::poison::Poison;
use crate::table::Table;
use crate::tables;

/// An error of RocksDB in its own words. Keeps `rocksdb` types inside this crate.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageFault(pub(crate) String);

impl From<rocksdb::Error> for StorageFault {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.into_string())
    }
}

/// Why a data directory cannot be opened. Except for `Storage`, nothing in it was touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory contains no ledger.
    #[error("{path} contains no ledger")]
    Missing {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory holds a ledger's events, but a part without which they are of no use is
    /// missing.
    #[error("{path} holds a ledger, but {part} is missing")]
    Incomplete {
        /// The data directory.
        path: PathBuf,
        /// The file or table that is missing.
        part: String,
    },
    /// The directory holds what an interrupted restore left, which is no ledger.
    #[error("{path} holds what an interrupted restore left; it is no ledger yet")]
    Unfinished {
        /// The data directory.
        path: PathBuf,
    },
    /// A ledger cannot be restored into the directory, because it is not empty.
    #[error("{path} is not empty: it holds {found}")]
    NotEmpty {
        /// The data directory.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// The directory contains other files.
    #[error("{path} contains files that do not belong to a ledger")]
    Foreign {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer version of the program wrote it.
    #[error("{path} needs a program that knows format {needed}; this one knows up to {known}")]
    Newer {
        /// The data directory.
        path: PathBuf,
        /// The format that a program must know.
        needed: u32,
        /// The newest format known.
        known: u32,
    },
    /// Another process has it open.
    #[error("{path} is in use by process {holder}")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The id of that process, or `unknown`.
        holder: String,
    },
    /// The folder cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder at fault.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The database is damaged: its files contradict themselves or each other.
    #[error("the database in {path} is damaged")]
    Damaged {
        /// The data directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StorageFault,
    },
    /// The database does not open.
    #[error("cannot open the database in {path}")]
    Storage {
        /// The data directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: StorageFault,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// RocksDB failed.
    #[error("cannot read table {table}")]
    Storage {
        /// The table.
        table: String,
        /// The cause.
        #[source]
        source: StorageFault,
    },
    /// A row is not as the ledger wrote it. It was changed without the master key, or moved from
    /// another place.
    #[error(
        "table {table} holds a row that is not authentic at {place}: it was changed by something \
         other than this ledger"
    )]
    Altered {
        /// The table.
        table: String,
        /// A description of the key.
        place: String,
        /// The key.
        key: Box<[u8]>,
    },
    /// Stored bytes are malformed. They are never skipped.
    #[error("table {table} holds corrupt bytes at {place}")]
    Corrupt {
        /// The table.
        table: String,
        /// A description of the key.
        place: String,
    },
}

/// Why the second step of opening a database failed, or that of an earlier program.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// One of their tables is missing.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// They cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The write or its sync failed. The log is poisoned from now on.
    #[error("cannot write a batch of {bytes} bytes")]
    Write {
        /// Size of the batch.
        bytes: usize,
        /// The cause.
        #[source]
        source: StorageFault,
    },
    /// A file of sorted rows could not be written or ingested. The log is unchanged.
    #[error("cannot add sorted rows to table {table}")]
    Sorted {
        /// The table.
        table: String,
        /// The cause.
        #[source]
        source: StorageFault,
    },
    /// An earlier write failed.
    #[error("the log is poisoned by an earlier failed write")]
    Poisoned(Poison),
}

impl AppendError {
    /// Returns why writing has stopped, or `None` if it has not.
    pub fn poison(&self) -> Option<Poison> {
        match self {
            Self::Write { source, .. } => Some(Poison::of_text(&source.0)),
            Self::Poisoned(poison) => Some(*poison),
            Self::Sorted { .. } => None,
        }
    }

    /// Returns whether the disk was full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Write { source, .. } | Self::Sorted { source, .. } => {
                Poison::of_text(&source.0) == Poison::DiskFull
            }
            Self::Poisoned(poison) => *poison == Poison::DiskFull,
        }
    }

    /// Returns the error for sorted rows that could not be added to a table.
    pub(crate) fn sorted(table: &Table, why: String) -> Self {
        Self::Sorted { table: table.name().to_owned(), source: StorageFault(why) }
    }
}

pub(crate) fn read_error(table: &Table, error: rocksdb::Error) -> ReadError {
    ReadError::Storage { table: table.name().to_owned(), source: error.into() }
}

/// Returns the error for a database that does not open.
pub(crate) fn open_error(path: &Path, error: rocksdb::Error) -> OpenError {
    let (path, is_damaged) = (path.to_owned(), error.kind() == ErrorKind::Corruption);
    let source = error.into();
    if is_damaged {
        OpenError::Damaged { path, source }
    } else {
        OpenError::Storage { path, source }
    }
}

/// Returns the error for a row whose MAC is not that of its place and value.
pub(crate) fn altered(table: &Table, key: &[u8]) -> ReadError {
    let place = tables::place(table, key);
    ReadError::Altered { table: table.name().to_owned(), place, key: key.into() }
}

/// Returns the error for malformed bytes in a table.
pub(crate) fn corrupt(table: &Table, place: impl Into<String>) -> ReadError {
    ReadError::Corrupt { table: table.name().to_owned(), place: place.into() }
}
