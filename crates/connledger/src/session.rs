//! The connection of a client command to its ledger.

use std::path::Path;
use std::time::Duration;

use ledger_client::{Client, ClientOptions, Credentials, Key};
use ledger_contract::subjects::LEDGER;
use zeroize::Zeroizing;

use crate::common::{Common, NatsLogin};
use crate::failure::Failure;
use crate::output::Output;
use crate::server_file::ServerFile;
use crate::text::BYTE_ORDER_MARK;

/// The file in which a development server leaves its admin key.
pub(crate) const DEV_KEY_FILE: &str = "dev-admin.key";

/// Largest file with a key or a password, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A client connected to a ledger, and the output for its answers.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) workspace: String,
    pub(crate) out: Output,
}

impl Session {
    /// Connects by the flags.
    pub(crate) async fn open(common: &Common, out: Output) -> Result<Self, Failure> {
        let workspace = common.workspace()?.to_owned();
        let client = Client::connect(options(common)?).await?;
        Ok(Self { client, workspace, out })
    }

    /// Connects for a command that may take longer than others.
    pub(crate) async fn open_waiting(
        common: &Common,
        wait_min: Duration,
        out: Output,
    ) -> Result<Self, Failure> {
        let workspace = common.workspace()?.to_owned();
        let mut options = options(common)?;
        options.timeout = options.timeout.max(wait_min);
        let client = Client::connect(options).await?;
        Ok(Self { client, workspace, out })
    }

    /// Connects for a command about the ledger as a whole. Workspaces in the flags are ignored.
    pub(crate) async fn of_ledger(common: &Common, out: Output) -> Result<Self, Failure> {
        let client = Client::connect(options(common)?).await?;
        Ok(Self { client, workspace: LEDGER.to_owned(), out })
    }
}

/// Returns the data directory to open directly: it was named, no server holds it, and no NATS
/// address was given.
pub(crate) fn unserved_folder(common: &Common) -> Result<Option<&Path>, Failure> {
    let Some(folder) = common.data_dir.as_deref() else { return Ok(None) };
    let served = common.nats_url.is_some() || ServerFile::find(folder)?.is_some();
    Ok((!served).then_some(folder))
}

/// Builds the client's options from the flags and the file of a running server.
pub(crate) fn options(common: &Common) -> Result<ClientOptions, Failure> {
    options_with(common, || key_text(common))
}

/// Builds them with another credential than the flags have.
pub(crate) fn options_with(
    common: &Common,
    key: impl FnOnce() -> Result<Zeroizing<String>, Failure>,
) -> Result<ClientOptions, Failure> {
    let server = common.data_dir.as_deref().map(ServerFile::find).transpose()?.flatten();
    let url = match (&common.nats_url, &server, &common.data_dir) {
        (Some(url), _, _) | (None, Some(ServerFile { nats_url: Some(url), .. }), _) => Some(url),
        (None, Some(_), _) => {
            return Err(Failure::unavailable("the server runs without NATS (`--nats off`)"));
        }
        (None, None, Some(folder)) => return Err(not_running(folder)),
        (None, None, None) => None,
    };
    let mut options = ClientOptions::new(Key::new(key()?.as_str()));
    if let Some(url) = url {
        options.url.clone_from(url);
    }
    options.allow_unsealed = common.sealing.nats_allow_unsealed;
    options.ledger_xkey.clone_from(&common.sealing.ledger_xkey);
    if let (None, Some(server)) = (&options.ledger_xkey, &server) {
        options.ledger_xkey = Some(server.xkey.clone());
    }
    match (&common.prefix, server) {
        (Some(prefix), _) => options.prefix.clone_from(prefix),
        (None, Some(server)) => options.prefix = server.prefix,
        (None, None) => {}
    }
    options.timeout = timeout(common.timeout)?;
    options.credentials = credentials(&common.nats)?;
    options.inbox_prefix.clone_from(&common.nats.nats_inbox_prefix);
    options.jetstream_prefix.clone_from(&common.nats.nats_js_prefix);
    Ok(options)
}

fn timeout(seconds: f64) -> Result<Duration, Failure> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(timeout) if !timeout.is_zero() => Ok(timeout),
        _ => Err(Failure::usage("--timeout must be more than 0 seconds")),
    }
}

fn not_running(folder: &Path) -> Failure {
    if !folder.exists() {
        return Failure::usage(format!("there is no folder {}", folder.display()));
    }
    let folder = folder.display();
    Failure::unavailable(format!("no server is running on {folder}"))
        .hint(format!("start one: connledger serve --data-dir {folder}"))
}

/// Finds the API key, if there is one.
pub(crate) fn optional_key(common: &Common) -> Result<Option<Zeroizing<String>>, Failure> {
    let left = common.data_dir.as_ref().is_some_and(|folder| folder.join(DEV_KEY_FILE).exists());
    let is_there = common.key.is_some() || common.key_file.is_some() || left;
    is_there.then(|| key_text(common)).transpose()
}

/// Finds the API key: from the flag, from the file, or as left by a development server.
fn key_text(common: &Common) -> Result<Zeroizing<String>, Failure> {
    if let Some(key) = &common.key {
        return Ok(key.clone());
    }
    if let Some(path) = &common.key_file {
        return read_line(path).map(Zeroizing::new);
    }
    if let Some(folder) = &common.data_dir {
        let path = folder.join(DEV_KEY_FILE);
        if path.exists() {
            return read_line(&path).map(Zeroizing::new);
        }
    }
    Err(Failure::usage("no API key was given")
        .hint("pass --key-file FILE, or set CONNLEDGER_KEY")
        .hint("for a `serve --dev` ledger, --data-dir DIR is enough"))
}

/// Reads the credentials for the NATS server.
pub(crate) fn credentials(login: &NatsLogin) -> Result<Credentials, Failure> {
    let user = match (&login.nats_user, &login.nats_password_file) {
        (Some(user), Some(path)) => Some((user.clone(), read_line(path)?)),
        _ => None,
    };
    Ok(Credentials {
        file: login.nats_creds.clone(),
        nkey_seed: login.nats_nkey.as_deref().map(read_line).transpose()?,
        user,
        authority: login.nats_ca.clone(),
        certificate: login.nats_cert.clone().zip(login.nats_cert_key.clone()),
    })
}

/// Reads a one-line file with a secret, which no other user may read.
pub(crate) fn read_line(path: &Path) -> Result<String, Failure> {
    match ledger_vault::read_private(path, LINE_BYTES_MAX) {
        Ok(text) => Ok(text.trim_start_matches(BYTE_ORDER_MARK).trim().to_owned()),
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}
