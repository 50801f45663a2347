//! The word to stop, as feeds and their broadcaster hear it.

use tokio::sync::watch;

/// Waits for the word to stop. A sender that is gone has said it too.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The error says that the sender is gone.
    stop.wait_for(|stop| *stop).await.ok();
}
