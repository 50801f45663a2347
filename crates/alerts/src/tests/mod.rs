//! Delivery from a real ledger to a real receiver on this machine.

mod faults;
mod ledger;
mod order;
mod receiver;

use std::time::Duration;

/// How long anything may take; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks until there is something.
async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
