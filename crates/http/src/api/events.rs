//! The feed of events: as server-sent events, or in pages.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::ResumePoint;
use ledger_contract::errors::Problem;
use ledger_contract::parameter::seconds;
use ledger_domain::WorkspaceName;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::{Attempt, Effort, Engine, LiveCaller};
use ledger_http_server::answer;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::request::ApiRequest;
use super::{accept, headers};
use crate::feed::{Follower, Start};
use crate::toolkit::{Query, Refusal};

/// What the audit journal calls the reading of a feed by somebody who sees whole events.
const OPERATION: &str = "events";

/// The query parameters of a feed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct FeedQuery {
    /// What to continue after.
    after: Option<ResumePoint>,
    /// The seconds to wait for a page's first event.
    #[serde(default, deserialize_with = "read_seconds")]
    wait: u64,
}

fn read_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    seconds(&text).ok_or_else(|| serde::de::Error::custom("must be seconds"))
}

/// Opens a feed, or returns one page of it.
pub(super) async fn feed(
    request: ApiRequest,
    Query(query): Query<FeedQuery>,
) -> Result<Response, Refusal> {
    let only = workspace(&request).await?;
    let start = start(&request, &query)?;
    let live_caller = LiveCaller::new(request.caller.clone());
    let subject = only.as_ref().map_or(Subject::Ledger, Subject::Workspace);
    if request.caller.may(Scope::Audit, subject) {
        let attempt = Attempt::of(&request.caller, OPERATION).in_workspace(only.clone());
        request.state.engine.note_reading(&attempt);
    }
    let follower = request.state.feeds.follow(start, only, live_caller)?;
    if accept::wants_json(&request.headers) {
        return Ok(page(follower, Duration::from_secs(query.wait)).await?);
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
fn start(request: &ApiRequest, query: &FeedQuery) -> Result<Start, Problem> {
    let after = headers::last_event_id(&request.headers)?.or(query.after);
    let Some(after) = after else { return Ok(Start::Now) };
    Ok(Start::After(after.check(request.state.engine.end())?))
}

/// Returns the workspace that the feed is limited to, if it exists and the caller may read it.
async fn workspace(request: &ApiRequest) -> Result<Option<WorkspaceName>, Problem> {
    let deadline = headers::of_query(&request.headers)?.deadline;
    let workspace = request.workspace()?;
    let (caller, looked_at) = (request.caller.clone(), workspace.clone());
    let look = move |engine: &Engine| engine.reader(&caller, &looked_at).map(drop);
    request.state.read(Effort::Lookup, deadline, &request.caller, look).await?;
    let subject = workspace.name().map_or(Subject::Ledger, Subject::Workspace);
    request.caller.require(Scope::Read, subject)?;
    Ok(workspace.name().cloned())
}
