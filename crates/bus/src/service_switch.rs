//! Starts and stops the micro service: requests over NATS are received only while no other instance
//! holds the lease, and all of them only by the owner.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::lease::{Listening, Ownership, State};
use crate::responder::{Responder, Senders};
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
    /// Outlives the service, so that a change of owners forgives nothing.
    pub(crate) senders: Arc<Senders>,
}

impl ServiceSwitch {
    /// Runs until it is told to stop, then completes the requests in progress.
    ///
    /// Each start begins with a new memory of sealed requests, which refuses all that were made
    /// before: the previous owner may have received them. So each tenure has a start of its own,
    /// also if an outage hid that another instance was the owner in between.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut states = self.ownership.subscribe();
        let wanted = |state: &State| state.listens().filter(|wanted| *wanted != Listening::Nothing);
        let is_wanted = |state: &State| wanted(state).is_some();
        while let Some(state) = Self::until(&mut states, &mut stop, is_wanted).await {
            let (tenure, Some(listening)) = (state.tenure(), wanted(&state)) else { continue };
            match self.start(listening).await {
                Ok(responder) => {
                    self.ownership.set_listening(listening == Listening::Everything);
                    let ends = |state: &State| state.ends_service_of(tenure, listening);
                    Self::until(&mut states, &mut stop, ends).await;
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

    /// Waits for a state, and returns it. Returns `None` when told to stop.
    async fn until(
        states: &mut watch::Receiver<State>,
        stop: &mut watch::Receiver<bool>,
        is_awaited: impl FnMut(&State) -> bool,
    ) -> Option<State> {
        if is_stopped(stop) {
            return None;
        }
        tokio::select! {
            found = states.wait_for(is_awaited) => found.ok().map(|state| state.clone()),
            () = stopped(stop) => None,
        }
    }

    async fn start(&self, listening: Listening) -> Result<Responder, Problem> {
        let (engine, senders) = (self.engine.clone(), Arc::clone(&self.senders));
        let responder = Responder::start(engine, &self.options, listening, senders).await?;
        // Without an answer the server is away, and learns of the subscriptions when it is back.
        timeout(FLUSH_PATIENCE, self.options.connection.client.flush()).await.ok();
        Ok(responder)
    }
}
