//! The stop signal. Dropping its sender also counts as the signal.

use tokio::sync::watch;

/// Waits for the stop signal.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender was dropped.
    stop.wait_for(|stop| *stop).await.ok();
}

/// Returns whether the stop signal was given.
pub(crate) fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
