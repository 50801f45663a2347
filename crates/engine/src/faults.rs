//! Faults of the parts below, as callers see them.
//!
//! The cause goes to the log in full; callers get a code and a sentence.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::RecordError;
use ledger_store::{AppendError, OpenError, ReadError};
use ledger_vault::OpenError as UnsealError;

/// Returns an error with all its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub(crate) fn from_open(error: &OpenError) -> Problem {
    let code = match error {
        OpenError::Missing { .. } => Code::DataDirMissing,
        OpenError::Foreign { .. } => Code::DataDirForeign,
        OpenError::Newer { .. } => Code::DataDirNewer,
        OpenError::InUse { .. } => Code::DataDirInUse,
        _ => Code::DataDirUnusable,
    };
    Problem::because(code, chain(error))
}

pub(crate) fn from_read(error: &ReadError) -> Problem {
    tracing::error!(error = %chain(error), "cannot read the store");
    match error {
        ReadError::Corrupt { .. } => Problem::because(Code::RecordCorrupt, chain(error)),
        _ => Problem::because(Code::Internal, "the store cannot be read"),
    }
}

pub(crate) fn from_append(error: &AppendError) -> Problem {
    tracing::error!(error = %chain(error), "cannot write the store");
    let code = match error {
        AppendError::Sorted { .. } => Code::Internal,
        _ => Code::LogPoisoned,
    };
    Problem::because(code, chain(error))
}

pub(crate) fn from_record(error: &RecordError) -> Problem {
    tracing::error!(error = %chain(error), "cannot read a record");
    Problem::because(Code::RecordCorrupt, chain(error))
}

pub(crate) fn from_unseal(error: &UnsealError) -> Problem {
    if let UnsealError::UnknownKey { .. } = error {
        return Problem::because(Code::MasterKeyWrong, error.to_string());
    }
    tracing::error!(error = %chain(error), "cannot open sealed bytes");
    Problem::because(Code::Internal, "a sealed value cannot be opened")
}

/// Says that a row of a read model cannot be read.
pub(crate) fn corrupt_row(what: &str, error: &serde_json::Error) -> Problem {
    tracing::error!(%error, row = what, "cannot read a row; `connledger replay` rebuilds it");
    Problem::because(Code::RecordCorrupt, format!("{what} cannot be read; run connledger replay"))
}
