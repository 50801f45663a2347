//! The feed of events by which open pages are kept up to date, with the session in place of a key.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::StreamExt as _;
use ledger_contract::ResumePoint;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::{Attempt, Effort};
use ledger_http::toolkit::Refusal;
use ledger_http_server::answer;

use crate::answers::protected;
use crate::request::PageRequest;

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// What the audit journal calls the reading of a feed by somebody who sees whole events.
const OPERATION: &str = "events";

/// Follows the events of a workspace, or of all, after a point. The feed ends with the session.
pub(crate) async fn follow(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace()?;
    request.read(Effort::Lookup, workspace.clone(), |_| Ok(())).await?;
    let only = workspace.name().cloned();
    let subject = only.as_ref().map_or(Subject::Ledger, Subject::Workspace);
    request.caller.require(Scope::Read, subject)?;
    if request.caller.may(Scope::Audit, subject) {
        let attempt = Attempt::of(&request.caller, OPERATION).in_workspace(only.clone());
        request.engine().note_reading(&attempt);
    }
    // A browser that comes back after a cut says where it was.
    let last = request.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = last.filter(|text| !text.is_empty()).or_else(|| request.parameter("after"));
    let after = after.map(|text| ResumePoint::parse("after", text)).transpose()?;
    let feed = request.console.state.follow_events(after, only, request.caller.clone())?;
    let limits = request.console.sessions.limits();
    let clock = request.engine().clock().clone();
    let ended = Arc::clone(&request.session).ended(limits, clock);
    let body = Body::from_stream(feed.take_until(Box::pin(ended)));
    Ok(protected(answer::of_type(StatusCode::OK, EVENTS, body)))
}
