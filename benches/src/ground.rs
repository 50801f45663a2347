//! What the rows share: a folder, its ledgers, and one server.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cli::Cli;
use crate::echo::Echo;
use crate::failure::{Failure, Outcome};
use crate::ledger;
use crate::scale::Sizes;
use crate::server::{Programs, Server};

/// The working folder and what is in it.
#[derive(Debug)]
pub(crate) struct Ground {
    sizes: Sizes,
    programs: Programs,
    root: PathBuf,
    /// Removes the folder in the end, unless it is to be kept.
    _temporary: Option<TempDir>,
    served: Option<Served>,
}

/// A server on a ledger of its own, with an echo service on the same NATS server.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) echo: Echo,
}

impl Ground {
    pub(crate) fn new(cli: Cli) -> Outcome<Self> {
        let (root, temporary) = match (cli.dir, cli.keep) {
            (Some(folder), true) => (folder, None),
            (Some(folder), false) => {
                std::fs::create_dir_all(&folder)?;
                let temporary = TempDir::with_prefix_in("ledger-bench-", folder)?;
                (temporary.path().to_owned(), Some(temporary))
            }
            (None, _) => {
                let temporary = TempDir::with_prefix("ledger-bench-")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&root)?;
        let connledger = match cli.connledger {
            Some(program) => program,
            None => std::env::current_exe()?.with_file_name("connledger"),
        };
        let gateway = match cli.gateway {
            Some(program) => program,
            None => std::env::current_exe()?.with_file_name("examples").join("gateway"),
        };
        let programs = Programs { connledger, gateway, nats_server: cli.nats_server };
        let sizes = Sizes::new(cli.scale);
        Ok(Self { sizes, programs, root, _temporary: temporary, served: None })
    }

    pub(crate) const fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(crate) const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Returns the working folder, which is on the disk to be measured.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a new, empty folder.
    pub(crate) fn fresh_folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.root.join(name);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(folder),
        }
    }

    /// Returns the server for the rows that go over NATS, started at the first of them.
    pub(crate) async fn served(&mut self) -> Outcome<&mut Served> {
        if self.served.is_none() {
            let folder = self.fresh_folder("served")?;
            let server = Server::start(&self.programs, &folder).await?;
            let echo = Echo::start(server.login()).await?;
            self.served = Some(Served { server, echo });
        }
        self.served.as_mut().ok_or_else(|| Failure::new("the server was just started"))
    }

    /// Stops that server, so that the rows without NATS have the machine to themselves.
    pub(crate) async fn stop_server(&mut self) -> Outcome<()> {
        match self.served.take() {
            Some(served) => served.server.stop().await,
            None => Ok(()),
        }
    }

    /// Returns the folder of the small ledger, filled and closed.
    pub(crate) async fn small_ledger(&self) -> Outcome<PathBuf> {
        self.filled("small", self.sizes.few).await
    }

    /// Returns the folder of the large ledger, filled and closed.
    pub(crate) async fn large_ledger(&self) -> Outcome<PathBuf> {
        self.filled("large", self.sizes.connections).await
    }

    /// Returns the folder of the large ledger with a long log, filled and closed.
    pub(crate) async fn long_ledger(&self) -> Outcome<PathBuf> {
        let folder = self.large_ledger().await?;
        let engine = ledger::open(&folder).await?;
        ledger::fill_events(&engine, self.sizes.connections, self.sizes.events).await?;
        ledger::close(engine).await?;
        Ok(folder)
    }

    async fn filled(&self, name: &str, connections: u64) -> Outcome<PathBuf> {
        let folder = self.root.join(name);
        let engine = ledger::open(&folder).await?;
        ledger::fill_connections(&engine, connections).await?;
        ledger::close(engine).await?;
        Ok(folder)
    }

    /// Ends whatever still runs.
    pub(crate) async fn close(mut self) -> Outcome<()> {
        self.stop_server().await
    }
}
