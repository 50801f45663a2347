//! Commands.

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::commands::{
    self, ConnectionRef, KeyReasonBody, NewWorkspaceBody, PRINCIPAL_VERBS, ParsedCommand, REVEAL,
};
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_domain::{CheckedText, Line, PrincipalName, WorkspaceName};
use ledger_engine::{CommandRequest, Executed};
use serde_json::json;
use tracing::debug;

use super::asked::Asked;
use super::caller::Caller;
use super::desk::Desk;
use super::routes::{CONNECTION, PRINCIPAL, ROOT, WORKSPACE};
use super::{answer, headers, version};

const REPEATED: HeaderName = HeaderName::from_static("ledger-repeated");

/// What a command leaves behind for its answer.
struct Addressed {
    request: CommandRequest,
    workspace: WorkspaceName,
    principal: Option<PrincipalName>,
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
    let body = desk.read_body(caller.known(), map, body).await?;
    let place = desk.place_for_command()?;
    let addressed = address(desk, verb, caller, asked, map, &body);
    let Addressed { request, workspace, principal } = desk.counted(addressed)?;
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
    let made = match (verb, &executed.receipt.connection, principal) {
        ("create", Some(id), _) => Some(format!("{ROOT}/workspaces/{workspace}/connections/{id}")),
        ("create-workspace", ..) => Some(format!("{ROOT}/workspaces/{workspace}/connections")),
        ("create-principal", _, Some(name)) => Some(format!("{ROOT}/principals/{name}")),
        _ => None,
    };
    let created = made.is_some() || verb == "issue-key";
    Ok(receipt(created, made, &executed))
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
    let body = desk.read_body(caller.known(), map, body).await?;
    let place = desk.place_for_command()?;
    let addressed = address(desk, REVEAL, caller, asked, map, &body);
    let Addressed { mut request, .. } = desk.counted(addressed)?;
    if let ParsedCommand::Reveal { from, .. } = &mut request.command {
        *from = Some(Line::stored(Via::Http.as_str().into()));
    }
    let answer = desk.engine.reveal(request).await?;
    drop(place);
    let mut response = answer::json(StatusCode::OK, Bytes::from_owner(answer.to_json()));
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
    // A repeat is answered whatever its deadline, so commands are left to the engine.
    let (workspace, command) = command(verb, asked, body)?;
    let principal = match &command {
        ParsedCommand::Principal { name, .. } => Some(name.clone()),
        _ => None,
    };
    // The path is part of what was asked: the same body for another connection is no repeat.
    let kind = kind(verb, asked);
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
    Ok(Addressed { request, workspace, principal })
}

/// Names a command and what it is about, in one way for all ways to write the same.
fn kind(verb: &str, asked: &Asked) -> String {
    let connection = asked.connection.as_deref();
    let connection = connection.and_then(|text| ConnectionRef::parse(CONNECTION, text).ok());
    let connection = connection.map(|target| target.canonical());
    let about = [connection.as_deref(), asked.principal.as_deref(), asked.key.as_deref()];
    let mut kind = verb.to_owned();
    for name in about.into_iter().flatten() {
        kind.push(' ');
        kind.push_str(name);
    }
    kind
}

/// Reads a command and where it is sent.
fn command(
    verb: &str,
    asked: &Asked,
    body: &[u8],
) -> Result<(WorkspaceName, ParsedCommand), Problem> {
    if verb == "create-workspace" {
        let NewWorkspaceBody { name, display_name } = read_json(body)?;
        let workspace = WorkspaceName::parse("name", &name)?;
        let inner = json!({ "display_name": display_name }).to_string();
        let command = commands::parse(verb, &workspace, None, inner.as_bytes())?;
        return Ok((workspace, command));
    }
    if PRINCIPAL_VERBS.contains(&verb) {
        return Ok((subjects::ledger_workspace(), about_principal(verb, asked, body)?));
    }
    let target = asked.connection.as_deref().map(|text| ConnectionRef::parse(CONNECTION, text));
    let workspace = WorkspaceName::parse(WORKSPACE, &asked.workspace)?;
    let command = commands::parse(verb, &workspace, target.transpose()?, body)?;
    Ok((workspace, command))
}

fn about_principal(verb: &str, asked: &Asked, body: &[u8]) -> Result<ParsedCommand, Problem> {
    let target = asked.principal.as_deref().map(|text| PrincipalName::parse(PRINCIPAL, text));
    let target = target.transpose()?;
    let Some(key) = &asked.key else {
        return commands::parse_principal(verb, target.as_ref(), body);
    };
    let KeyReasonBody { reason } = read_json(body)?;
    let inner = json!({ "key": key, "reason": reason }).to_string();
    commands::parse_principal(verb, target.as_ref(), inner.as_bytes())
}

/// Answers with the receipt, and with the place of what was made. A key that was issued has none,
/// and is kept by nobody between here and the caller: no answer is to be stored.
fn receipt(created: bool, made: Option<String>, executed: &Executed) -> Response {
    let receipt = &executed.receipt;
    let body = serde_json::to_vec(&executed.answer()).expect("a receipt has a JSON form");
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
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
