//! Operations: long-running work that is started by a message and reports its progress.

use std::time::Duration;

use async_nats::Subject;
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::operations::{ReplayProgress, ReplayReport, ReplayRequest};
use ledger_domain::principal::Scope;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use super::incoming::Incoming;
use super::reply::Reply;
use super::{ServiceState, subject};
use crate::PROGRESS;

/// Interval between progress messages.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

impl ServiceState {
    /// Runs an operation.
    pub(super) async fn operation(&self, incoming: Incoming<'_>) -> Result<Reply, Problem> {
        let request = self.counted(incoming.attempt, self.replay_request(incoming))?;
        self.replay(request, incoming).await.map(|report| Reply::json(&report))
    }

    /// Parses a request for `replay`, the only operation so far.
    fn replay_request(&self, incoming: Incoming<'_>) -> Result<ReplayRequest, Problem> {
        let caller = self.admit(incoming)?;
        caller.require(Scope::Administer, ledger_domain::principal::Subject::Ledger)?;
        let name = subject::operation(&self.prefix, &incoming.message.subject)?;
        incoming.headers()?;
        let request = read_json(incoming.body())?;
        info!(ledger.actor = caller.actor().as_str(), ledger.operation = name, "operation started");
        Ok(request)
    }

    async fn replay(
        &self,
        request: ReplayRequest,
        incoming: Incoming<'_>,
    ) -> Result<ReplayReport, Problem> {
        let (progress, watched) = watch::channel(None);
        let engine = self.engine.clone();
        let replay = move || {
            let report = engine.replay(&request, &|done| {
                progress.send_replace(Some(done));
            });
            report.map_err(Problem::from)
        };
        let mut running = tokio::task::spawn_blocking(replay);
        let Some(inbox) = incoming.message.reply.clone() else {
            return running.await.map_err(|failure| crashed(&failure))?;
        };
        tokio::select! {
            biased;
            ended = &mut running => ended.map_err(|failure| crashed(&failure))?,
            () = self.send_progress(watched, incoming, inbox) => {
                running.await.map_err(|failure| crashed(&failure))?
            }
        }
    }

    /// Sends the latest progress at most ten times a second, until the work has ended.
    async fn send_progress(
        &self,
        mut watched: watch::Receiver<Option<ReplayProgress>>,
        incoming: Incoming<'_>,
        inbox: Subject,
    ) {
        let mut ticks = interval(PROGRESS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while watched.changed().await.is_ok() {
            ticks.tick().await;
            let latest = *watched.borrow_and_update();
            if let Some(latest) = latest {
                let reply = Reply::json(&latest).with_header(PROGRESS, "true");
                self.seal_like(reply, incoming).publish(&self.client, inbox.clone()).await;
            }
        }
    }
}

/// Returns the problem for a task that panicked, and logs the panic.
fn crashed(failure: &JoinError) -> Problem {
    error!(error = %failure, "a task panicked");
    Problem::new(Code::Internal)
}
