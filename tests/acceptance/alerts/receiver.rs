//! The process that receives alerts.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::settings;

/// A receiver at one port, with what it wrote down.
#[derive(Debug)]
pub(crate) struct Receiver {
    port: u16,
    file: PathBuf,
    child: Option<Child>,
}

impl Receiver {
    /// Chooses a port. Nothing is started.
    pub(crate) fn new(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        Self { port, file: folder.join("received.jsonl"), child: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Starts it with the secret by which it knows what is signed.
    pub(crate) fn start(&mut self, secret: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("acceptance/alert_receiver.py");
        let child = Command::new(settings::receiver_python())
            .arg(script)
            .arg(self.port.to_string())
            .arg(&self.file)
            .arg(secret)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("the receiver starts"));
    }

    /// Kills it, as a power cut would.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it can be killed");
    }

    /// Returns the lines that are complete.
    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the reasons of the failures of each connection, in the order of their first arrival.
    pub(crate) fn arrived(&self) -> BTreeMap<String, Vec<String>> {
        let mut arrived: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.lines() {
            let (Some(slug), Some(reason)) = (line["slug"].as_str(), line["reason"].as_str())
            else {
                continue;
            };
            let reasons = arrived.entry(slug.to_owned()).or_default();
            if !reasons.iter().any(|known| known == reason) {
                reasons.push(reason.to_owned());
            }
        }
        arrived
    }

    /// Returns the ids of all messages.
    pub(crate) fn ids(&self) -> Vec<String> {
        let lines = self.lines();
        lines.iter().filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
    }

    /// Returns what was wrong with messages.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let lines = self.lines();
        lines.iter().filter_map(|line| line["wrong"].as_str().map(str::to_owned)).collect()
    }
}
