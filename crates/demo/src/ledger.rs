//! Access to the ledger through the client library, without the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger_client::{Client, ClientOptions, Key, WatchScope, Watcher};
use ledger_contract::queries::{ALL_WORKSPACES, HistoryQuery, ListQuery, StatusView};
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::DemoError;

/// The file in which a running server records how to reach it.
pub(crate) const SERVER_FILE: &str = "server.json";
/// The file in which a development server leaves its admin key.
const DEV_KEY_FILE: &str = "dev-admin.key";
/// How often to check whether NATS has every event, and the pause between checks.
const PUBLISHED_LOOKS: u32 = 600;
const PUBLISHED_PAUSE: Duration = Duration::from_millis(50);

/// Client access to the ledger of the demo's server.
#[derive(Debug)]
pub(crate) struct Ledger {
    data_dir: PathBuf,
}

impl Ledger {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// Connects a client.
    pub(crate) async fn client(&self) -> Result<Client, DemoError> {
        Ok(Client::connect(client_options(&self.data_dir)?).await?)
    }

    /// Starts watching over a new connection.
    pub(crate) async fn watcher(&self) -> Result<Watcher, DemoError> {
        let scope = WatchScope::Everything;
        Ok(self.client().await?.watch(scope, None))
    }

    /// Returns the last position of the log.
    pub(crate) async fn head(&self) -> Result<u64, DemoError> {
        Ok(self.status().await?.position)
    }

    /// Waits until NATS has every event.
    pub(crate) async fn wait_until_published(&self) -> Result<(), DemoError> {
        for _ in 0..PUBLISHED_LOOKS {
            let status = self.status().await?;
            if status.published == status.position {
                return Ok(());
            }
            tokio::time::sleep(PUBLISHED_PAUSE).await;
        }
        Err(DemoError::unexpected("the events did not reach NATS"))
    }

    async fn status(&self) -> Result<StatusView, DemoError> {
        let client = self.client().await?;
        let answer = client.query(ALL_WORKSPACES, "status", &json!({})).await?;
        read_answer(&answer)
    }

    /// Returns one connection.
    pub(crate) async fn get(&self, name: &str) -> Result<Value, DemoError> {
        let client = self.client().await?;
        let query = json!({ "connection": name });
        let answer = client.query(DEFAULT_WORKSPACE, "get", &query).await?;
        read_answer(&answer)
    }

    /// Returns every connection, including archived ones, page by page.
    pub(crate) async fn every_connection(&self) -> Result<Vec<Value>, DemoError> {
        let client = self.client().await?;
        let mut query = ListQuery {
            lifecycle: Some("any".to_owned()),
            page_size: Some(20),
            ..ListQuery::default()
        };
        let mut rows = Vec::new();
        loop {
            let answer = client.query(ALL_WORKSPACES, "list", &query).await?;
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

    /// Returns every event, oldest first.
    pub(crate) async fn every_event(&self) -> Result<Vec<Value>, DemoError> {
        let client = self.client().await?;
        let mut query =
            HistoryQuery { oldest_first: true, page_size: Some(100), ..HistoryQuery::default() };
        let mut rows = Vec::new();
        loop {
            let answer = client.query(ALL_WORKSPACES, "history", &query).await?;
            let page: Value = read_answer(&answer)?;
            rows.extend(page.get("events").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(cursor) => query.cursor = Some(cursor.to_owned()),
                None => return Ok(rows),
            }
        }
    }
}

/// The fields of the server's file that a client needs.
#[derive(Deserialize)]
struct ServerFile {
    nats_url: String,
    prefix: String,
    xkey: String,
}

/// Reads the client options from the files of the running server.
fn client_options(data_dir: &Path) -> Result<ClientOptions, DemoError> {
    let file: ServerFile = read_answer(read(&data_dir.join(SERVER_FILE))?.as_bytes())?;
    let key = read(&data_dir.join(DEV_KEY_FILE))?;
    let mut options = ClientOptions::new(Key::new(key.trim()));
    options.url = file.nats_url;
    options.prefix = file.prefix;
    options.ledger_xkey = Some(file.xkey);
    Ok(options)
}

fn read(path: &Path) -> Result<String, DemoError> {
    std::fs::read_to_string(path)
        .map_err(|error| DemoError::internal(format!("cannot read {}: {error}", path.display())))
}

fn read_answer<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, DemoError> {
    serde_json::from_slice(json)
        .map_err(|error| DemoError::internal(format!("the answer cannot be read: {error}")))
}

/// Returns the text at a JSON pointer; empty if there is none.
pub(crate) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the number at a JSON pointer; 0 if there is none.
pub(crate) fn number_at(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}
