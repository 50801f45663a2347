//! The transit engine of HashiCorp Vault or OpenBao, over HTTP.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_outgoing::Answer;
use ledger_vault::{MasterKeyBytes, WrappedMasterKey};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::post::binding;
use super::vault::{Login, said};
use super::{KeyService, vault_login};
use crate::error::Cause;
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

/// A login to a server with the engine.
#[derive(Debug)]
pub(crate) struct Transit(Login);

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
        vault_login::log_in(settings).await.map(Self)
    }

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
        hidden.push(self.0.token());
        good(self.0.door.post(&path, Some(self.0.token()), body).await?, &path, &hidden)
    }
}

#[async_trait]
impl KeyService for Transit {
    fn name(&self) -> String {
        format!("{SERVICE} at {}", self.0.door.address)
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

    async fn finish(&self) {
        self.0.revoke().await;
    }
}

fn unexpected() -> Cause {
    Cause::refused(
        "its answer is not of the documented form",
        "check that VAULT_ADDR names a Vault",
    )
}

/// Returns an answer to a request to a path, if it is a good one. Of what the server says
/// otherwise, `hidden` is left out.
pub(super) fn good(answer: Answer, path: &str, hidden: &[&str]) -> Result<Answer, Cause> {
    match answer.status {
        200..=299 => Ok(answer),
        status => Err(meaning(status, &answer.body, path, hidden)),
    }
}

/// Says what a status means.
fn meaning(status: u16, body: &[u8], path: &str, hidden: &[&str]) -> Cause {
    let said = said(body, hidden);
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
