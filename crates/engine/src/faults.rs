//! Converts faults of lower layers to problems for callers of queries.
//!
//! Logs the full cause; the caller gets a code and a sentence.

use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::RecordError;
use ledger_store::ReadError;

use crate::errors::chain;

pub(crate) fn from_read(error: &ReadError) -> Problem {
    tracing::error!(error = %chain(error), "cannot read the store");
    match error {
        ReadError::Corrupt { .. } => Problem::because(Code::RecordCorrupt, chain(error)),
        _ => Problem::because(Code::Internal, "the store cannot be read"),
    }
}

pub(crate) fn from_record(error: &RecordError) -> Problem {
    tracing::error!(error = %chain(error), "cannot read a record");
    Problem::because(Code::RecordCorrupt, chain(error))
}

/// Returns the problem for a row of a read model that cannot be decoded.
pub(crate) fn corrupt_row(what: &str, error: &serde_json::Error) -> Problem {
    tracing::error!(%error, row = what, "cannot read a row; `connledger replay` rebuilds it");
    Problem::because(Code::RecordCorrupt, format!("{what} cannot be read; run connledger replay"))
}
