//! The stop signal of feeds and their broadcaster.

use tokio::sync::watch;

/// Waits for the stop signal. A dropped sender counts as the signal.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The error means that the sender was dropped.
    stop.wait_for(|stop| *stop).await.ok();
}
