//! A nats-server that the ledger runs, restarts and never leaves behind.
//!
//! The server is a child of the guard, which is a second process of this program and does nothing
//! but wait for its standard input to close. That happens when the ledger ends, in whatever way,
//! and the guard then stops the server.

mod configuration;
mod find;
mod guard;
mod leftover;
mod settings;
mod supervisor;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use zeroize::Zeroizing;

pub use find::find_server;
pub use guard::guard_main;

use settings::Settings;
use supervisor::Plan;
pub use supervisor::own_program;

/// The subcommand that runs the guard; see [`guard_main`].
pub const GUARD_COMMAND: &str = "nats-guard";
/// Environment variable with the path of nats-server. Callers read it.
pub const NATS_SERVER_VARIABLE: &str = "CONNLEDGER_NATS_SERVER";
/// Prefix of the ledger's inboxes on this server, to which the `client` user cannot subscribe.
pub const MANAGED_INBOX_PREFIX: &str = "_INBOX_ledger";

/// Time limit for stopping, including the guard's own.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// Options of the managed server.
#[derive(Clone)]
pub struct ManagedOptions {
    /// The ledger's data directory. The server's files are in `nats/` below it.
    pub data_dir: PathBuf,
    /// The server program, from [`find_server`].
    pub program: PathBuf,
    /// Port on the loopback interface. 0 selects a free one and reuses it at the next start.
    pub port: u16,
    /// Largest message in bytes.
    pub max_payload_bytes: usize,
    /// Subjects from which the permissions of the `client` user are derived.
    pub subjects: Subjects,
    /// What [`ManagedServer::login`] returned for an earlier folder. It is used if the folder has
    /// no login of its own.
    pub known_login: Option<Zeroizing<Vec<u8>>>,
    /// Whether the server's `GOGC` is that of this process's environment.
    pub keeps_heap_growth: bool,
    /// Environment variables with secrets of the ledger, which the server does not get. What it is
    /// started with could be read by every process of this user.
    pub hidden_variables: Vec<String>,
}

impl fmt::Debug for ManagedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedOptions")
            .field("data_dir", &self.data_dir)
            .field("program", &self.program)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl ManagedOptions {
    /// Returns the defaults.
    pub fn new(data_dir: PathBuf, program: PathBuf) -> Self {
        let subjects = Subjects::default();
        let max_payload_bytes = 1024 * 1024;
        Self {
            data_dir,
            program,
            port: 0,
            max_payload_bytes,
            subjects,
            known_login: None,
            keeps_heap_growth: false,
            hidden_variables: Vec::new(),
        }
    }
}

/// A running managed server.
#[derive(Debug)]
pub struct ManagedServer {
    settings: Settings,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    dir: PathBuf,
}

impl ManagedServer {
    /// Writes the configuration, starts the server and waits until it answers.
    pub async fn start(options: ManagedOptions) -> Result<Self, Problem> {
        let dir = directory(&options.data_dir);
        settings::make_private(&dir).map_err(|error| unwritable(&dir, &error))?;
        leftover::clear(&dir, leftover::Patience::Long).await?;
        let settings = choose(&dir, &options).await?;
        let text = configuration::text(&dir, &settings, &options);
        let path = configuration::path(&dir);
        settings::write_private(&path, &text).map_err(|error| unwritable(&path, &error))?;
        let plan = Plan::new(&dir, &settings, options);
        let (stop, stopped) = watch::channel(false);
        let guarded = supervisor::launch(&plan).await?;
        info!(nats.port = settings.port, "nats-server started");
        let supervisor = tokio::spawn(supervisor::supervise(plan, guarded, stopped));
        Ok(Self { settings, stop, supervisor, dir })
    }

    /// Returns the address with the ledger's user.
    pub fn url(&self) -> String {
        self.settings.ledger_url()
    }

    /// Returns the address with the `client` user.
    pub fn client_url(&self) -> String {
        self.settings.client_url()
    }

    /// Returns port, users, passwords and name of the server, for
    /// [`ManagedOptions::known_login`].
    pub fn login(&self) -> Zeroizing<Vec<u8>> {
        self.settings.to_bytes()
    }

    /// Stops the server and waits until it is gone.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_PATIENCE, self.supervisor).await.is_err() {
            warn!("nats-server did not stop in time");
        }
        if let Err(problem) = leftover::clear(&self.dir, leftover::Patience::Short).await {
            warn!(error = %problem, "nats-server could not be stopped");
        }
        info!("nats-server stopped");
    }
}

/// Returns the address, with the `client` user, of the server that runs or last ran for a data
/// directory.
pub fn managed_client_url(data_dir: &Path) -> Option<String> {
    Settings::read(&directory(data_dir)).map(|settings| settings.client_url())
}

fn directory(data_dir: &Path) -> PathBuf {
    // The server's paths must be valid in any working directory.
    std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()).join("nats")
}

/// Selects the requested port, else the previous one if it is free, else any free one.
async fn choose(dir: &Path, options: &ManagedOptions) -> Result<Settings, Problem> {
    let port = options.port;
    let known = || {
        let known = Settings::from_bytes(options.known_login.as_deref()?)?;
        info!("the managed nats-server has the logins that the ledger knows of");
        Some(known)
    };
    let mut settings = Settings::read(dir).or_else(known).unwrap_or_else(Settings::new);
    if port != 0 {
        free_port(port).await.map_err(|error| {
            let message = format!("nats-server cannot listen on 127.0.0.1:{port}: {error}");
            Problem::because(Code::NatsServerFailed, message)
        })?;
        settings.port = port;
    } else if settings.port == 0 || free_port(settings.port).await.is_err() {
        settings.port = free_port(0).await.map_err(|error| {
            crate::connect::unreachable(format!("there is no free port for nats-server: {error}"))
        })?;
    }
    settings.write(dir).map_err(|error| unwritable(dir, &error))?;
    Ok(settings)
}

async fn free_port(port: u16) -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", port)).await?.local_addr()?.port())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot write {}: {error}", path.display());
    Problem::because(Code::DataDirUnusable, message)
}
