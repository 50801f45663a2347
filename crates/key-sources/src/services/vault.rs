//! A HashiCorp Vault or OpenBao: the way to it, and a login.

use std::fmt;

use ledger_outgoing::{Answer, Client, SendError};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::post::post;
use crate::error::Cause;
use crate::quote::quote;

/// A server, and a token that it accepted or is yet to see.
pub(crate) struct Login {
    pub(super) door: Door,
    pub(super) token: Zeroizing<String>,
    /// Whether the token was made for this use only.
    pub(super) is_own: bool,
}

/// The way to a server.
pub(super) struct Door {
    pub(super) client: Client,
    pub(super) address: Url,
    pub(super) namespace: Option<String>,
}

impl Login {
    /// Returns the token, which no message may repeat.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Reads a path of the API, and returns the answer whatever its status.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, SendError> {
        let door = &self.door;
        door.client.send(door.request(Method::GET, path, Some(&self.token))).await
    }

    /// Returns whether the server knows the token.
    pub(crate) async fn is_known(&self) -> Result<bool, Cause> {
        let answer = self.get("auth/token/lookup-self").await;
        let answer = answer.map_err(|error| Cause::away(ledger_outgoing::with_causes(&error)))?;
        Ok(answer.status != 403)
    }

    /// Revokes the token, if it was made for this use only.
    pub(crate) async fn revoke(&self) {
        if !self.is_own {
            return;
        }
        let token = self.token();
        let sent = self.door.post("auth/token/revoke-self", Some(token), &json!({})).await;
        let problem = match sent {
            Ok(answer) if (200..300).contains(&answer.status) => return,
            Ok(answer) => {
                format!("status {}{}", answer.status, said(&answer.body, &[token]))
            }
            Err(Cause { text, .. }) => text,
        };
        tracing::warn!(error = problem, "the token of the key service was not revoked");
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.door.address)
    }
}

impl Door {
    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let mut url = self.address.clone();
        url.set_path(&format!("{}/v1/{path}", self.address.path().trim_end_matches('/')));
        let mut request = self.client.request(method, url).header("X-Vault-Request", "true");
        if let Some(token) = token {
            request = request.header("X-Vault-Token", token);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        request
    }

    /// Posts to a path of the API, and returns the answer whatever its status.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, Cause> {
        post(&self.client, self.request(Method::POST, path, token), body).await
    }
}

/// What the server says in place of an answer.
#[derive(Deserialize)]
struct Said {
    errors: Vec<String>,
}

/// Returns what the server says in place of an answer, after a colon, if it says anything. What is
/// `hidden` is left out.
pub(crate) fn said(body: &[u8], hidden: &[&str]) -> String {
    let said = serde_json::from_slice(body).map(|Said { errors }| errors.join("; "));
    let said = quote(said.unwrap_or_default().as_bytes(), hidden);
    if said.is_empty() { said } else { format!(": {said}") }
}
