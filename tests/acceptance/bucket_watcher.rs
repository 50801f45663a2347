//! A program of another library that watches the bucket: nats-py, run by `bucket_watcher.py`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::settings;

/// The process.
#[derive(Debug)]
pub(crate) struct BucketWatcher {
    child: Child,
    folder: TempDir,
}

/// What it knows.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    /// Connections by key, as it was last told of them.
    pub(crate) states: BTreeMap<String, Value>,
    /// The histories of which it was told, the newest last.
    pub(crate) histories: Vec<String>,
}

impl BucketWatcher {
    /// Starts it with the address of NATS and more settings.
    pub(crate) fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new(settings::python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/bucket_watcher.py"))
            .env("LEDGER_URL", url)
            .env("LEDGER_SEEN", folder.path().join("seen"))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python runs");
        Self { child, folder }
    }

    /// Returns what it knows, once it has been told anything.
    pub(crate) fn seen(&self) -> Option<Seen> {
        let text = fs::read(self.folder.path().join("seen")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Returns whether it still is the same process.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }
}
