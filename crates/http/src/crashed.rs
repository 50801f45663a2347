//! What callers are told of a task that ended before it was done.

use ledger_contract::errors::{Code, Problem};
use tokio::task::JoinError;

/// Says that a task ended in a panic, which the log shows in full.
pub(crate) fn crashed(failure: &JoinError) -> Problem {
    tracing::error!(error = %failure, "a task ended before it was done");
    Problem::new(Code::Internal)
}
