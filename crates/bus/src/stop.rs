//! The word to stop. A sender that is gone has said it too.

use tokio::sync::watch;

/// Waits for the word to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The error says that the sender is gone.
    stop.wait_for(|stop| *stop).await.ok();
}

/// Tells whether the word was given.
pub(crate) fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
