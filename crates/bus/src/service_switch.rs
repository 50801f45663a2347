//! Starts and stops the micro service: requests over NATS are received only while no other instance
//! holds the lease.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::lease::{Ownership, State};
use crate::responder::Responder;
use crate::stop::{is_stopped, stopped};
use crate::{BusOptions, DRAIN_PATIENCE};

/// How long to wait until the server knows the subscriptions.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);
/// Wait after a failed attempt.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Starts and stops the micro service.
#[derive(Debug)]
pub(crate) struct ServiceSwitch {
    pub(crate) engine: Engine,
    pub(crate) options: BusOptions,
    pub(crate) ownership: Arc<Ownership>,
}

impl ServiceSwitch {
    /// Runs until it is told to stop, then completes the requests in progress.
    ///
    /// Each start begins with a new memory of sealed requests, which refuses all that were made
    /// before: the previous owner may have received them.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut states = self.ownership.subscribe();
        while Self::until(&mut states, true, &mut stop).await {
            match self.start().await {
                Ok(responder) => {
                    self.ownership.set_listening(true);
                    Self::until(&mut states, false, &mut stop).await;
                    responder.stop(Instant::now() + DRAIN_PATIENCE).await;
                    self.ownership.set_listening(false);
                }
                Err(problem) => {
                    warn!(error = problem.message, "requests over nats cannot be received yet");
                    tokio::select! {
                        () = sleep(RETRY_DELAY) => {}
                        () = stopped(&mut stop) => {}
                    }
                }
            }
        }
    }

    /// Waits until the service is to run, or not to run. Returns false when told to stop.
    async fn until(
        states: &mut watch::Receiver<State>,
        run: bool,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        if is_stopped(stop) {
            return false;
        }
        tokio::select! {
            found = states.wait_for(|state| state.listens() == Some(run)) => found.is_ok(),
            () = stopped(stop) => false,
        }
    }

    async fn start(&self) -> Result<Responder, Problem> {
        let responder = Responder::start(self.engine.clone(), &self.options).await?;
        // Without an answer the server is away, and learns of the subscriptions when it is back.
        timeout(FLUSH_PATIENCE, self.options.client.flush()).await.ok();
        Ok(responder)
    }
}
