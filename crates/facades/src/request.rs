//! A request to a facade: its caller, workspace, headers and body.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use ledger_contract::errors::Problem;
use ledger_contract::headers::{Headers, invalid, twice};
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use ledger_domain::connection::Environment;
use ledger_domain::principal::Workspaces;
use ledger_domain::{Connection, Expected, MessageId, Reference, Version, WorkspaceName};
use ledger_engine::{Attempt, BodyDigest, Caller};
use ledger_http::toolkit::{HasInputs, Inputs, Tagged};
use ledger_http::{admit, command_headers, credential};
use ledger_providers::{Catalogue, Provider};

use crate::api::{FacadeApi, FacadeServer, Route};

/// The header that names the workspace at every facade, for clients that can add headers.
const WORKSPACE: &str = "ledger-workspace";

/// The header by which a change removes secrets instead of sending them elsewhere. Bodies are the
/// products', so it is no field there.
pub(crate) const DETACH_SECRETS: &str = "Ledger-Detach-Secrets";

/// Longest command id of a request, in characters.
const COMMAND_ID_CHARS: usize = 120;

/// The prefix of test keys.
const TEST_KEY: &str = "sk_test_";

/// An admitted request.
#[derive(Debug)]
pub(crate) struct FacadeRequest {
    pub(crate) server: Arc<FacadeServer>,
    /// The caller.
    pub(crate) caller: Caller,
    /// The environment in the key's prefix; live for tokens, which have none.
    pub(crate) key_environment: Environment,
    /// The workspace of the connections.
    pub(crate) workspace: WorkspaceName,
    /// The ledger's own headers.
    pub(crate) headers: Headers,
    /// Whether a change of where secrets are sent removes them.
    pub(crate) detach_secrets: bool,
    /// Method, path and parameters, which distinguish commands with the same body.
    pub(crate) request_line: String,
    pub(crate) inputs: Inputs,
    /// Number of commands executed so far for this request.
    pub(crate) commands_sent: AtomicU32,
    /// The version after the last command.
    pub(crate) version: AtomicU64,
    /// The digest of the body, from the first command on.
    pub(crate) body_digest: OnceLock<BodyDigest>,
}

impl FacadeRequest {
    /// Reads a request. Authentication precedes every other check.
    ///
    /// Errors: those of a key; `header_invalid`, `field_invalid`; those of a body.
    pub(crate) async fn read(
        server: Arc<FacadeServer>,
        route: &Route,
        request: Request,
        attempt: &mut Attempt,
    ) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let state = &server.state;
        let caller = admit(state.engine(), &parts, attempt)?;
        let key_environment = key_environment(&parts.headers)?;
        let workspace = workspace(server.api, &parts.headers, &caller)?;
        attempt.enters(&workspace);
        let headers = command_headers(&parts.headers).and_then(short_enough)?;
        let detach_secrets = detach_secrets(&parts.headers)?;
        let mut inputs = Inputs::of(&mut parts).await?;
        if route.operation.takes_body() {
            inputs.body = state.read_body(&caller, &parts.headers, body).await?;
        }
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        let request_line = format!("{} {place}", route.method.as_str());
        Ok(Self {
            server,
            caller,
            key_environment,
            workspace,
            headers,
            detach_secrets,
            request_line,
            inputs,
            commands_sent: AtomicU32::new(0),
            version: AtomicU64::new(0),
            body_digest: OnceLock::new(),
        })
    }

    /// Expects the version that a body states in the product's own field, unless a header states
    /// one.
    pub(crate) fn expect_version(&mut self, version: u64) {
        if self.headers.expected == Expected::Any {
            self.headers.expected = Expected::At(Version::new(version));
        }
    }

    /// Returns an answer that shows a connection, with the tag of the version after all commands.
    pub(crate) fn tagged<T>(&self, connection: &Connection, answer: T) -> Tagged<T> {
        let version = connection.version.get().max(self.version.load(Ordering::Relaxed));
        Tagged { version, answer }
    }

    /// Returns whether the server follows a reference in place of a secret of the workspace.
    pub(crate) fn permits(&self, reference: &Reference) -> bool {
        self.server.state.engine().permits_reference(&self.workspace, reference)
    }

    /// Returns the catalogue of providers.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.server.catalogue
    }

    /// Returns the description of a provider.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.server.catalogue.find(name)
    }
}

impl HasInputs for FacadeRequest {
    fn inputs(&self) -> &Inputs {
        &self.inputs
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

/// Parses [`DETACH_SECRETS`].
fn detach_secrets(headers: &HeaderMap) -> Result<bool, Problem> {
    let mut values = headers.get_all(DETACH_SECRETS).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (None | Some(b"false"), None) => Ok(false),
        (Some(b"true"), None) => Ok(true),
        (_, None) => Err(invalid(DETACH_SECRETS, "must be `true` or `false`")),
        (_, Some(_)) => Err(twice(DETACH_SECRETS)),
    }
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
