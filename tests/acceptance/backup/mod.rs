//! Backups and restores, as people make them: with the program, in folders and at servers that
//! speak the protocols of S3 and Azure.

mod azure;
mod azure_server;
mod faults;
mod folder;
mod forged;
mod kills;
mod round_trip;
mod runbook;
mod s3;
pub(crate) mod s3_server;
mod schedule;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::output::{said, text};
use crate::service::Service;
use crate::settings;

const MANAGED: [&str; 2] = ["--nats", "managed"];

/// Reads the one object that a command with `--json` wrote.
#[track_caller]
pub(crate) fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("one object")
}

/// Expects that a command was refused with a code.
#[track_caller]
pub(crate) fn expect_code(output: &Output, code: &str) {
    let said = said(output);
    assert!(!output.status.success() && said.contains(&format!("[{code}]")), "{code}: {said}");
}

/// Runs the program, with variables.
pub(crate) async fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(settings::connledger());
    command.args(args).envs(variables.iter().copied()).kill_on_drop(true);
    command.output().await.expect("connledger runs")
}

/// Adds connections to a ledger.
async fn load(service: &Service, numbers: std::ops::Range<usize>) {
    let file = service.folder().join("connections.jsonl");
    let line = |number| {
        json!({
            "slug": format!("c-{number}"), "provider": "openai",
            "secrets": { "api_key": format!("sk-{number}-0123456789") },
        })
    };
    let lines = numbers.map(|number| line(number).to_string()).collect::<Vec<_>>().join("\n");
    fs::write(&file, lines).expect("writable");
    let loaded = service.run(&["load", text(&file)]).await;
    assert!(loaded.status.success(), "{}", said(&loaded));
}

/// What people see of a ledger: every connection and every event, as JSON.
async fn seen(service: &Service) -> [String; 2] {
    let mut all = [String::new(), String::new()];
    for (noun, into) in ["list", "history"].into_iter().zip(&mut all) {
        let shown = service.run(&[noun, "--json"]).await;
        assert!(shown.status.success(), "{}", said(&shown));
        *into = String::from_utf8(shown.stdout).expect("text");
    }
    all
}

/// Returns the events of a history up to a position.
fn up_to(history: &str, position: u64) -> String {
    let is_before = |line: &&str| {
        let event: Value = serde_json::from_str(line).expect("an event");
        event["position"].as_u64() <= Some(position)
    };
    history.lines().filter(is_before).flat_map(|line| [line, "\n"]).collect()
}

/// A ledger that is not served, and an empty folder for its backups.
struct Stopped {
    service: Service,
    backups: PathBuf,
}

impl Stopped {
    /// Makes a ledger with some connections.
    async fn with(connections: usize) -> Self {
        let mut service = Service::start(&MANAGED).await;
        load(&service, 0..connections).await;
        assert!(service.stop().await.success());
        let backups = service.folder().join("backups");
        fs::create_dir(&backups).expect("a folder");
        Self { service, backups }
    }

    /// Backs it up to its folder.
    async fn back_up(&self) -> Value {
        told(&self.try_back_up(text(&self.backups), &[]).await)
    }

    async fn try_back_up(&self, target: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = self.service.command(&["backup", "--to", target]);
        command.envs(variables.iter().copied());
        // Only what is good is read as JSON.
        let output = command.arg("--json").output().await.expect("connledger runs");
        if output.status.success() {
            return output;
        }
        let mut command = self.service.command(&["backup", "--to", target]);
        command.envs(variables.iter().copied()).output().await.expect("connledger runs")
    }

    fn key(&self) -> PathBuf {
        self.service.data_dir().join("dev-master.key")
    }

    /// Restores from a target with its own master key.
    async fn restore(&self, from: &str, into: &Path, more: &[&str]) -> Output {
        let key = self.key();
        let args = ["backup", "restore", "--from", from, "--master-key-file", text(&key)];
        run(&[&args[..], &["--data-dir", text(into)], more].concat(), &[]).await
    }

    /// Restores from its folder.
    async fn restore_here(&self, into: &Path, more: &[&str]) -> Output {
        self.restore(text(&self.backups), into, more).await
    }
}

/// Serves a restored folder with the keys that people have.
async fn serve_restored(from: &Service, restored: &mut Service) {
    for key in ["dev-master.key", "dev-admin.key"] {
        fs::copy(from.data_dir().join(key), restored.data_dir().join(key)).expect("a copy");
    }
    restored.start_again().await;
}
