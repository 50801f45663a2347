//! Operations: long-running work that is started by a message and reports its progress.

use std::time::Duration;

use async_nats::Subject;
use ledger_contract::backups::BackupRequest;
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::master_keys::{RewrapRequest, ShareRequest};
use ledger_contract::operations::{Progress, ReplayRequest, StepDownRequest};
use ledger_contract::records::Via;
use ledger_domain::principal::Scope;
use ledger_engine::{Operation, RequestContext};
use serde::de::DeserializeOwned;
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
        let (name, by) = self.counted(incoming.attempt, self.operation_name(incoming))?;
        match name {
            ReplayRequest::NAME => self.operate::<ReplayRequest>(incoming, by).await,
            RewrapRequest::NAME => self.operate::<RewrapRequest>(incoming, by).await,
            ShareRequest::NAME => self.operate::<ShareRequest>(incoming, by).await,
            StepDownRequest::NAME => self.operate::<StepDownRequest>(incoming, by).await,
            _ => self.operate::<BackupRequest>(incoming, by).await,
        }
    }

    /// Checks who asks, and returns the name of a known operation and the circumstances.
    fn operation_name<'a>(
        &self,
        incoming: Incoming<'a>,
    ) -> Result<(&'a str, RequestContext), Problem> {
        let caller = self.admit(incoming)?;
        caller.require(Scope::Administer, ledger_domain::principal::Subject::Ledger)?;
        let name = subject::operation(&self.prefix, &incoming.message.subject)?;
        let headers = incoming.headers()?;
        info!(ledger.actor = caller.actor().as_str(), ledger.operation = name, "operation started");
        Ok((name, self.engine.context(caller, Via::Nats, headers)))
    }

    async fn operate<O: Operation + DeserializeOwned>(
        &self,
        incoming: Incoming<'_>,
        by: RequestContext,
    ) -> Result<Reply, Problem> {
        let request = if O::IS_SECRET && incoming.opened.is_none() {
            Err(Problem::new(Code::SealedRequired))
        } else {
            read_json(incoming.body())
        };
        let request: O = self.counted(incoming.attempt, request)?;
        let (progress, watched) = watch::channel(None);
        let engine = self.engine.clone();
        let work = move || {
            request.run(&engine, by, &|done| {
                progress.send_replace(Some(done));
            })
        };
        let mut running = tokio::task::spawn_blocking(work);
        let report = match incoming.message.reply.clone() {
            None => running.await,
            Some(inbox) => tokio::select! {
                biased;
                ended = &mut running => ended,
                () = self.send_progress(watched, incoming, inbox) => running.await,
            },
        };
        report.map_err(|failure| crashed(&failure))?.map(|report| Reply::json(&report))
    }

    /// Sends the latest progress at most ten times a second, until the work has ended.
    async fn send_progress(
        &self,
        mut watched: watch::Receiver<Option<Progress>>,
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
