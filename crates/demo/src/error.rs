//! Errors of the demo.

use std::io;

use ledger_client::ClientError;

/// The reason why the demo ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A temporary folder cannot be created.
    #[error("cannot create a temporary folder: {0}")]
    Folder(io::Error),
    /// The ledger did not behave as expected.
    #[error("{0}")]
    Unexpected(String),
    /// The server did not become ready.
    #[error("{0}")]
    Unavailable(String),
    /// The machine did not provide what the demo needs.
    #[error("{0}")]
    Internal(String),
    /// A request of the demo itself failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl DemoError {
    pub(crate) fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected(what.into())
    }

    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into())
    }

    /// Returns whether the reader of standard output has gone, which is not a failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
