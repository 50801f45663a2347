//! The stop signal of a listener.

use tokio::sync::watch;

/// Creates a stop signal and a receiver for it.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

/// Sends the stop signal; dropping it sends the signal as well.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Receives the stop signal.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits for the stop signal.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the sender was dropped.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}
