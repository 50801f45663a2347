//! The server around the engine: tokens, an AppRole, a namespace, and the faults that tests want.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::engine::{Key, Refusal};
use super::kv::Secrets;

/// A token that may do everything.
pub const TOKEN: &str = "hvs.cnry-7f3a91e04bd2-tweet-token";
/// An AppRole that may do everything: its role id and its secret id.
pub const APP_ROLE: [&str; 2] = ["cnry-7f3a91e04bd2-tweet-role", "cnry-7f3a91e04bd2-tweet-secret"];
/// The namespace of [`TransitServer::in_namespace`].
pub const NAMESPACE: &str = "team-a";

#[derive(Debug, Default)]
struct Vault {
    keys: HashMap<String, Key>,
    secrets: Secrets,
    tokens: HashSet<String>,
    /// What tokens may not use.
    forbidden: HashSet<String>,
    logins: usize,
    requests: usize,
    is_sealed: bool,
    /// Whether requests are taken and never answered.
    is_silent: bool,
    namespace: Option<&'static str>,
    repeats_requests: bool,
    redirects_to: Option<String>,
    says: Option<(u16, String)>,
}

/// A server like Vault, with its transit engine at `transit` and a KV engine, version 2, at `kv`.
/// It stops when dropped.
#[derive(Debug)]
pub struct TransitServer {
    address: SocketAddr,
    vault: Arc<Mutex<Vault>>,
    server: JoinHandle<()>,
}

impl TransitServer {
    /// Starts one with the key `ledger`.
    ///
    /// # Panics
    ///
    /// If this machine has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut vault = Vault::default();
        vault.tokens.insert(TOKEN.to_owned());
        vault.keys.insert("ledger".to_owned(), Key::new(false));
        let vault = Arc::new(Mutex::new(vault));
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&vault));
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves until it is aborted");
        });
        Self { address, vault, server }
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().expect("not poisoned")
    }

    /// Adds a key.
    pub fn add_key(&self, name: &str, is_derived: bool) {
        self.vault().keys.insert(name.to_owned(), Key::new(is_derived));
    }

    /// Loses a key.
    pub fn lose_key(&self, name: &str) {
        self.vault().keys.remove(name);
    }

    /// Rotates a key, and lets only the new version decrypt if `forgets`.
    pub fn rotate_key(&self, name: &str, forgets: bool) {
        let mut vault = self.vault();
        let key = vault.keys.get_mut(name).expect("a key that is there");
        key.rotate();
        key.min_decryption_version += usize::from(forgets);
    }

    /// Sets the newest version of a secret of the KV engine; null deletes it.
    pub fn put_secret(&self, path: &str, data: Value) {
        self.vault().secrets.put(path, data);
    }

    /// Answers no request from now on, or answers again.
    pub fn set_silent(&self, is_silent: bool) {
        self.vault().is_silent = is_silent;
    }

    /// Seals or unseals it.
    pub fn set_sealed(&self, is_sealed: bool) {
        self.vault().is_sealed = is_sealed;
    }

    /// Answers only requests in [`NAMESPACE`] from now on.
    pub fn in_namespace(&self) {
        self.vault().namespace = Some(NAMESPACE);
    }

    /// Permits nobody to use a path from now on.
    pub fn forbid(&self, path: &str) {
        self.vault().forbidden.insert(path.to_owned());
    }

    /// Knows no token any more.
    pub fn forget_tokens(&self) {
        self.vault().tokens.clear();
    }

    /// Knows a further token.
    pub fn accept_token(&self, token: &str) {
        self.vault().tokens.insert(token.to_owned());
    }

    /// Repeats in every error what it was sent from now on.
    pub fn repeat_requests(&self) {
        self.vault().repeats_requests = true;
    }

    /// Redirects every request from now on.
    pub fn redirect_to(&self, url: &str) {
        self.vault().redirects_to = Some(url.to_owned());
    }

    /// Answers every request with this from now on.
    pub fn say(&self, status: u16, body: &str) {
        self.vault().says = Some((status, body.to_owned()));
    }

    /// Returns how many tokens it knows.
    pub fn tokens(&self) -> usize {
        self.vault().tokens.len()
    }

    /// Returns how many logins there were.
    pub fn logins(&self) -> usize {
        self.vault().logins
    }

    /// Returns how many requests there were.
    pub fn requests(&self) -> usize {
        self.vault().requests
    }
}

