//! The state shared by all steps.

use std::path::{Path, PathBuf};

use crate::error::DemoError;
use crate::gateway::Gateway;
use crate::ledger::Ledger;
use crate::options::DemoOptions;
use crate::output::tell;
use crate::secrets::Secrets;
use crate::server::Server;
use crate::shell::Shell;

/// The parts of a running demo, and its findings so far.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) folder: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) connections: usize,
    pub(crate) shell: Shell,
    pub(crate) ledger: Ledger,
    pub(crate) server: Option<Server>,
    pub(crate) secrets: Secrets,
    pub(crate) gateway: Option<Gateway>,
    /// Secret parts of the issued API keys.
    pub(crate) issued: Vec<String>,
    step: u32,
}

impl Context {
    /// Creates the context and starts a server in the folder.
    pub(crate) async fn start(folder: &Path, options: &DemoOptions) -> Result<Self, DemoError> {
        let data_dir = folder.join("data");
        let shell = Shell::new(&options.program, &data_dir);
        let ledger = Ledger::new(&data_dir);
        let mut context = Self {
            folder: folder.to_owned(),
            data_dir,
            connections: options.connections,
            shell,
            ledger,
            server: None,
            secrets: Secrets::new(),
            gateway: None,
            issued: Vec::new(),
            step: 0,
        };
        context.title("A new ledger: one process, one data directory, a nats-server beside it")?;
        context.start_server().await?;
        Ok(context)
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn start_server(&mut self) -> Result<(), DemoError> {
        let log = self.folder.join("server.log");
        let server = Server::start(&self.shell, &log).await?;
        for line in server.talk() {
            tell(format!("  {line}"))?;
        }
        self.server = Some(server);
        Ok(())
    }

    /// Announces the next step.
    pub(crate) fn title(&mut self, text: &str) -> Result<(), DemoError> {
        self.step += 1;
        tell(format!("\n{}. {text}", self.step))
    }

    /// Returns the gateway.
    pub(crate) fn gateway(&self) -> Result<&Gateway, DemoError> {
        self.gateway.as_ref().ok_or_else(|| DemoError::internal("the gateway has not been started"))
    }

    /// Runs a command of the program, shows it, and waits until the gateway has seen its effect.
    pub(crate) async fn command(&mut self, args: &[&str]) -> Result<String, DemoError> {
        let ran = self.shell.run(args, None).await?;
        ran.expect(0)?;
        let position = self.ledger.head().await?;
        self.gateway()?.wait_for(position).await?;
        Ok(ran.stdout)
    }
}

/// Prints the closing words.
pub(crate) fn goodbye() -> Result<(), DemoError> {
    tell("\nEvery check passed. Try next:")?;
    for line in [
        "connledger serve --data-dir /tmp/ledger --dev      your own ledger; leave it running",
        "export CONNLEDGER_DATA_DIR=/tmp/ledger             lets the commands below find it",
        "connledger watch                                   in another terminal: a gateway's view",
        "connledger create --provider openai --slug openai-prod --secret key=@key.txt",
        "connledger history openai-prod                     who changed what",
        "connledger key issue --for NAME                    a key with fewer rights than yours",
        "connledger explain                                 every error code and its remedy",
        "connledger --help                                  everything else",
    ] {
        tell(format!("  {line}"))?;
    }
    Ok(())
}

/// Ends the demo unless a condition holds.
pub(crate) fn check(holds: bool, what: impl Into<String>) -> Result<(), DemoError> {
    if holds {
        return Ok(());
    }
    Err(DemoError::unexpected(format!("failed check: {}", what.into())))
}
