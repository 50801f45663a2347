//! A request to a facade: who asks, for which workspace, and what.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use ledger_contract::errors::{Problem, read_json};
use ledger_contract::headers::{self, Headers};
use ledger_domain::connection::Environment;
use ledger_domain::principal::Workspaces;
use ledger_domain::{InvalidField, MessageId, WorkspaceName};
use ledger_engine::Caller;
use ledger_http::handler::{admit, command_headers, credential};
use ledger_providers::{Catalogue, Provider};
use serde::de::DeserializeOwned;

use crate::Shared;
use crate::api::{FacadeApi, Route};

/// Names the workspace at every facade, for clients that can add a header.
const WORKSPACE: &str = "ledger-workspace";

/// The workspace of a key that is good for several.
const DEFAULT_WORKSPACE: &str = "default";

/// Longest id of a command that a request may bring.
const COMMAND_ID_CHARS: usize = 120;

/// What keys for trials begin with.
const TEST_KEY: &str = "sk_test_";

/// Everything a handler is told.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) api: &'static FacadeApi,
    pub(crate) shared: Arc<Shared>,
    /// Who asks.
    pub(crate) caller: Caller,
    /// What the key is for, as it says of itself; tokens say nothing and are for the real thing.
    pub(crate) key_environment: Environment,
    /// Where the connections asked for live.
    pub(crate) workspace: WorkspaceName,
    /// What the ledger's own headers say.
    pub(crate) said: Headers,
    /// Method, path and parameters, which tell one command from another with the same body.
    pub(crate) line: String,
    /// The parameters after the path, as they were sent.
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Commands sent so far in the name of this request.
    pub(crate) commands: AtomicU32,
    path: Vec<(String, String)>,
}

impl Asked {
    /// Reads a request. Who asks is found out before anything else is looked at.
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
        let desk = &shared.desk;
        let caller = desk.counted(admit(desk.engine(), headers))?;
        let key_environment = key_environment(headers)?;
        let workspace = desk.counted(workspace(api, headers, &caller))?;
        let said = desk.counted(command_headers(headers).and_then(short_enough))?;
        let pairs = desk.counted(pairs(parts.uri.query().unwrap_or_default()))?;
        let body = match route.body {
            Some(_) => desk.read_body(&caller, headers, body).await?,
            None => Bytes::new(),
        };
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        let line = format!("{} {place}", route.method.as_str());
        let commands = AtomicU32::new(0);
        Ok(Self {
            api,
            shared,
            caller,
            key_environment,
            workspace,
            said,
            line,
            pairs,
            body,
            commands,
            path,
        })
    }

    /// Returns what the path says where the route has `{name}`.
    pub(crate) fn path(&self, name: &str) -> &str {
        let found = self.path.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text)
    }

    /// Returns a parameter, the first when it comes several times.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Returns a whole number among the parameters.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        match headers::digits(text).filter(|_| !text.is_empty()) {
            Some(number) => Ok(Some(number)),
            None => Err(InvalidField::new(name, "must be a whole number from 0").into()),
        }
    }

    /// Returns a switch among the parameters.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.parameter(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(InvalidField::new(name, "must be true or false").into()),
        }
    }

    /// Reads the body.
    ///
    /// Errors: `body_malformed`, which repeats nothing of it.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        read_json(&self.body)
    }

    /// Returns the catalogue of providers.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    /// Returns what is known of a provider.
    pub(crate) fn provider(&self, name: &str) -> Option<&Provider> {
        self.shared.catalogue.find(name)
    }
}

/// Refuses an id that leaves no room for the numbers of the commands that a request becomes.
fn short_enough(said: Headers) -> Result<Headers, Problem> {
    let long = |id: &MessageId| id.as_str().len() > COMMAND_ID_CHARS;
    if said.command_id.as_ref().is_some_and(long) {
        return Err(headers::invalid("Idempotency-Key", "must be at most 120 characters here"));
    }
    Ok(said)
}

/// Returns the environment in the name of a key.
fn key_environment(headers: &HeaderMap) -> Result<Environment, Problem> {
    let credential = credential(headers)?.unwrap_or_default();
    let key = credential.split_whitespace().nth(1).unwrap_or_default();
    Ok(if key.starts_with(TEST_KEY) { Environment::Test } else { Environment::Live })
}

/// Returns the workspace that a request names, or that its key is for.
fn workspace(
    api: &FacadeApi,
    headers: &HeaderMap,
    caller: &Caller,
) -> Result<WorkspaceName, Problem> {
    let named = headers.get(WORKSPACE).or_else(|| (api.workspace)(headers));
    match named.filter(|value| !value.is_empty()) {
        // What is not text is no name, as the empty text is none.
        Some(value) => Ok(WorkspaceName::parse("workspace", value.to_str().unwrap_or_default())?),
        None => Ok(only_workspace(caller).map_or_else(default_workspace, Clone::clone)),
    }
}

fn default_workspace() -> WorkspaceName {
    WorkspaceName::parse("workspace", DEFAULT_WORKSPACE).expect("the name is well formed")
}

/// Returns the workspace of a caller who has rights in one only.
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

/// Takes a query string apart. Text that is not UTF-8 would otherwise be changed silently.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    if pairs.iter().any(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(InvalidField::new("query", "must be UTF-8 when decoded").into());
    }
    Ok(pairs)
}
