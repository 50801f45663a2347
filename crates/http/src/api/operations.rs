//! Replays and health checks.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{self, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream;
use ledger_contract::errors::Problem;
use ledger_contract::operations::{HealthAnswer, ReplayProgress, ReplayReport, ReplayRequest};
use ledger_domain::principal::Scope;
use ledger_engine::{Caller, log_fault};
use ledger_http_server::answer;
use serde::Serialize;
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
    Ok(health(&HealthAnswer { status: "ready", incarnation }))
}

/// Answers the liveness check.
pub(super) fn alive() -> Response {
    health(&HealthAnswer { status: "alive", incarnation: None })
}

fn health(answer: &HealthAnswer) -> Response {
    answer::json(StatusCode::OK, to_json(answer))
}

/// Checks that the caller may rebuild read models now.
pub(super) fn may_replay(state: &AppState, caller: &Caller) -> Result<(), Problem> {
    Ok(state.engine.check_now(caller, Scope::Administer)?)
}

/// A running replay.
struct Running {
    task: JoinHandle<Result<ReplayReport, Problem>>,
    watched: watch::Receiver<Option<ReplayProgress>>,
}

/// Rebuilds read models. Answers when that is done, or streams the progress.
pub(super) async fn replay(
    request: ApiRequest,
    Body(replay): Body<ReplayRequest>,
) -> Result<Response, Refusal> {
    let ApiRequest { state, caller, headers: map, id, .. } = request;
    headers::of_query(&map)?;
    // The right may have been lost while the body arrived.
    may_replay(&state, &caller)?;
    let permit = state.acquire_operation()?;
    info!(ledger.actor = caller.actor().as_str(), ledger.operation = "replay", "operation started");
    let mut running = start(&state, replay);
    if !accept::wants_events(&map) {
        let report = running.task.await.map_err(|failure| crashed(&failure))?;
        return Ok(answer::json(StatusCode::OK, to_json(&report?)));
    }
    // A replay is refused, if at all, before its first progress.
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

fn start(state: &AppState, request: ReplayRequest) -> Running {
    let (progress, watched) = watch::channel(None);
    let engine = state.engine.clone();
    let task = tokio::task::spawn_blocking(move || {
        let report = engine.replay(&request, &|done| {
            progress.send_replace(Some(done));
        });
        report.map_err(Problem::from)
    });
    Running { task, watched }
}

/// The stream of a replay's progress.
struct Telling {
    running: Option<Running>,
    ticks: Interval,
    id: RequestId,
}

impl Telling {
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