impl Drop for TransitServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(vault): State<Arc<Mutex<Vault>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_silent = {
        let mut vault = vault.lock().expect("not poisoned");
        vault.requests += 1;
        vault.is_silent
    };
    if is_silent {
        return std::future::pending().await;
    }
    let mut vault = vault.lock().expect("not poisoned");
    if let Some(url) = &vault.redirects_to {
        let place = [(header::LOCATION, format!("{url}{uri}"))];
        return (StatusCode::TEMPORARY_REDIRECT, place).into_response();
    }
    if let Some((status, body)) = &vault.says {
        return (code(*status), body.clone()).into_response();
    }
    match vault.execute(&method, uri.path(), &headers, &body) {
        Ok(Value::Null) => StatusCode::NO_CONTENT.into_response(),
        Ok(answer) => answer.to_string().into_response(),
        Err((status, said)) => {
            let mut errors = vec![said];
            if vault.repeats_requests {
                errors.push(format!("{headers:?} {}", String::from_utf8_lossy(&body)));
            }
            (code(status), json!({ "errors": errors }).to_string()).into_response()
        }
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

impl Vault {
    fn execute(
        &mut self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Value, Refusal> {
        let path = path.strip_prefix("/v1/").unwrap_or_default();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if self.is_sealed {
            return Err((503, "Vault is sealed".to_owned()));
        }
        if header("X-Vault-Namespace") != self.namespace {
            return Err((404, format!("no handler for route {path:?}. route entry not found.")));
        }
        if *method == Method::GET {
            return self.read(path, header("X-Vault-Token").unwrap_or_default());
        }
        let request: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| (400, format!("failed to parse JSON input: {error}")))?;
        if path == "auth/approle/login" {
            return self.log_in(&request);
        }
        let token = header("X-Vault-Token").unwrap_or_default();
        if !self.tokens.contains(token) || self.forbidden.contains(path) {
            return Err((403, "permission denied".to_owned()));
        }
        if path == "auth/token/revoke-self" {
            self.tokens.remove(token);
            return Ok(Value::Null);
        }
        let route = path.strip_prefix("transit/").and_then(|rest| rest.split_once('/'));
        let Some((operation @ ("encrypt" | "decrypt"), name)) = route else {
            return Err((404, format!("no handler for route {path:?}. route entry not found.")));
        };
        let key = self.keys.get(name);
        let key = key.ok_or_else(|| (400, "encryption key not found".to_owned()))?;
        let data = match operation {
            "encrypt" => key.encrypt(&request)?,
            _ => key.decrypt(&request)?,
        };
        Ok(json!({ "request_id": "0a", "lease_id": "", "renewable": false, "data": data }))
    }

    fn read(&self, path: &str, token: &str) -> Result<Value, Refusal> {
        if !self.tokens.contains(token) || self.forbidden.contains(path) {
            return Err((403, "permission denied".to_owned()));
        }
        if path == "auth/token/lookup-self" {
            return Ok(json!({ "data": { "policies": ["default"], "ttl": 1_200 } }));
        }
        let Some(path) = path.strip_prefix("kv/") else {
            return Err((404, format!("no handler for route {path:?}. route entry not found.")));
        };
        self.secrets.read(path).map(|answer| json!({ "request_id": "0a", "data": answer }))
    }

    fn log_in(&mut self, request: &Map<String, Value>) -> Result<Value, Refusal> {
        let given = ["role_id", "secret_id"].map(|name| request.get(name).and_then(Value::as_str));
        if given != APP_ROLE.map(Some) {
            return Err((400, "invalid role or secret ID".to_owned()));
        }
        self.logins += 1;
        let token = format!("hvs.cnry-7f3a91e04bd2-tweet-login-{}", self.logins);
        self.tokens.insert(token.clone());
        Ok(json!({ "auth": { "client_token": token, "lease_duration": 1200 } }))
    }
}
