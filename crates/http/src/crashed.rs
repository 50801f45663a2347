//! The error for a task that panicked.

use ledger_contract::errors::{Code, Problem};
use tokio::task::JoinError;

/// Returns the error for a task that panicked; the log holds the details.
pub(crate) fn crashed(failure: &JoinError) -> Problem {
    tracing::error!(error = %failure, "a task panicked");
    Problem::new(Code::Internal)
}
