//! The feed of events: as server-sent events, or a page of it at a time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Position, WorkspaceName};

use super::asked::{ALL, Asked};
use super::caller::Caller;
use super::desk::Desk;
use super::routes::WORKSPACE;
use super::{accept, answer, headers};
use crate::feed::{Follower, Sight, Start};

/// Opens a feed, or answers one page of it.
pub(super) async fn run(
    desk: &Desk,
    caller: &Caller,
    asked: &Asked,
    map: &HeaderMap,
) -> Result<Response, Problem> {
    let deadline = desk.counted(headers::of_query(map))?.deadline;
    let only = workspace(desk, caller, asked, deadline).await?;
    let start = desk.counted(start(desk, asked, map))?;
    let follower = desk.counted(desk.feeds.follow(start, sight(caller, only)))?;
    if accept::wants_json(map) {
        let wait = Duration::from_secs(asked.number("wait").unwrap_or_default());
        return page(follower, wait).await;
    }
    let events = HeaderValue::from_static(accept::EVENT_STREAM);
    Ok(answer::of_type(StatusCode::OK, events, Body::from_stream(follower.stream())))
}

async fn page(follower: Follower, wait: Duration) -> Result<Response, Problem> {
    let page = follower.page(wait).await?;
    Ok(answer::json(StatusCode::OK, page))
}

/// Settles how much of the events the caller is shown.
fn sight(caller: &Caller, only: Option<WorkspaceName>) -> Sight {
    let followed = only.as_ref().map_or(Subject::Ledger, Subject::Workspace);
    let audits = caller.may(Scope::Audit, followed);
    let administers = caller.may(Scope::Administer, Subject::Ledger);
    Sight { only, audits, administers }
}

/// Settles where the feed starts. Whoever may not read it is not told where the log ends.
fn start(desk: &Desk, asked: &Asked, map: &HeaderMap) -> Result<Start, Problem> {
    let after = headers::last_event_id(map)?.or_else(|| asked.number("after"));
    let Some(after) = after else { return Ok(Start::Now) };
    let head = desk.engine.head().get();
    if after > head {
        let message = format!("the log ends at position {head}, before the one to go on after");
        return Err(Problem::because(Code::PositionUnknown, message));
    }
    Ok(Start::After(Position::new(after)))
}

/// Returns the workspace to which the feed is limited, when it is there and the caller may read
/// it.
async fn workspace(
    desk: &Desk,
    caller: &Caller,
    asked: &Asked,
    deadline: Option<ledger_domain::Micros>,
) -> Result<Option<WorkspaceName>, Problem> {
    let (asking, name) = (caller.clone(), asked.workspace.clone());
    // Every query looks first at the workspace it is sent to.
    let look = move |engine: &ledger_engine::Engine| {
        asking.query(engine, &name, "workspaces", b"").map(|_| ())
    };
    desk.read(deadline, look).await?;
    if asked.workspace == ALL {
        desk.counted(caller.require(Scope::Read, Subject::Ledger))?;
        return Ok(None);
    }
    let workspace = WorkspaceName::parse(WORKSPACE, &asked.workspace)?;
    desk.counted(caller.require(Scope::Read, Subject::Workspace(&workspace)))?;
    Ok(Some(workspace))
}
