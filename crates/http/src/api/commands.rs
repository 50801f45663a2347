//! Executing commands.

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::commands::{
    self, Address, ConnectionRef, KeyReasonBody, NewWorkspaceBody, ParsedCommand, Target, Verb,
};
use ledger_contract::errors::{Code, Problem, read_json};
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_domain::principal::ApiKeyId;
use ledger_domain::{CheckedText, InvalidField, Line, PrincipalName, WorkspaceName};
use ledger_engine::{CommandRequest, Executed, Received, RevealRequest};
use tracing::debug;

use super::caller::Caller;
use super::params::RequestParams;
use super::routes::{CONNECTION, KEY, PRINCIPAL, ROOT, WORKSPACE};
use super::state::AppState;
use super::{answer, headers, version};

const REPEATED: HeaderName = HeaderName::from_static("ledger-repeated");

/// The data that a command's answer needs after its execution.
struct Addressed {
    request: CommandRequest,
    workspace: WorkspaceName,
    principal: Option<PrincipalName>,
}

/// Executes one command. Its receipt is durable when this returns `Ok`.
pub(super) async fn run(
    state: &AppState,
    verb: Verb,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = state.read_body(caller.known(), map, body).await?;
    let permit = state.acquire_command()?;
    let addressed = address(state, verb, caller, params, map, &body);
    let Addressed { request, workspace, principal } = state.counted(addressed)?;
    let executed = state.engine.execute(request).await.inspect_err(|error| {
        debug!(
            ledger.command.kind = verb.as_str(),
            ledger.error.code = error.code().as_str(),
            "command refused"
        );
    })?;
    drop(permit);
    debug!(
        ledger.command.kind = verb.as_str(),
        ledger.position = executed.receipt.position,
        ledger.version = executed.receipt.version,
        "command executed"
    );
    let made = match (verb.spec().target, &executed.receipt.connection, principal) {
        (Target::NewConnection, Some(id), _) => {
            Some(format!("{ROOT}/workspaces/{workspace}/connections/{id}"))
        }
        (Target::NewWorkspace, ..) => Some(format!("{ROOT}/workspaces/{workspace}/connections")),
        (Target::NewPrincipal, _, Some(name)) => Some(format!("{ROOT}/principals/{name}")),
        _ => None,
    };
    let created = made.is_some() || verb.spec().answer == commands::Answer::KeyIssued;
    Ok(receipt(created, made, &executed))
}

/// Reveals secrets. The event that records it is durable when this returns `Ok`.
pub(super) async fn reveal(
    state: &AppState,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    if !state.reveals {
        return state.counted(Err(Problem::new(Code::RevealUnsafe)));
    }
    let body = state.read_body(caller.known(), map, body).await?;
    let permit = state.acquire_command()?;
    let request = state.counted(reveal_request(state, caller, params, map, &body))?;
    let answer = state.engine.reveal(request).await?;
    drop(permit);
    let mut response = answer::json(StatusCode::OK, Bytes::from_owner(answer.to_json()));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn reveal_request(
    state: &AppState,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
    body: &Bytes,
) -> Result<RevealRequest, Problem> {
    let said = headers::of_command(map)?;
    let (workspace, mut command) = command(Verb::RevealSecret, params, body)?;
    if let ParsedCommand::Reveal { from, .. } = &mut command {
        *from = Some(Line::stored(Via::Http.as_str().into()));
    }
    let context = state.engine.context(caller.known().clone(), Via::Http, said);
    Ok(RevealRequest { workspace, command, context })
}

fn address(
    state: &AppState,
    verb: Verb,
    caller: &Caller,
    params: &RequestParams,
    map: &HeaderMap,
    body: &Bytes,
) -> Result<Addressed, Problem> {
    let said = headers::of_command(map)?;
    // A repeated command is answered even after its deadline, so the engine checks deadlines of
    // commands.
    let (workspace, command) = command(verb, params, body)?;
    let principal = match &command {
        ParsedCommand::Principal { name, .. } => Some(name.clone()),
        _ => None,
    };
    let received = Received::new(kind(verb, params), body.clone());
    let request = CommandRequest {
        fingerprint: state.engine.fingerprint(&workspace, &command, received),
        workspace: workspace.clone(),
        command,
        context: state.engine.context(caller.known().clone(), Via::Http, said),
    };
    Ok(Addressed { request, workspace, principal })
}

/// Returns a text that identifies the verb and its target, the same for every spelling of a path.
fn kind(verb: Verb, params: &RequestParams) -> String {
    let connection = params.connection.as_deref();
    let connection = connection.and_then(|text| ConnectionRef::parse(CONNECTION, text).ok());
    let connection = connection.map(|target| target.canonical());
    let about = [connection.as_deref(), params.principal.as_deref(), params.key.as_deref()];
    let mut kind = verb.as_str().to_owned();
    for name in about.into_iter().flatten() {
        kind.push(' ');
        kind.push_str(name);
    }
    kind
}

/// Parses a command and its address.
fn command(
    verb: Verb,
    params: &RequestParams,
    body: &[u8],
) -> Result<(WorkspaceName, ParsedCommand), Problem> {
    let target = verb.spec().target;
    if target == Target::NewWorkspace {
        return read_json::<NewWorkspaceBody>(body)?.read();
    }
    let address = address_of(target, params)?;
    let command = match &params.key {
        Some(key) => {
            let id = ApiKeyId::parse(KEY, key)?;
            read_json::<KeyReasonBody>(body)?.revoke(&address, id)?
        }
        None => verb.parse(&address, body)?,
    };
    Ok((address.workspace, command))
}

/// Returns the target that the path names.
fn address_of(target: Target, params: &RequestParams) -> Result<Address, InvalidField> {
    let connection = params.connection.as_deref();
    let connection = connection.map(|text| ConnectionRef::parse(CONNECTION, text)).transpose()?;
    let principal = params.principal.as_deref();
    let principal = principal.map(|text| PrincipalName::parse(PRINCIPAL, text)).transpose()?;
    let workspace = if target.is_ledger() {
        subjects::ledger_workspace()
    } else {
        WorkspaceName::parse(WORKSPACE, &params.workspace)?
    };
    Ok(Address { workspace, connection, principal })
}

/// Returns the receipt, with a `Location` if something was created. An issued key has no location,
/// and its answer must not be stored by any cache.
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
