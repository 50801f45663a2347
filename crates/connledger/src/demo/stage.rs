//! What all acts work with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_client::{Client, Watcher};
use ledger_contract::queries::{HistoryQuery, ListQuery, StatusView};
use serde_json::Value;

use super::gateway::Gateway;
use super::secrets::Secrets;
use super::server::Server;
use super::shell::Shell;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::questions::{EVERY_WORKSPACE, read_answer};
use crate::serve::DEFAULT_WORKSPACE;
use crate::session;

/// How often to look whether NATS has every event, and how long to wait in between.
const PUBLISHED_LOOKS: u32 = 600;
const PUBLISHED_PAUSE: Duration = Duration::from_millis(50);

/// The demo's stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) connections: usize,
    pub(super) shell: Shell,
    pub(super) server: Option<Server>,
    pub(super) secrets: Secrets,
    pub(super) gateway: Option<Gateway>,
    /// Secret parts of API keys that were issued.
    pub(super) issued: Vec<String>,
    act: u32,
}

impl Stage {
    /// Starts a server in the folder.
    pub(super) async fn raise(folder: &Path, connections: usize) -> Result<Self, Failure> {
        let data_dir = folder.join("data");
        let shell = Shell::new(&data_dir)?;
        let mut stage = Self {
            folder: folder.to_owned(),
            data_dir,
            connections,
            shell,
            server: None,
            secrets: Secrets::new(),
            gateway: None,
            issued: Vec::new(),
            act: 0,
        };
        stage.title("A ledger of its own: one process, one folder, a nats-server beside it")?;
        stage.start_server().await?;
        Ok(stage)
    }

    /// Starts the server and waits until it is ready.
    pub(super) async fn start_server(&mut self) -> Result<(), Failure> {
        let log = self.folder.join("server.log");
        let server = Server::start(&self.shell, &log).await?;
        for line in server.talk() {
            tell(format!("  {line}"))?;
        }
        self.server = Some(server);
        Ok(())
    }

    /// Announces the next act.
    pub(super) fn title(&mut self, text: &str) -> Result<(), Failure> {
        self.act += 1;
        tell(format!("\n{}. {text}", self.act))
    }

    /// Connects as a program would.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let common = Common {
            data_dir: Some(self.data_dir.clone()),
            workspace: vec![DEFAULT_WORKSPACE.to_owned()],
            timeout: 10.0,
            ..Common::default()
        };
        Ok(Client::connect(session::options(&common)?).await?)
    }

    /// Starts watching, with a connection of its own.
    pub(super) async fn watcher(&self) -> Result<Watcher, Failure> {
        let scope = ledger_client::WatchScope::Everything;
        Ok(self.client().await?.watch(scope, None))
    }

    /// Returns the gateway.
    pub(super) fn gateway(&self) -> Result<&Gateway, Failure> {
        self.gateway.as_ref().ok_or_else(|| Failure::internal("the gateway has not been started"))
    }

    /// Runs a command of this program, shows it, and waits until the gateway has seen its effect.
    pub(super) async fn command(&mut self, args: &[&str]) -> Result<String, Failure> {
        let ran = self.shell.run(args, None).await?;
        ran.expect(0)?;
        let position = self.head().await?;
        self.gateway()?.wait_for(position).await?;
        Ok(ran.stdout)
    }

    /// Asks for the last position of the log.
    pub(super) async fn head(&self) -> Result<u64, Failure> {
        Ok(self.status().await?.position)
    }

    /// Waits until NATS has every event.
    pub(super) async fn wait_until_published(&self) -> Result<(), Failure> {
        for _ in 0..PUBLISHED_LOOKS {
            let status = self.status().await?;
            if status.published == status.position {
                return Ok(());
            }
            tokio::time::sleep(PUBLISHED_PAUSE).await;
        }
        Err(Failure::refused("the events did not reach NATS"))
    }

    async fn status(&self) -> Result<StatusView, Failure> {
        let client = self.client().await?;
        let answer = client.query(EVERY_WORKSPACE, "status", &Body::new()).await?;
        read_answer(&answer)
    }

    /// Asks for one connection.
    pub(super) async fn get(&self, name: &str) -> Result<Value, Failure> {
        let client = self.client().await?;
        let query = serde_json::json!({ "connection": name });
        let answer = client.query(DEFAULT_WORKSPACE, "get", &query).await?;
        read_answer(&answer)
    }

    /// Asks for every connection, archived ones too, page by page.
    pub(super) async fn every_connection(&self) -> Result<Vec<Value>, Failure> {
        let client = self.client().await?;
        let mut query = ListQuery {
            lifecycle: Some("any".to_owned()),
            page_size: Some(20),
            ..ListQuery::default()
        };
        let mut rows = Vec::new();
        loop {
            let answer = client.query(EVERY_WORKSPACE, "list", &query).await?;
            let page: Value = read_answer(&answer)?;
            rows.extend(
                page.get("connections").and_then(Value::as_array).cloned().unwrap_or_default(),
            );
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => query.cursor = Some(cursor.to_owned()),
                None => return Ok(rows),
            }
        }
    }

    /// Asks for every event, oldest first.
    pub(super) async fn every_event(&self) -> Result<Vec<Value>, Failure> {
        let client = self.client().await?;
        let mut query =
            HistoryQuery { oldest_first: true, page_size: Some(100), ..HistoryQuery::default() };
        let mut rows = Vec::new();
        loop {
            let answer = client.query(EVERY_WORKSPACE, "history", &query).await?;
            let page: Value = read_answer(&answer)?;
            rows.extend(page.get("events").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => query.cursor = Some(cursor.to_owned()),
                None => return Ok(rows),
            }
        }
    }
}

/// Says goodbye.
pub(super) fn goodbye() -> Result<(), Failure> {
    tell("\nEverything was as it should be. What to try next:")?;
    for line in [
        "connledger serve --data-dir /tmp/ledger --dev      a ledger of your own; leave it running",
        "export CONNLEDGER_DATA_DIR=/tmp/ledger             so that the commands below find it",
        "connledger watch                                   in another terminal: a gateway's view",
        "connledger create --provider openai --slug openai-prod --secret key=@key.txt",
        "connledger history openai-prod                     who did what to it",
        "connledger key issue --for NAME                    a key for one who may do less than you",
        "connledger explain                                 every error code and its remedy",
        "connledger --help                                  everything else",
    ] {
        tell(format!("  {line}"))?;
    }
    Ok(())
}

/// Writes a line of the story.
pub(super) fn tell(text: impl std::fmt::Display) -> Result<(), Failure> {
    Output::new(false).line(text)
}

/// Ends the demo unless something is as it should be.
pub(super) fn check(holds: bool, what: impl Into<String>) -> Result<(), Failure> {
    if holds {
        return Ok(());
    }
    Err(Failure::refused(format!("not as it should be: {}", what.into())))
}

/// Returns the text at a path of keys, empty when there is none.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the number at a path of keys, 0 when there is none.
pub(super) fn number_at(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}
