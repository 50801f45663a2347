//! Operations and health checks.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{self, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream;
use ledger_contract::errors::Problem;
use ledger_contract::operations::{HealthAnswer, Progress};
use ledger_contract::records::Via;
use ledger_domain::principal::Scope;
use ledger_engine::{Caller, Operation, RequestContext, log_fault};
use ledger_http_server::answer;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::info;

use super::request::ApiRequest;
use super::state::AppState;
use super::{accept, headers};
use crate::crashed::crashed;
use crate::feed::frame;
use crate::toolkit::{Body, Refusal, RequestId};

/// Interval between progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Answers the readiness check, which succeeds if commands are accepted.
pub(super) fn ready(state: &AppState) -> Result<Response, Problem> {
    state.engine.ready()?;
    let incarnation = Some(state.engine.identity().incarnation.to_string());
    let backup = state.engine.backup_status().map(Into::into);
    let sealed = state.engine.is_sealed();
    Ok(health(&HealthAnswer { status: "ready", incarnation, sealed, backup }))
}

/// Answers the check that the process is there.
pub(super) fn alive() -> Response {
    health(&HealthAnswer { status: "alive", incarnation: None, sealed: false, backup: None })
}

fn health(answer: &HealthAnswer) -> Response {
    answer::json(StatusCode::OK, to_json(answer))
}

/// Checks that the caller may start operations now.
pub(super) fn may_operate(state: &AppState, caller: &Caller) -> Result<(), Problem> {
    Ok(state.engine.check_now(caller, Scope::Administer)?)
}

/// A running operation.
struct Running<R> {
    task: JoinHandle<Result<R, Problem>>,
    watched: watch::Receiver<Option<Progress>>,
}

/// Runs an operation. Answers when that is done, or streams the progress.
pub(super) async fn run<O: Operation + DeserializeOwned + JsonSchema>(
    request: ApiRequest,
    Body(asked): Body<O>,
) -> Result<Response, Refusal> {
    let ApiRequest { state, caller, headers: map, id, .. } = request;
    let said = headers::of_query(&map)?;
    // The right may have been lost while the body arrived.
    may_operate(&state, &caller)?;
    let permit = state.acquire_operation()?;
    info!(ledger.actor = caller.actor().as_str(), ledger.operation = O::NAME, "operation started");
    let by = state.engine.context(caller, Via::Http, said);
    let mut running = start(&state, by, asked);
    if !accept::wants_events(&map) {
        let report = running.task.await.map_err(|failure| crashed(&failure))?;
        return Ok(answer::json(StatusCode::OK, to_json(&report?)));
    }
    // An operation is refused, if at all, before its first progress.
    let ended = tokio::select! {
        biased;
        ended = &mut running.task => Some(ended),
        moved = running.watched.changed() => match moved {
            Ok(()) => None,
            Err(_) => Some((&mut running.task).await),
        },
    };
    if let Some(ended) = ended {
        let report = ended.map_err(|failure| crashed(&failure))??;
        return Ok(events(body::Body::from(frame::plain("report", &to_json(&report)))));
    }
    drop(permit);
    let mut ticks = interval(PROGRESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = Telling { running: Some(running), ticks, id };
    Ok(events(body::Body::from_stream(stream::unfold(told, Telling::next))))
}

fn start<O: Operation>(state: &AppState, by: RequestContext, asked: O) -> Running<O::Report> {
    let (progress, watched) = watch::channel(None);
    let engine = state.engine.clone();
    let task = tokio::task::spawn_blocking(move || {
        asked.run(&engine, by, &|done| {
            progress.send_replace(Some(done));
        })
    });
    Running { task, watched }
}

/// The stream of an operation's progress.
struct Telling<R> {
    running: Option<Running<R>>,
    ticks: Interval,
    id: RequestId,
}

impl<R: Serialize> Telling<R> {
    /// Returns the latest progress at most ten times per second, and finally the report.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let mut running = self.running.take()?;
        self.ticks.tick().await;
        let latest = *running.watched.borrow_and_update();
        // The sender of progress is dropped when the work has ended.
        let ended = running.watched.has_changed().is_err();
        if let (false, Some(latest)) = (ended, latest) {
            let told = frame::plain("progress", &to_json(&latest));
            self.running = Some(running);
            return Some((Ok(told), self));
        }
        let report = match running.task.await {
            Ok(report) => report,
            Err(failure) => Err(crashed(&failure)),
        };
        let last = match report {
            Ok(report) => frame::plain("report", &to_json(&report)),
            Err(problem) => {
                log_fault(&problem);
                frame::plain("problem", &to_json(&problem.details(self.id.as_str())))
            }
        };
        Some((Ok(last), self))
    }
}

fn events(body: body::Body) -> Response {
    answer::of_type(StatusCode::OK, HeaderValue::from_static(accept::EVENT_STREAM), body)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers have a JSON form")
}
