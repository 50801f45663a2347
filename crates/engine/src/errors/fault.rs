//! Faults of the ledger itself.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use ledger_contract::records::RecordError;
use ledger_store::{AppendError, ReadError};
use ledger_vault::OpenError as UnsealError;

use super::Unavailable;

/// A failure below the engine, or contradictory stored data. Only the operator can act on it, never
/// the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The store cannot be read.
    #[error("cannot read the store")]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error("cannot write the store")]
    Append(#[from] AppendError),
    /// A record of the log cannot be decoded.
    #[error("cannot decode a record")]
    Record(#[from] RecordError),
    /// A row of a read model cannot be decoded. A replay rebuilds it.
    #[error("cannot decode the row of {of}; `connledger replay` rebuilds it")]
    Row {
        /// The subject of the row.
        of: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A value that the ledger was made with is not as it was written.
    #[error(
        "the ledger's {name} is not authentic: it was changed by something other than this ledger"
    )]
    Founding {
        /// The value's name.
        name: &'static str,
        /// The cause.
        #[source]
        source: UnsealError,
    },
    /// Stored data contradicts itself.
    #[error("{0}")]
    Damaged(String),
    /// A sealed value or a wrapped key cannot be opened.
    #[error("cannot open sealed bytes")]
    Unseal(#[from] UnsealError),
    /// The operating system does not tell how much room the disk has.
    #[error("cannot determine the free space")]
    Room(#[source] io::Error),
    /// The disk has no room for read models beside the present ones.
    #[error(
        "rebuilding read models beside the present ones needs {needed_bytes} free bytes; \
         {free_bytes} are free"
    )]
    NoRoom {
        /// Bytes that are free.
        free_bytes: u64,
        /// Bytes that are needed.
        needed_bytes: u64,
    },
    /// The operating system refuses to start a thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// What the nodes of a cluster share cannot be changed.
    #[error("what the nodes of the cluster share cannot be changed: {0}")]
    Shared(String),
    /// The master keys of this node are not those that the cluster uses.
    #[error("{0}")]
    OwnKeys(String),
    /// The writer does not store what it is given.
    #[error("the writer cannot store anything now")]
    Unstored(#[source] Unavailable),
    /// The work was given up because the ledger is stopping.
    #[error("the ledger is stopping")]
    Stopped,
    /// A bug in the engine.
    #[error("{0}")]
    Bug(Cow<'static, str>),
}

impl Fault {
    /// Returns a fault that describes a bug.
    pub(crate) fn bug(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Bug(what.into())
    }
}

/// Formats an error and all its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
