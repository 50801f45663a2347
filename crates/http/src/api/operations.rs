//! Replays and health checks.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures::stream;
use ledger_contract::errors::{Problem, read_json};
use ledger_contract::operations::{HealthAnswer, ReplayProgress, ReplayReport, ReplayRequest};
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::log_fault;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::info;

use super::caller::Caller;
use super::state::AppState;
use super::{accept, answer, headers};
use crate::crashed::crashed;
use crate::feed::frame;
use crate::toolkit::RequestId;

/// Interval between progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Answers the liveness check.
pub(super) fn alive() -> Response {
    health("alive")
}

/// Answers the readiness check, which succeeds if commands are accepted.
pub(super) fn ready(state: &AppState) -> Result<Response, Problem> {
    state.engine.ready()?;
    Ok(health("ready"))
}

fn health(status: &'static str) -> Response {
    answer::json(StatusCode::OK, to_json(&HealthAnswer { status }))
}

/// A running replay.
struct Running {
    task: JoinHandle<Result<ReplayReport, Problem>>,
    watched: watch::Receiver<Option<ReplayProgress>>,
}

/// Rebuilds read models. Answers when that is done, or streams the progress.
pub(super) async fn replay(
    state: &AppState,
    caller: &Caller,
    map: &HeaderMap,
    body: Body,
    id: &RequestId,
) -> Result<Response, Problem> {
    state.counted(caller.require(Scope::Administer, Subject::Ledger))?;
    let body = state.read_body(caller.known(), map, body).await?;
    let permit = state.acquire_operation()?;
    let request = headers::of_query(map).and_then(|_| read_json::<ReplayRequest>(&body));
    let request = state.counted(request)?;
    info!(
        ledger.actor = caller.known().actor().as_str(),
        ledger.operation = "replay",
        "operation started"
    );
    let mut running = start(state, request);
    if !accept::wants_events(map) {
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
        return Ok(events(Body::from(frame::plain("report", &to_json(&report)))));
    }
    drop(permit);
    let mut ticks = interval(PROGRESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = Telling { running: Some(running), ticks, id: id.clone() };
    Ok(events(Body::from_stream(stream::unfold(told, Telling::next))))
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

fn events(body: Body) -> Response {
    answer::of_type(StatusCode::OK, HeaderValue::from_static(accept::EVENT_STREAM), body)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers have a JSON form")
}
