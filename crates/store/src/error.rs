//! What can go wrong, by operation.

use std::io;
use std::path::PathBuf;

use crate::table::Table;

/// A fault of the storage below, in its own words. Keeps `rocksdb` types inside this crate.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageFault(pub(crate) String);

impl From<rocksdb::Error> for StorageFault {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.into_string())
    }
}

/// Why a data directory cannot be opened. Nothing in it has been touched, unless `Storage`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no ledger there.
    #[error("{path} has no ledger in it")]
    Missing {
        /// The data directory.
        path: PathBuf,
    },
    /// There is something else there.
    #[error("{path} holds files that are not a ledger's")]
    Foreign {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{path} has format {found}, this program knows formats up to {known}")]
    Newer {
        /// The data directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// Another process has it open.
    #[error("{path} is in use by process {holder}")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process id it left, or `unknown`.
        holder: String,
    },
    /// The folder cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder at fault.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database does not open.
    #[error("cannot open the database in {path}")]
    Storage {
        /// The data directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorageFault,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The storage below failed.
    #[error("cannot read table {table}")]
    Storage {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: StorageFault,
    },
    /// Stored bytes are not what the table holds. Never skipped.
    #[error("table {table} holds corrupt bytes at {place}")]
    Corrupt {
        /// The table.
        table: String,
        /// The key, in words.
        place: String,
    },
}

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The write or its sync failed; the log is poisoned from here on.
    #[error("cannot write a batch of {bytes} bytes")]
    Write {
        /// Size of the batch.
        bytes: usize,
        /// Why.
        #[source]
        source: StorageFault,
    },
    /// A file of sorted rows could not be written or taken in; the log is as it was.
    #[error("cannot add sorted rows to table {table}")]
    Sorted {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: StorageFault,
    },
    /// An earlier write failed.
    #[error("the log is poisoned by an earlier failed write")]
    Poisoned,
}

impl AppendError {
    /// Says that rows could not be sorted into a table.
    pub(crate) fn sorted(table: &Table, why: String) -> Self {
        Self::Sorted { table: table.name().to_owned(), source: StorageFault(why) }
    }
}

pub(crate) fn read_error(table: &Table, error: rocksdb::Error) -> ReadError {
    ReadError::Storage { table: table.name().to_owned(), source: error.into() }
}

/// Says that a table's bytes are not what it holds.
pub(crate) fn corrupt(table: &Table, place: impl Into<String>) -> ReadError {
    ReadError::Corrupt { table: table.name().to_owned(), place: place.into() }
}
