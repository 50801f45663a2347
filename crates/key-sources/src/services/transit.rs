//! The transit engine of HashiCorp Vault or OpenBao, over HTTP.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_outgoing::{Answer, Client};
use ledger_vault::{MasterKeyBytes, WrappedMasterKey};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::post::{binding, post};
use super::{KeyService, transit_login};
use crate::error::Cause;
use crate::quote::quote;
use crate::reader::Settings;

/// What the service is called in messages.
pub(super) const SERVICE: &str = "Vault transit";

/// Returns whether a text is `MOUNT/KEY`; the mount may have several parts.
pub(super) fn is_key(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let mut parts = text.split('/');
    text.contains('/')
        && parts.all(|part| part.starts_with(is_good) && part.chars().all(is_good))
        && !text.split('/').any(|part| part == "." || part == "..")
}

/// A server, and a token that it accepted or is yet to see.
pub(crate) struct Transit {
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

/// What the server answers to a request about a key.
#[derive(Deserialize)]
struct Encrypted {
    data: Ciphertext,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    data: Opened,
}

#[derive(Deserialize)]
struct Opened {
    plaintext: String,
}

impl Transit {
    /// Finds the server and a token, as the environment has them.
    pub(super) async fn log_in(settings: Settings) -> Result<Self, Cause> {
        transit_login::log_in(settings).await
    }

    /// Says which server is meant.
    /// Sends a request about a key. Of the answer to a refusal, `hidden` is left out.
    async fn about(
        &self,
        operation: &str,
        key: &str,
        body: &Value,
        hidden: &[&str],
    ) -> Result<Answer, Cause> {
        let (mount, name) = key.rsplit_once('/').unwrap_or_default();
        let path = format!("{mount}/{operation}/{name}");
        let mut hidden = hidden.to_vec();
        hidden.push(self.token.as_str());
        self.door.post(&path, Some(&self.token), body, &hidden).await
    }
}

#[async_trait]
impl KeyService for Transit {
    fn name(&self) -> String {
        format!("{SERVICE} at {}", self.door.address)
    }

    async fn wrap(
        &self,
        key: &str,
        id: MasterKeyId,
        bytes: &MasterKeyBytes,
    ) -> Result<Vec<u8>, Cause> {
        let plaintext = Zeroizing::new(STANDARD.encode(bytes));
        // Associated data, and the context of keys that are derived from it.
        let bound = binding(id);
        let body = json!({
            "plaintext": plaintext.as_str(), "associated_data": bound, "context": bound,
        });
        let answer = self.about("encrypt", key, &body, &[plaintext.as_str()]).await?;
        let made: Encrypted = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
        Ok(made.data.ciphertext.into_bytes())
    }

    async fn open(&self, wrapped: &WrappedMasterKey) -> Result<MasterKeyBytes, Cause> {
        let ciphertext = std::str::from_utf8(wrapped.ciphertext())
            .map_err(|_| Cause::refused("the line is damaged", "restore it from a copy"))?;
        let bound = binding(wrapped.id());
        let body = json!({
            "ciphertext": ciphertext, "associated_data": bound, "context": bound,
        });
        let answer = self.about("decrypt", wrapped.key(), &body, &[ciphertext]).await?;
        let opened: Decrypted = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
        let plaintext = Zeroizing::new(opened.data.plaintext);
        let bytes = STANDARD.decode(plaintext.as_str()).map_err(|_| unexpected())?;
        Ok(Zeroizing::new(bytes))
    }

    /// Revokes the token, if it was made for this use only.
    async fn finish(&self) {
        if !self.is_own {
            return;
        }
        let token = self.token.as_str();
        let revoked =
            self.door.post("auth/token/revoke-self", Some(token), &json!({}), &[token]).await;
        if let Err(Cause { text, .. }) = revoked {
            tracing::warn!(error = text, "the token of the key service was not revoked");
        }
    }
}

impl std::fmt::Debug for Transit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transit({})", self.door.address)
    }
}

fn unexpected() -> Cause {
    Cause::refused(
        "its answer is not of the documented form",
        "check that VAULT_ADDR names a Vault",
    )
}

impl Door {
    /// Posts to a path of the API, and returns the answer if it is a good one. Of what the server
    /// says otherwise, `hidden` is left out.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
        hidden: &[&str],
    ) -> Result<Answer, Cause> {
        let mut url = self.address.clone();
        url.set_path(&format!("{}/v1/{path}", self.address.path().trim_end_matches('/')));
        let mut request = self.client.request(Method::POST, url).header("X-Vault-Request", "true");
        if let Some(token) = token {
            request = request.header("X-Vault-Token", token);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let answer = post(&self.client, request, body).await?;
        match answer.status {
            200..=299 => Ok(answer),
            status => Err(meaning(status, &answer.body, path, hidden)),
        }
    }
}

/// What the server says in place of an answer.
#[derive(Deserialize)]
struct Said {
    errors: Vec<String>,
}

/// Says what a status means.
fn meaning(status: u16, body: &[u8], path: &str, hidden: &[&str]) -> Cause {
    let said = serde_json::from_slice(body).map(|Said { errors }| errors.join("; "));
    let said = quote(said.unwrap_or_default().as_bytes(), hidden);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    match status {
        300..=399 => Cause::refused(
            "it redirects to another address, which is not followed",
            "let VAULT_ADDR name the server that answers itself",
        ),
        400 => Cause::refused(
            format!("it refuses the request{said}"),
            "check that the key exists, is an AES-GCM or ChaCha20-Poly1305 key, and still has the \
             version that wrapped the master key",
        ),
        403 => Cause::refused(
            format!("the token is not valid, or may not use {path}{said}"),
            "renew the token, or let its policy permit `update` on that path",
        ),
        404 => Cause::refused(
            format!("there is nothing at {path}{said}"),
            "check VAULT_NAMESPACE and the mount in the name of the key",
        ),
        // Sealed, a standby, too many requests, or failing.
        412 | 429 | 472 | 473 | 500.. => {
            Cause::away(format!("it answers with status {status}{said}"))
        }
        _ => Cause::refused(format!("it answers with status {status}{said}"), "see its log"),
    }
}
