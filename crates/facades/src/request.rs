//! A request to a facade: its caller, workspace, headers and body.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use ledger_contract::errors::Problem;
use ledger_contract::headers::{Headers, invalid};
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use ledger_domain::connection::Environment;
use ledger_domain::principal::Workspaces;
use ledger_domain::{MessageId, WorkspaceName};
use ledger_engine::{BodyDigest, Caller};
use ledger_http::toolkit::{RequestParts, pairs};
use ledger_http::{admit, command_headers, credential};
use ledger_providers::{Catalogue, Provider};

use crate::Shared;
use crate::api::{FacadeApi, Route};

/// The header that names the workspace at every facade, for clients that can add headers.
const WORKSPACE: &str = "ledger-workspace";

/// Longest command id of a request, in characters.
const COMMAND_ID_CHARS: usize = 120;

/// The prefix of test keys.
const TEST_KEY: &str = "sk_test_";

/// An admitted request.
#[derive(Debug)]
pub(crate) struct FacadeRequest {
    pub(crate) api: &'static FacadeApi,
    pub(crate) shared: Arc<Shared>,
    /// The caller.
    pub(crate) caller: Caller,
    /// The environment in the key's prefix; live for tokens, which have none.
    pub(crate) key_environment: Environment,
    /// The workspace of the connections.
    pub(crate) workspace: WorkspaceName,
    /// The ledger's own headers.
    pub(crate) headers: Headers,
    /// Method, path and parameters, which distinguish commands with the same body.
    pub(crate) request_line: String,
    pub(crate) body: Bytes,
    /// Number of commands executed so far for this request.
    pub(crate) commands_sent: AtomicU32,
    /// The digest of the body, from the first command on.
    pub(crate) body_digest: OnceLock<BodyDigest>,
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl FacadeRequest {
    /// Reads a request. Authentication precedes every other check.
    ///
    /// Errors: those of a key; `header_invalid`, `field_invalid`; those of a body.
    pub(crate) async fn read(
        api: &'static FacadeApi,
        route: &Route,
        shared: Arc<Shared>,
        path: Vec<(String, String)>,
        request: Request,
    ) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        let state = &shared.state;
        let caller = state.counted(admit(state.engine(), &parts))?;
        let key_environment = key_environment(headers)?;
        let workspace = state.counted(workspace(api, headers, &caller))?;
        let sent_with = state.counted(command_headers(headers).and_then(short_enough))?;
        let query = pairs(parts.uri.query().unwrap_or_default()).map_err(Problem::from);
        let query = state.counted(query)?;
        let body = if route.operation.takes_body() {
            state.read_body(&caller, headers, body).await?
        } else {
            Bytes::new()
        };
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        let request_line = format!("{} {place}", route.method.as_str());
        Ok(Self {
            api,
            shared,
            caller,
            key_environment,
            workspace,
            headers: sent_with,
            request_line,
            body,
            commands_sent: AtomicU32::new(0),
            body_digest: OnceLock::new(),
            path,
            query,
        })
    }

    /// Returns the catalogue of providers.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    /// Returns the description of a provider.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.shared.catalogue.find(name)
    }
}

impl RequestParts for FacadeRequest {
    fn path_parameters(&self) -> &[(String, String)] {
        &self.path
    }

    fn query_parameters(&self) -> &[(String, String)] {
        &self.query
    }

    fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Refuses an id that leaves no room for the numbers of further commands.
fn short_enough(headers: Headers) -> Result<Headers, Problem> {
    let long = |id: &MessageId| id.as_str().len() > COMMAND_ID_CHARS;
    if headers.command_id.as_ref().is_some_and(long) {
        return Err(invalid("Idempotency-Key", "must be at most 120 characters here"));
    }
    Ok(headers)
}

/// Returns the environment in the prefix of a key.
fn key_environment(headers: &HeaderMap) -> Result<Environment, Problem> {
    let credential = credential(headers)?.unwrap_or_default();
    let key = credential.split_whitespace().nth(1).unwrap_or_default();
    Ok(if key.starts_with(TEST_KEY) { Environment::Test } else { Environment::Live })
}

/// Returns the workspace that a request names, else the only workspace of its caller, else the
/// default.
fn workspace(
    api: &FacadeApi,
    headers: &HeaderMap,
    caller: &Caller,
) -> Result<WorkspaceName, Problem> {
    let named = headers.get(WORKSPACE).or_else(|| (api.workspace)(headers));
    match named.filter(|value| !value.is_empty()) {
        // A value that is not text counts as an empty name, which is invalid.
        Some(value) => Ok(WorkspaceName::parse("workspace", value.to_str().unwrap_or_default())?),
        None => Ok(only_workspace(caller).map_or_else(default_workspace, Clone::clone)),
    }
}

/// Returns the workspace for keys with rights in several.
fn default_workspace() -> WorkspaceName {
    WorkspaceName::parse("workspace", DEFAULT_WORKSPACE).expect("the name is well formed")
}

/// Returns the workspace of a caller who has rights in only one.
fn only_workspace(caller: &Caller) -> Option<&WorkspaceName> {
    let mut only = None;
    for grant in caller.grants() {
        let Workspaces::Named(names) = &grant.workspaces else { return None };
        for name in names {
            if only.is_some_and(|other| other != name) {
                return None;
            }
            only = Some(name);
        }
    }
    only
}
