//! How a Vault is found and logged in to, by the variables that its own tools know.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `VAULT_ADDR` | its address |
//! | `VAULT_NAMESPACE` | the namespace, if it has namespaces |
//! | `VAULT_CACERT` | file with the authorities of its certificate, in place of the system's |
//! | `VAULT_TOKEN` | a token; otherwise |
//! | `VAULT_TOKEN_FILE` | a file with one, which an agent keeps fresh; otherwise |
//! | `VAULT_ROLE_ID`, `VAULT_SECRET_ID` or `VAULT_SECRET_ID_FILE` | an AppRole |
//!
//! Each may begin with `BAO_` instead, which goes first.

use std::path::{Path, PathBuf};

use ledger_outgoing::{Authorities, Client, ClientOptions, read_address, with_causes};
use ledger_vault::read_private;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::transit;
use super::vault::{Door, Login};
use crate::error::Cause;
use crate::reader::Settings;

/// Where an AppRole is logged in.
const LOGIN: &str = "auth/approle/login";

/// Longest file with a token or a secret id, in bytes.
const SECRET_BYTES_MAX: usize = 8 * 1024;
/// Longest file with authorities, in bytes.
const AUTHORITIES_BYTES_MAX: u64 = 1024 * 1024;
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The variables, whatever they begin with.
struct Variables(Settings);

impl Variables {
    fn text(&self, name: &str) -> Option<Zeroizing<String>> {
        let text = |prefix: &str| self.0.text(&format!("{prefix}_{name}"));
        text("BAO").or_else(|| text("VAULT"))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let path = |prefix: &str| self.0.path(&format!("{prefix}_{name}"));
        path("BAO").or_else(|| path("VAULT"))
    }
}

/// What the server answers to a login.
#[derive(Deserialize)]
struct LoggedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
}

/// Finds the server, and a token for it.
pub(crate) async fn log_in(settings: Settings) -> Result<Login, Cause> {
    let variables = Variables(settings);
    let door = door(&variables)?;
    if let Some(token) = variables.text("TOKEN") {
        return Ok(Login { door, token: trimmed(&token), is_own: false });
    }
    if let Some(path) = variables.path("TOKEN_FILE") {
        return Ok(Login { door, token: secret(&path)?, is_own: false });
    }
    let role = variables.text("ROLE_ID").ok_or_else(|| {
        Cause::refused("there is no token", "set VAULT_TOKEN, VAULT_TOKEN_FILE or VAULT_ROLE_ID")
    })?;
    let secret_id = match (variables.text("SECRET_ID"), variables.path("SECRET_ID_FILE")) {
        (Some(secret_id), _) => trimmed(&secret_id),
        (None, Some(path)) => secret(&path)?,
        (None, None) => {
            let remedy = "set VAULT_SECRET_ID or VAULT_SECRET_ID_FILE";
            return Err(Cause::refused("the AppRole has no secret id", remedy));
        }
    };
    let body = json!({ "role_id": role.trim(), "secret_id": secret_id.as_str() });
    let hidden = [role.trim(), secret_id.as_str()];
    let answer = transit::good(door.post(LOGIN, None, &body).await?, LOGIN, &hidden)?;
    let LoggedIn { auth } = serde_json::from_slice(&answer.body).map_err(|_| {
        let remedy = "check that VAULT_ADDR names a Vault";
        Cause::refused("its answer to the login is not of the documented form", remedy)
    })?;
    Ok(Login { door, token: Zeroizing::new(auth.client_token), is_own: true })
}

fn door(variables: &Variables) -> Result<Door, Cause> {
    let address = variables.text("ADDR").ok_or_else(|| {
        let remedy = "set VAULT_ADDR to its address, such as https://vault.example.com:8200";
        Cause::refused("its address is not given", remedy)
    })?;
    let address =
        read_address("VAULT_ADDR", address.trim(), variables.0.plain).map_err(|wrong| {
            let remedy = "correct VAULT_ADDR; --key-service-allow-http permits plain HTTP";
            Cause::refused(format!("VAULT_ADDR {}", wrong.problem), remedy)
        })?;
    let authorities = variables.path("CACERT").map(|path| authorities(&path)).transpose()?;
    let options =
        ClientOptions { bytes_max: ANSWER_BYTES_MAX, authorities, ..ClientOptions::default() };
    let client = Client::new(options).map_err(|error| {
        Cause::refused(with_causes(&error), "check the certificate authorities of this system")
    })?;
    let namespace = variables.text("NAMESPACE").map(|name| name.trim().to_owned());
    Ok(Door { client, address, namespace })
}

/// Reads the certificates of authorities, which are no secret.
fn authorities(path: &Path) -> Result<Authorities, Cause> {
    let remedy = "let VAULT_CACERT name a file with certificates in the PEM form";
    let unreadable = |error: std::io::Error| {
        Cause::refused(format!("{} cannot be read: {error}", path.display()), remedy)
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > AUTHORITIES_BYTES_MAX {
        return Err(Cause::refused(format!("{} is larger than 1 MiB", path.display()), remedy));
    }
    let pem = std::fs::read(path).map_err(unreadable)?;
    Authorities::from_pem(&pem)
        .map_err(|error| Cause::refused(format!("{} is wrong: {error}", path.display()), remedy))
}

/// Reads a file with a secret, which no other user may read.
fn secret(path: &Path) -> Result<Zeroizing<String>, Cause> {
    let text = read_private(path, SECRET_BYTES_MAX).map_err(|error| {
        Cause::refused(error.to_string(), "correct the file with the token or the secret id")
    })?;
    Ok(trimmed(&text))
}

fn trimmed(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().to_owned())
}
