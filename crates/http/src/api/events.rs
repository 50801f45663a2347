//! The feed of events: as server-sent events, or in pages.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::QueryWorkspace;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Position, WorkspaceName};
use ledger_engine::{Engine, LiveCaller};

use super::caller::Caller;
use super::params::RequestParams;
use super::state::AppState;
use super::{accept, answer, headers};
use crate::feed::{Follower, Start};

/// Opens a feed, or returns one page of it.
pub(super) async fn run(
    state: &AppState,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
) -> Result<Response, Problem> {
    let deadline = state.counted(headers::of_query(map))?.deadline;
    let only = workspace(state, caller, params, deadline).await?;
    let start = state.counted(start(state, params, map))?;
    let live_caller = LiveCaller::new(caller.known().clone());
    let follower = state.counted(state.feeds.follow(start, only, live_caller))?;
    if accept::wants_json(map) {
        let wait = Duration::from_secs(params.number("wait").unwrap_or_default());
        return page(follower, wait).await;
    }
    let events = HeaderValue::from_static(accept::EVENT_STREAM);
    Ok(answer::of_type(StatusCode::OK, events, Body::from_stream(follower.stream())))
}

async fn page(follower: Follower, wait: Duration) -> Result<Response, Problem> {
    let page = follower.page(wait).await?;
    Ok(answer::json(StatusCode::OK, page))
}

/// Determines where the feed starts. The caller must have been authorized, because an error reveals
/// the end of the log.
fn start(state: &AppState, params: &RequestParams, map: &HeaderMap) -> Result<Start, Problem> {
    let after = headers::last_event_id(map)?.or_else(|| params.number("after"));
    let Some(after) = after else { return Ok(Start::Now) };
    let head = state.engine.head().get();
    if after > head {
        let message = format!("the log ends at position {head}, before the requested one");
        return Err(Problem::because(Code::PositionUnknown, message));
    }
    Ok(Start::After(Position::new(after)))
}

/// Returns the workspace that the feed is limited to, if it exists and the caller may read it.
async fn workspace(
    state: &AppState,
    caller: &Caller,
    params: &RequestParams,
    deadline: Option<ledger_domain::Micros>,
) -> Result<Option<WorkspaceName>, Problem> {
    let workspace =
        state.counted(QueryWorkspace::parse(&params.workspace).map_err(Problem::from))?;
    let (asking, looked_at) = (caller.clone(), workspace.clone());
    let look = move |engine: &Engine| {
        let looked = engine.reader(asking.known(), &looked_at).map(drop);
        looked.inspect_err(|error| engine.count_refusal(error.code()))
    };
    state.read(deadline, look).await?;
    let subject = workspace.name().map_or(Subject::Ledger, Subject::Workspace);
    state.counted(caller.require(Scope::Read, subject))?;
    Ok(workspace.name().cloned())
}
