//! Logs faults. Conversions of errors have no side effects, so the doors call this.

use ledger_contract::errors::Problem;

/// Logs the fault behind a problem, if there is one. Whoever answers with the problem, or otherwise
/// ends its way, calls this once.
pub fn log_fault(problem: &Problem) {
    if let Some(error) = &problem.internal {
        tracing::error!(%error, "internal fault");
    }
}
