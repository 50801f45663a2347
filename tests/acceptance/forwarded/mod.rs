//! Events that are handed on to other systems.

mod files;
mod http;
mod refusals;
mod syslog;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use ledger_client::CommandHeaders;
use serde_json::{Value, json};
use tokio::process::Child;

use crate::service::Service;

/// Makes connections and changes them, so that there are events. Returns the end of the log.
async fn live(service: &Service, round: usize, connections: usize) -> u64 {
    let client = service.client().await;
    let send = async |verb: &str, body: Value| {
        let body = body.to_string().into_bytes();
        client.command("default", verb, body, CommandHeaders::default()).await.expect("accepted")
    };
    let mut position = 0;
    for number in 0..connections {
        let slug = format!("c-{round}-{number}");
        send("create", json!({ "slug": slug, "provider": "openai" })).await;
        let reason = json!({ "connection": slug, "reason": "slow; \"late\"\nand odd: ÄÖÜ" });
        position = send("mark-degraded", reason).await.receipt.position;
    }
    position
}

/// The end of the log.
async fn head(service: &Service) -> u64 {
    let status = service.run(&["status", "--json"]).await;
    let status: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    status.pointer("/position").and_then(Value::as_u64).expect("a position")
}

/// Starts a forwarder.
fn forward(service: &Service, cursor: &Path, args: &[&str]) -> Child {
    let mut command = service.command(&["forward", "-A"]);
    command.args(args).arg("--cursor").arg(cursor).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
}

/// Runs a forwarder up to the end of the log.
async fn forward_once(service: &Service, cursor: &Path, args: &[&str]) {
    let mut command = service.command(&["forward", "-A", "--once"]);
    let output = command.args(args).arg("--cursor").arg(cursor).output().await.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How far a cursor is.
fn reached(cursor: &Path) -> u64 {
    let Ok(json) = std::fs::read(cursor) else { return 0 };
    let stored: Value = serde_json::from_slice(&json).expect("a cursor is whole");
    let after = stored.pointer("/after").and_then(Value::as_str).expect("a point");
    after.split('@').next().and_then(|text| text.parse().ok()).expect("a position")
}

fn in_folder(service: &Service, name: &str) -> PathBuf {
    service.folder().join(name)
}

/// Checks that nothing is missing up to a position and that what comes again is part of one page
/// for each time that something broke.
fn expect_whole(positions: &[u64], head: u64, breaks: usize) {
    let mut next = 1;
    let mut repeated = 0;
    for position in positions {
        assert!(*position <= next, "{next} is missing before {position}");
        if *position == next {
            next += 1;
        } else {
            repeated += 1;
        }
    }
    assert!(next > head, "{next} to {head} are missing");
    assert!(repeated <= breaks * 500, "{repeated} came again");
}
