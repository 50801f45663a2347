//! Errors of the portable form: of writing it, and of making a ledger of it.

use std::io;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Position;
use ledger_vault::OpenError as UnsealError;

use super::{Fault, OpenError, chain};

/// Why a ledger could not be written in its portable form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortableError {
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The lines could not be written.
    #[error("cannot write the lines of the ledger")]
    Output(#[source] io::Error),
}

/// Why a ledger was not restored. What was written is removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The lines could not be read.
    #[error("cannot read the lines of the ledger")]
    Input(#[source] io::Error),
    /// A line has no meaning here.
    #[error("line {line} is not a line of an exported ledger")]
    Foreign {
        /// The number of the line.
        line: u64,
    },
    /// A newer version of the program wrote the lines.
    #[error("{what} has version {found}; this program knows versions up to {known}")]
    Newer {
        /// What is newer.
        what: &'static str,
        /// Its version.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The ledger has another master key.
    #[error("the given master keys lack one that this ledger needs")]
    MasterKey(#[source] UnsealError),
    /// A line is not as the ledger wrote it.
    #[error("line {line}, {what}, is not as the ledger wrote it")]
    Altered {
        /// The number of the line.
        line: u64,
        /// What it is, or should be.
        what: String,
    },
    /// A line has another event than the next one.
    #[error(
        "line {line} has event {found} where event {expected} belongs: lines are missing, doubled \
         or moved"
    )]
    OutOfPlace {
        /// The number of the line.
        line: u64,
        /// The position of the next event.
        expected: Position,
        /// The position of the event of the line.
        found: Position,
    },
    /// A line has no end.
    #[error("line {line} is cut off")]
    LineCutOff {
        /// The number of the line.
        line: u64,
    },
    /// The lines end too early.
    #[error("the lines end before {before}")]
    CutOff {
        /// What is missing.
        before: String,
    },
    /// The ledger never reached the position or had not begun at the time up to which it is to be
    /// restored.
    #[error("{0}")]
    TargetUnknown(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<ledger_store::OpenError> for RestoreError {
    fn from(error: ledger_store::OpenError) -> Self {
        Self::Folder(error.into())
    }
}

impl From<PortableError> for Problem {
    fn from(error: PortableError) -> Self {
        match error {
            PortableError::Fault(fault) => fault.into(),
            PortableError::Output(_) => Self::because(Code::PortableIo, chain(&error)),
        }
    }
}

impl From<RestoreError> for Problem {
    fn from(error: RestoreError) -> Self {
        let code = match error {
            RestoreError::Folder(error) => return error.into(),
            RestoreError::Fault(fault) => return fault.into(),
            RestoreError::Input(_) => Code::PortableIo,
            RestoreError::Foreign { .. } => Code::PortableForeign,
            RestoreError::Newer { .. } => Code::PortableNewer,
            RestoreError::MasterKey(_) => Code::MasterKeyWrong,
            RestoreError::Altered { .. } | RestoreError::OutOfPlace { .. } => Code::PortableAltered,
            RestoreError::LineCutOff { .. } | RestoreError::CutOff { .. } => Code::PortableCutOff,
            RestoreError::TargetUnknown(_) => Code::RestoreTargetUnknown,
        };
        Self::because(code, chain(&error))
    }
}
