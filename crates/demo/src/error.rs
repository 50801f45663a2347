//! Why the demo did not go as it should.

use std::io;

use ledger_client::ClientError;

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// There is no temporary folder to work in.
    #[error("cannot make a temporary folder: {0}")]
    Folder(io::Error),
    /// The ledger did something else than it should.
    #[error("{0}")]
    Unexpected(String),
    /// The server did not get ready.
    #[error("{0}")]
    Unavailable(String),
    /// The machine did not do what the demo needs of it.
    #[error("{0}")]
    Internal(String),
    /// A request of the demo's own was not answered as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The story could not be written.
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

    /// Tells whether the reader of standard output has gone, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
