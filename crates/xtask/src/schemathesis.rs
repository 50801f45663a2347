//! The stage that runs schemathesis against a new ledger: at the native API, then at those of other
//! products.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::setup::schemathesis::VARIABLE;
use crate::stage;
use crate::workspace::Workspace;

/// Path of configuration and hooks, relative to the checkout's root.
const FOLDER: &str = "tests/schemathesis";
const FILES: [&str; 2] = ["schemathesis.toml", "hooks.py"];
/// The documents of the products' APIs, relative to the checkout's root.
const FACADES: &str = "schemas/facades";
/// How long the ledger may take to start.
const START_PATIENCE: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A ledger that serves only HTTP; dropping this ends it.
struct Server {
    child: Child,
    url: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The ledger is disposable and may already have ended, so errors are ignored.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the stage and returns its exit code if it failed.
pub(crate) fn run(workspace: &Workspace, cargo: &Cargo<'_>) -> Result<Option<u8>, Failure> {
    let folder = cargo.target_folder()?.join(format!("schemathesis-{}", std::process::id()));
    let data = folder.join("data");
    let server = start(cargo, &data)?;
    // Schemathesis leaves files in its working directory.
    for name in FILES {
        let (from, to) = (workspace.root.join(FOLDER).join(name), folder.join(name));
        std::fs::copy(&from, &to).map_err(|error| Failure::io("copy", &from, &error))?;
    }
    let mut native = schemathesis(cargo, &folder, &server);
    native.arg(format!("{}/api/v1/openapi.json", server.url));
    let mut failed = stage::failed("schemathesis", &mut native)?;
    for document in facade_documents(workspace)? {
        if failed.is_none() {
            let mut facade = schemathesis(cargo, &folder, &server);
            facade.args(["--url", &server.url]).arg(document);
            failed = stage::failed("schemathesis", &mut facade)?;
        }
    }
    drop(server);
    std::fs::remove_dir_all(&folder).map_err(|error| Failure::io("remove", &folder, &error))?;
    Ok(failed)
}

/// Returns the command to which the caller adds the description of an API.
fn schemathesis(cargo: &Cargo<'_>, folder: &Path, server: &Server) -> Command {
    let program = cargo.variable(VARIABLE).unwrap_or("schemathesis");
    let mut command = cargo.program(program);
    command.current_dir(folder).env("CONNLEDGER_KEY", &server.key);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["--config-file", FILES[0], "--no-color", "run"]);
    command
}

/// Returns the documents of the products' APIs, in the order of their names.
fn facade_documents(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = workspace.root.join(FACADES);
    let failed = |error: &std::io::Error| Failure::io("list", &folder, error);
    let entries = std::fs::read_dir(&folder).map_err(|error| failed(&error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::new(format!("{} has no documents", folder.display())));
    }
    Ok(paths)
}

fn start(cargo: &Cargo<'_>, data: &Path) -> Result<Server, Failure> {
    let mut serve = cargo.program(cargo.binary("debug", "connledger")?);
    // Rate limits are tested elsewhere. Each request names another address, as a proxy would.
    serve.args(["serve", "--dev", "--nats", "off", "--listen", "127.0.0.1:0", "--log", "warn"]);
    serve.args(["--rate-per-key", "0", "--rate-per-address", "0"]);
    serve.args(["--trusted-proxy", "127.0.0.1", "--data-dir"]).arg(data);
    let child = spawn(&mut serve)?;
    let mut server = Server { child, url: String::new(), key: String::new() };
    let started = Instant::now();
    while started.elapsed() < START_PATIENCE {
        let ended = server.child.try_wait();
        if let Ok(Some(status)) = ended {
            return Err(Failure::new(format!("connledger ended with {status}")));
        }
        if let Some((url, key)) = found(data) {
            (server.url, server.key) = (url, key);
            return Ok(server);
        }
        thread::park_timeout(LOOK_INTERVAL);
    }
    Err(Failure::new("connledger was not ready in time"))
}

fn spawn(command: &mut Command) -> Result<Child, Failure> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    child.map_err(|error| Failure::new(format!("cannot start connledger: {error}")))
}

/// Reads the address and the key of the server once it has written both.
fn found(data: &Path) -> Option<(String, String)> {
    let file = std::fs::read(data.join("server.json")).ok()?;
    let file: serde_json::Value = serde_json::from_slice(&file).ok()?;
    let key = std::fs::read_to_string(data.join("dev-admin.key")).ok()?;
    Some((file.get("http_url")?.as_str()?.to_owned(), key.trim().to_owned()))
}
