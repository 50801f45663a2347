//! A nats-server of the ledger's own, kept running and never left behind.
//!
//! The server is not our child but our guard's: this program started once more, which does
//! nothing but wait for its standard input to end. That happens when the ledger ends, however it
//! ends, and then the guard stops the server.

mod configuration;
mod find;
mod guard;
mod leftover;
mod settings;
mod supervisor;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use find::find_server;
pub use guard::guard_main;

use settings::Settings;
use supervisor::Plan;

/// The subcommand under which this program is its own guard, see [`guard_main`].
pub const GUARD_COMMAND: &str = "nats-guard";
/// Environment variable with the path of nats-server, read by the caller.
pub const NATS_SERVER_VARIABLE: &str = "CONNLEDGER_NATS_SERVER";
/// What the ledger's own answers from this server come under, which the client user cannot hear.
pub const MANAGED_INBOX_PREFIX: &str = "_INBOX_ledger";

/// How long stopping may take, with the guard's own patience in it.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// How the server is to run.
#[derive(Clone, Debug)]
pub struct ManagedOptions {
    /// The ledger's data directory; the server's files go into `nats/` below it.
    pub data_dir: PathBuf,
    /// The server program, from [`find_server`].
    pub program: PathBuf,
    /// Port on the loopback interface; 0 picks a free one and keeps it for the next start.
    pub port: u16,
    /// Largest message it carries.
    pub max_payload_bytes: usize,
    /// What its `client` user may do follows from these names.
    pub subjects: Subjects,
}

impl ManagedOptions {
    /// Returns the defaults.
    pub fn new(data_dir: PathBuf, program: PathBuf) -> Self {
        let subjects = Subjects::default();
        Self { data_dir, program, port: 0, max_payload_bytes: 1024 * 1024, subjects }
    }
}

/// The running server.
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
        let settings = choose(&dir, options.port).await?;
        let text = configuration::text(&dir, &settings, &options);
        let path = configuration::path(&dir);
        settings::write_private(&path, &text).map_err(|error| unwritable(&path, &error))?;
        let plan = Plan::new(&dir, options.program, &settings)?;
        let (stop, stopped) = watch::channel(false);
        let guarded = supervisor::launch(&plan).await?;
        info!(nats.port = settings.port, "nats-server started");
        let supervisor = tokio::spawn(supervisor::supervise(plan, guarded, stopped));
        Ok(Self { settings, stop, supervisor, dir })
    }

    /// Returns the address with the ledger's own user.
    pub fn url(&self) -> String {
        self.settings.ledger_url()
    }

    /// Returns the address with the user for everybody else.
    pub fn client_url(&self) -> String {
        self.settings.client_url()
    }

    /// Stops the server and waits until it is gone.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_PATIENCE, self.supervisor).await.is_err() {
            warn!("nats-server takes long to stop");
        }
        if let Err(problem) = leftover::clear(&self.dir, leftover::Patience::Short).await {
            warn!(error = %problem, "nats-server could not be stopped");
        }
        info!("nats-server stopped");
    }
}

/// Returns the address, with the user for everybody else, of the server that runs or last ran for
/// a data directory.
pub fn managed_client_url(data_dir: &Path) -> Option<String> {
    Settings::read(&directory(data_dir)).map(|settings| settings.client_url())
}

fn directory(data_dir: &Path) -> PathBuf {
    // The server's paths must hold whatever folder it is started in.
    std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()).join("nats")
}

/// Takes the port that is asked for, else the last one if it is still free, else any free one.
async fn choose(dir: &Path, port: u16) -> Result<Settings, Problem> {
    let mut settings = Settings::read(dir).unwrap_or_else(Settings::new);
    if port != 0 {
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
