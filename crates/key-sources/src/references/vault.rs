//! The KV engine, version 2, of HashiCorp Vault or OpenBao.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger_outgoing::SendError;
use ledger_vault::Plaintext;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::FollowError;
use crate::error::Cause;
use crate::reader::Settings;
use crate::services::{Login, log_in, said};

const SERVICE: &str = "Vault";

/// A server and a login to it, which lasts until the server does not know it any more.
#[derive(Debug)]
pub(super) struct KeyValue {
    settings: Settings,
    /// Held while somebody logs in.
    logging_in: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    login: Option<Arc<Login>>,
    /// How often the login was dropped.
    forgotten: u64,
}

/// What the server answers to a reading. A deleted version has no data.
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    data: Version<'a>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What came of one request.
enum Answer {
    Content(Plaintext),
    /// The token is not valid, or may not read there.
    Denied(Cause),
}

impl KeyValue {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, logging_in: tokio::sync::Mutex::default(), held: Mutex::default() }
    }

    /// Returns the newest version of a secret, as the text of a JSON object.
    pub(super) async fn read(&self, name: &str) -> Result<Plaintext, FollowError> {
        let at = |cause| FollowError::at(SERVICE, cause);
        let login = self.login(None).await.map_err(at)?;
        let denied = match read(&login, name).await.map_err(at)? {
            Answer::Content(found) => return Ok(found),
            Answer::Denied(cause) => cause,
        };
        // A token that the server knows is not replaced: it may not read there.
        if login.is_known().await.map_err(at)? {
            return Err(at(denied));
        }
        let login = self.login(Some(&login)).await.map_err(at)?;
        match read(&login, name).await.map_err(at)? {
            Answer::Content(found) => Ok(found),
            Answer::Denied(cause) => Err(at(cause)),
        }
    }

    /// Returns a login that is not the one which the server does not know.
    async fn login(&self, unknown: Option<&Arc<Login>>) -> Result<Arc<Login>, Cause> {
        let _logging_in = self.logging_in.lock().await;
        let is_usable =
            |login: &&Arc<Login>| unknown.is_none_or(|unknown| !Arc::ptr_eq(login, unknown));
        let since = {
            let held = self.held();
            if let Some(login) = held.login.as_ref().filter(is_usable) {
                return Ok(Arc::clone(login));
            }
            held.forgotten
        };
        let login = Arc::new(log_in(self.settings).await?);
        let mut held = self.held();
        if held.forgotten == since {
            held.login = Some(Arc::clone(&login));
        }
        Ok(login)
    }

    /// Drops the login; one that is on its way is not held.
    pub(super) fn forget(&self) {
        let mut held = self.held();
        *held = Held { login: None, forgotten: held.forgotten + 1 };
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Revokes the token, if it was made for this.
    pub(super) async fn finish(&self) {
        let login = self.held().login.take();
        if let Some(login) = login {
            login.revoke().await;
        }
    }
}

async fn read(login: &Login, name: &str) -> Result<Answer, Cause> {
    let (mount, path) = name.split_once('/').unwrap_or((name, ""));
    let sent = login.get(&format!("{mount}/data/{path}")).await;
    let answer = sent.map_err(|error| match error {
        SendError::TooLarge { .. } => {
            Cause::refused("its answer is larger than 64 KiB", "keep less in one secret")
        }
        error => Cause::away(ledger_outgoing::with_causes(&error)),
    })?;
    let said = said(&answer.body, &[login.token()]);
    match answer.status {
        200 => {}
        403 => {
            let text = format!("the token is not valid, or may not read {name}{said}");
            let remedy = "renew the token, or let its policy permit `read` on the path with /data/";
            return Ok(Answer::Denied(Cause::refused(text, remedy)));
        }
        404 => return Err(missing()),
        300..=399 => {
            return Err(Cause::refused(
                "it redirects to another address, which is not followed",
                "let VAULT_ADDR name the server that answers itself",
            ));
        }
        status @ (412 | 429 | 472 | 473 | 500..) => {
            return Err(Cause::away(format!("it answers with status {status}{said}")));
        }
        status => {
            return Err(Cause::refused(
                format!("it answers with status {status}{said}"),
                "see its log",
            ));
        }
    }
    let Answered { data } = serde_json::from_slice(&answer.body).map_err(|_| {
        let remedy = "check that VAULT_ADDR names a Vault, and the mount a KV engine of version 2";
        Cause::refused("its answer is not of the documented form", remedy)
    })?;
    let found = data.data.ok_or_else(missing)?;
    Ok(Answer::Content(Plaintext::new(found.get())))
}

fn missing() -> Cause {
    let remedy = "check the mount, the path and VAULT_NAMESPACE";
    Cause::refused("it has no such secret, or the secret was deleted", remedy)
}
