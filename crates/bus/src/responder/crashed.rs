//! Answers of handlers that panic. Without one, the caller would wait until the deadline.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use ledger_contract::errors::{Code, Problem};

/// Returns what a handler answers, or `internal` if it panics. The panic itself is already logged.
pub(super) async fn caught<T>(handler: impl Future<Output = T>) -> Result<T, Problem> {
    // Whatever the handler shares with others is behind locks that a panic does not poison.
    AssertUnwindSafe(handler).catch_unwind().await.map_err(|_| Problem {
        internal: Some("a handler panicked".into()),
        ..Problem::new(Code::Internal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let crash = caught(async { panic!("a defect") }).await;
        assert_eq!(crash.map(|(): ()| 0).unwrap_err().code, Code::Internal);
    }
}
