//! A wish to stop, by which long work ends early.

use std::future::pending;

use tokio::sync::watch;

/// Tells long work that it is to end. The default never does.
#[derive(Clone, Debug, Default)]
pub struct Stop(Option<watch::Receiver<bool>>);

impl Stop {
    /// Stops once the channel has `true`, or its sender is gone.
    pub fn when(asked: watch::Receiver<bool>) -> Self {
        Self(Some(asked))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| *asked.borrow() || asked.has_changed().is_err())
    }

    /// Waits until it is asked.
    pub(crate) async fn requested(&self) {
        match &self.0 {
            // An error says that the sender is gone, which is a wish to stop as well.
            Some(asked) => drop(asked.clone().wait_for(|asked| *asked).await),
            None => pending().await,
        }
    }
}
