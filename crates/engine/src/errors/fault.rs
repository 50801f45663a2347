//! The ledger not doing its job.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use ledger_contract::records::RecordError;
use ledger_store::{AppendError, ReadError};
use ledger_vault::OpenError as UnsealError;

/// A failure below the engine, or a contradiction in what is stored. No caller can act on it; the
/// operator can.
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
    /// A row of a read model cannot be decoded. A replay makes it again.
    #[error("cannot decode the row of {of}; `connledger replay` rebuilds it")]
    Row {
        /// What the row is about.
        of: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What is stored contradicts itself.
    #[error("{0}")]
    Damaged(String),
    /// A sealed value or a wrapped key does not open.
    #[error("cannot open sealed bytes")]
    Unseal(#[from] UnsealError),
    /// The operating system starts no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The engine contradicts itself.
    #[error("{0}")]
    Bug(Cow<'static, str>),
}

impl Fault {
    /// Says in what the engine contradicts itself.
    pub(crate) fn bug(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Bug(what.into())
    }
}

/// Returns an error with all its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
