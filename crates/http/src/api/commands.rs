//! Executing commands.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::commands::{
    self, Address, ConnectionRef, KeyReasonBody, NewWorkspaceBody, ParsedCommand, Target, Verb,
};
use ledger_contract::errors::{Problem, read_json};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::subjects;
use ledger_domain::principal::ApiKeyId;
use ledger_domain::{CheckedText, Expected, InvalidField, Line, PrincipalName, WorkspaceName};
use ledger_engine::{Caller, CommandRequest, Executed, Received, RevealRequest, SecretsInFlight};
use ledger_http_server::answer;
use tracing::debug;
use zeroize::Zeroizing;

use super::request::ApiRequest;
use super::routes::{CONNECTION, KEY, PRINCIPAL, ROOT, WORKSPACE};
use super::state::AppState;
use super::{headers, version};
use crate::toolkit::{Inputs, RawBody, Refusal};

const REPEATED: HeaderName = HeaderName::from_static("ledger-repeated");

/// The data that a command's answer needs after its execution.
struct Addressed {
    command: CommandRequest,
    workspace: WorkspaceName,
    principal: Option<PrincipalName>,
}

/// Executes one command. Its receipt is durable when this returns `Ok`.
pub(super) async fn run(
    request: ApiRequest,
    RawBody(body): RawBody,
    verb: Verb,
) -> Result<Response, Refusal> {
    let permit = request.state.acquire_command(&request.caller)?;
    let Addressed { command, workspace, principal } = address(&request, verb, &body)?;
    let executed = request.state.engine.execute(command).await.inspect_err(|error| {
        debug!(
            ledger.command.kind = verb.as_str(),
            ledger.error.code = error.code().as_str(),
            "command refused"
        );
    });
    let executed = executed.map_err(Refusal::counted)?;
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
    let answer = verb.spec().answer;
    let created = made.is_some() || answer == commands::Answer::KeyIssued;
    let mut response = receipt(created, made, &executed);
    if answer == commands::Answer::Noted {
        // The version in the receipt is not that of the connection.
        response.headers_mut().remove(ETAG);
    }
    Ok(response)
}

/// Checks that secrets may be revealed here.
pub(super) fn may_reveal(state: &AppState, _: &Caller) -> Result<(), Problem> {
    state.check_reveals()
}

/// Answers a command with secrets. The event that permits to give them out is durable when this
/// returns `Ok`.
pub(super) async fn secrets(
    request: ApiRequest,
    RawBody(body): RawBody,
    verb: Verb,
) -> Result<Response, Refusal> {
    let permit = request.state.acquire_command(&request.caller)?;
    // No version is changed, so none is expected.
    let said = Headers { expected: Expected::Any, ..headers::of_command(&request.headers)? };
    let (workspace, mut command) = command(verb, &request.inputs, &body)?;
    if let ParsedCommand::Reveal { from, .. }
    | ParsedCommand::Unwrap { from, .. }
    | ParsedCommand::LeaseSecrets { from, .. } = &mut command
    {
        *from = Some(Line::stored(Via::Http.as_str().into()));
    }
    let engine = &request.state.engine;
    let context = engine.context(request.caller.clone(), Via::Http, said);
    let reveal = RevealRequest { workspace, command, context };
    let answer = engine.secrets(reveal).await.map_err(Refusal::counted)?;
    drop(permit);
    let (body, in_flight) = answer.into_json();
    // Dropped when the server has taken the body over, or its connection has ended.
    let response = answer::json(StatusCode::OK, Bytes::from_owner(Sent { body, _kept: in_flight }));
    Ok(answer::with(response, CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// A body that keeps something until it has been sent.
struct Sent {
    body: Zeroizing<Vec<u8>>,
    _kept: SecretsInFlight,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn address(request: &ApiRequest, verb: Verb, body: &Bytes) -> Result<Addressed, Problem> {
    let said = headers::of_command(&request.headers)?;
    // A repeated command is answered even after its deadline, so the engine checks deadlines of
    // commands.
    let (workspace, command) = command(verb, &request.inputs, body)?;
    let principal = match &command {
        ParsedCommand::Principal { name, .. } => Some(name.clone()),
        _ => None,
    };
    let engine = &request.state.engine;
    let command = CommandRequest {
        received: Received::new(kind(verb, &request.inputs), body.clone()),
        workspace: workspace.clone(),
        command,
        context: engine.context(request.caller.clone(), Via::Http, said),
    };
    Ok(Addressed { command, workspace, principal })
}

/// Returns a text that identifies the verb and its target, the same for every spelling of a path.
fn kind(verb: Verb, inputs: &Inputs) -> String {
    let connection = inputs.text(CONNECTION);
    let connection = connection.and_then(|text| ConnectionRef::parse(CONNECTION, text).ok());
    let connection = connection.map(|target| target.canonical());
    let about = [connection.as_deref(), inputs.text(PRINCIPAL), inputs.text(KEY)];
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
    inputs: &Inputs,
    body: &[u8],
) -> Result<(WorkspaceName, ParsedCommand), Problem> {
    let target = verb.spec().target;
    if target == Target::NewWorkspace {
        return read_json::<NewWorkspaceBody>(body)?.read();
    }
    let address = address_of(target, inputs)?;
    let command = match inputs.text(KEY) {
        Some(key) => {
            let id = ApiKeyId::parse(KEY, key)?;
            read_json::<KeyReasonBody>(body)?.revoke(&address, id)?
        }
        None => verb.parse(&address, body)?,
    };
    Ok((address.workspace, command))
}

/// Returns the target that the path names.
fn address_of(target: Target, inputs: &Inputs) -> Result<Address, InvalidField> {
    let connection = inputs.text(CONNECTION);
    let connection = connection.map(|text| ConnectionRef::parse(CONNECTION, text)).transpose()?;
    let principal = inputs.text(PRINCIPAL);
    let principal = principal.map(|text| PrincipalName::parse(PRINCIPAL, text)).transpose()?;
    let named = inputs.text(WORKSPACE).unwrap_or_default();
    let to_ledger = named == subjects::LEDGER && target.is_sent_to(true);
    let workspace = if target.is_ledger() || to_ledger {
        subjects::ledger_workspace()
    } else {
        WorkspaceName::parse(WORKSPACE, named)?
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
