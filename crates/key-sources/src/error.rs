//! Why there are no master keys. No message has a key, a token or a ciphertext.

use std::io;

use ledger_vault::{KeyFileError, PrivateFileError};

use crate::program::ProgramError;

/// Whether it helps to ask a key service again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not answer, or says that it cannot now.
    Away,
    /// It answers, and says no.
    Refused,
}

/// Why a key service did not wrap or open a key.
#[derive(Debug, thiserror::Error)]
#[error("{service} does not {doing}: {cause}")]
pub struct ServiceError {
    pub(crate) service: String,
    pub(crate) doing: String,
    pub(crate) cause: String,
    pub(crate) fault: Fault,
    pub(crate) remedy: &'static str,
}

impl ServiceError {
    /// Returns whether the service may do it later.
    pub fn is_away(&self) -> bool {
        self.fault == Fault::Away
    }

    /// Says what to do.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

/// Why a service failed, before it is known what was asked.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) fault: Fault,
    pub(crate) text: String,
    pub(crate) remedy: &'static str,
}

impl Cause {
    pub(crate) fn away(text: impl Into<String>) -> Self {
        let remedy = "check that it runs and can be reached from here";
        Self { fault: Fault::Away, text: text.into(), remedy }
    }

    pub(crate) fn refused(text: impl Into<String>, remedy: &'static str) -> Self {
        Self { fault: Fault::Refused, text: text.into(), remedy }
    }

    /// Says who did not do what.
    pub(crate) fn at(self, service: &str, doing: String) -> ServiceError {
        let Self { fault, text: cause, remedy } = self;
        ServiceError { service: service.to_owned(), doing, cause, fault, remedy }
    }
}

/// Why the master keys cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The variable cannot be a key.
    #[error("the environment variable {0} is not text of at most 64 KiB")]
    NotText(String),
    /// The service manager gave no credentials.
    #[error("there are no credentials of systemd; the unit needs LoadCredential={0}:FILE")]
    NoCredentials(String),
    /// The file cannot be read, or others can read it.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The program gave no text.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The text has no usable keys.
    #[error("{source_name}: {error}")]
    Text {
        /// Where the text is.
        source_name: String,
        /// What is wrong with it.
        error: KeyFileError,
    },
    /// Nothing can be asked, because the runtime does not start.
    #[error("a runtime cannot be started: {0}")]
    Runtime(io::Error),
    /// A key service did not open a key.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl SourceError {
    /// Returns whether the keys may be there later.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Service(error) => error.is_away(),
            Self::Program(error) => error.is_away(),
            _ => false,
        }
    }
}
