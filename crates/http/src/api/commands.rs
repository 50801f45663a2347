//! Commands.

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::commands::{self, ConnectionRef, NewWorkspaceBody, ParsedCommand, REVEAL};
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::records::Via;
use ledger_domain::{CheckedText, Line, WorkspaceName};
use ledger_engine::{CommandRequest, Executed};
use serde_json::json;
use tracing::debug;

use super::asked::Asked;
use super::caller::Caller;
use super::desk::Desk;
use super::routes::{CONNECTION, ROOT, WORKSPACE};
use super::{answer, body, headers, version};

const REPEATED: HeaderName = HeaderName::from_static("ledger-repeated");

/// What a command leaves behind for its answer.
struct Addressed {
    request: CommandRequest,
    workspace: WorkspaceName,
}

/// Executes one command. Its receipt is durable when this returns `Ok`.
pub(super) async fn run(
    desk: &Desk,
    verb: &'static str,
    caller: &Caller,
    asked: &Asked,
    map: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let place = desk.place_for_command()?;
    let read = body::read(map, body).await;
    let addressed = read.and_then(|body| address(desk, verb, caller, asked, map, &body));
    let Addressed { request, workspace } = desk.counted(addressed)?;
    let executed = desk.engine.execute(request).await.inspect_err(|problem| {
        debug!(
            ledger.command.kind = verb,
            ledger.error.code = problem.code.as_str(),
            "command refused"
        );
    })?;
    drop(place);
    debug!(
        ledger.command.kind = verb,
        ledger.position = executed.receipt.position,
        ledger.version = executed.receipt.version,
        "command executed"
    );
    Ok(receipt(verb, &workspace, &executed))
}

/// Gives secrets out. The event that tells of it is durable when this returns `Ok`.
pub(super) async fn reveal(
    desk: &Desk,
    caller: &Caller,
    asked: &Asked,
    map: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if !desk.reveals {
        return desk.counted(Err(Problem::new(Code::RevealUnsafe)));
    }
    let place = desk.place_for_command()?;
    let read = body::read(map, body).await;
    let addressed = read.and_then(|body| address(desk, REVEAL, caller, asked, map, &body));
    let Addressed { mut request, .. } = desk.counted(addressed)?;
    if let ParsedCommand::Reveal { from, .. } = &mut request.command {
        *from = Some(Line::stored(Via::Http.as_str().into()));
    }
    let answer = desk.engine.reveal(request).await?;
    drop(place);
    let body = serde_json::to_vec(&answer).expect("an answer has a JSON form");
    let mut response = answer::json(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn address(
    desk: &Desk,
    verb: &'static str,
    caller: &Caller,
    asked: &Asked,
    map: &HeaderMap,
    body: &Bytes,
) -> Result<Addressed, Problem> {
    let said = headers::of_command(map)?;
    desk.engine.in_time(said.deadline)?;
    let target = asked.connection.as_deref().map(|text| ConnectionRef::parse(CONNECTION, text));
    let target = target.transpose()?;
    // The path is part of what was asked: the same body for another connection is no repeat.
    let kind = match &target {
        Some(target) => format!("{verb} {}", target.canonical()),
        None => verb.to_owned(),
    };
    let (workspace, command) = if verb == "create-workspace" {
        let NewWorkspaceBody { name, display_name } = read_json(body)?;
        let workspace = WorkspaceName::parse("name", &name)?;
        let inner = json!({ "display_name": display_name }).to_string();
        let command = commands::parse(verb, &workspace, None, inner.as_bytes())?;
        (workspace, command)
    } else {
        let workspace = WorkspaceName::parse(WORKSPACE, &asked.workspace)?;
        let command = commands::parse(verb, &workspace, target, body)?;
        (workspace, command)
    };
    let request = CommandRequest {
        fingerprint: desk.engine.fingerprint(workspace.as_str(), &kind, body),
        workspace: workspace.clone(),
        command,
        command_id: said.command_id,
        expected: said.expected,
        deadline: said.deadline,
        correlation_id: said.correlation_id,
        causation_id: said.causation_id,
        trace_id: said.trace_id,
        caller: caller.known().clone(),
        via: Via::Http,
    };
    Ok(Addressed { request, workspace })
}

fn receipt(verb: &str, workspace: &WorkspaceName, executed: &Executed) -> Response {
    let receipt = &executed.receipt;
    let body = serde_json::to_vec(&executed.answer()).expect("a receipt has a JSON form");
    let made = match (verb, &receipt.connection) {
        ("create", Some(id)) => Some(format!("{ROOT}/workspaces/{workspace}/connections/{id}")),
        ("create-workspace", _) => Some(format!("{ROOT}/workspaces/{workspace}/connections")),
        _ => None,
    };
    let status = if made.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = answer::json(status, body);
    let headers = response.headers_mut();
    headers.insert(ETAG, version::tag(receipt.version));
    if let Some(place) = made {
        let place = HeaderValue::from_str(&place).expect("names and ids are of header characters");
        headers.insert(LOCATION, place);
    }
    if executed.repeated {
        headers.insert(REPEATED, HeaderValue::from_static("true"));
    }
    response
}
