//! The word to stop, and who waits for it.

use tokio::sync::watch;

/// Makes the two ends.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

/// Says stop; dropping it says so as well.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Hears it.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits for the word.
    pub(crate) async fn stopped(&mut self) {
        // An error means that nobody is left who could say it.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}
