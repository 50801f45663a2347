//! What a running server says of itself.

use ledger_contract::queries::{ALL_WORKSPACES, StatusView};

use super::finding::Finding;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

const ANSWERS: &str = "server";
const WRITES: &str = "server_writes";
const SEALED: &str = "server_sealed";
const RELAY: &str = "server_relay";
const STREAMS: &str = "server_streams";
const ALERTS: &str = "server_alerts";
const KEYS: &str = "server_master_keys";
const BACKUP: &str = "server_backup";
const CLOCK: &str = "server_clock";
const LOG: &str = "server_log";
/// Events that may wait for the stream.
const BEHIND_MAX: u64 = 10_000;

pub(super) async fn look(common: &Common, out: Output) -> Vec<Finding> {
    match ask(common, out).await {
        Ok(status) => {
            let answers =
                Finding::ok(ANSWERS, format!("it answers, version {}", status.program_version));
            std::iter::once(answers).chain(of_status(&status)).collect()
        }
        Err(failure) => {
            let to_do = "see its log, and whether --key-file and --nats-url are right";
            vec![Finding::problem(ANSWERS, failure.lines().join(" "), to_do)]
        }
    }
}

async fn ask(common: &Common, out: Output) -> Result<StatusView, Failure> {
    let session = Session::of_ledger(common, out).await?;
    let answer = session.client.query(ALL_WORKSPACES, "status", &Body::new()).await?;
    serde_json::from_slice(&answer).map_err(|error| Failure::internal(error.to_string()))
}

/// Returns what is wrong by a status.
pub(super) fn of_status(status: &StatusView) -> Vec<Finding> {
    let mut findings = vec![writes(status)];
    if status.master_keys.sealed {
        let to_do = "find out why, then: connledger keys unseal (deploy/runbooks/sealed.md)";
        findings.push(Finding::problem(SEALED, "the ledger is sealed", to_do));
    }
    if status.master_keys.left_behind > 0 && status.master_keys.rewrap.is_none() {
        let about =
            format!("{} data keys are under a former master key", status.master_keys.left_behind);
        findings.push(Finding::warning(KEYS, about, "connledger keys rewrap"));
    }
    if let Some(clock) = &status.clock {
        let about = format!("its clock is {} s behind the latest event", clock.behind_seconds);
        findings.push(Finding::problem(CLOCK, about, "synchronize the clock of its machine"));
    }
    if let Some(refusal) = &status.log.refusal {
        let about = format!("no checkpoint of its log is signed: {refusal}");
        let to_do = "see deploy/runbooks/log-contradicted.md";
        findings.push(Finding::problem(LOG, about, to_do));
    }
    let behind = status.position.saturating_sub(status.published);
    if let Some(nats) = &status.nats {
        if behind > BEHIND_MAX && nats.owner {
            let about = format!("{behind} events are not in the stream");
            findings.push(Finding::warning(RELAY, about, "see deploy/runbooks/relay-behind.md"));
        }
        if !nats.drift.is_empty() {
            let to_do =
                "set the stream to what the server was given, or start it with these values";
            findings.push(Finding::warning(STREAMS, nats.drift.join("; "), to_do));
        }
    }
    if let Some(failure) = status.backup.as_ref().and_then(|backup| backup.last_failure.as_ref()) {
        let about = format!("its last backup failed: {}", failure.message);
        findings.push(Finding::problem(
            BACKUP,
            about,
            format!("connledger explain {}", failure.code),
        ));
    }
    if let Some(alerts) = status.alerts.filter(|alerts| alerts.down > 0 || alerts.dead_letters > 0)
    {
        let about = format!(
            "{} receivers of alerts take nothing, and {} events are not sent any more",
            alerts.down, alerts.dead_letters
        );
        findings.push(Finding::warning(ALERTS, about, "see deploy/runbooks/alerts-undelivered.md"));
    }
    findings
}

fn writes(status: &StatusView) -> Finding {
    if let Some(full) = &status.disk_full {
        let about = format!("the disk was full; {} bytes must be free", full.needed_bytes);
        return Finding::problem(WRITES, about, "see deploy/runbooks/disk.md");
    }
    if status.poisoned {
        return Finding::problem(
            WRITES,
            "a write has failed",
            "see deploy/runbooks/write-failed.md",
        );
    }
    match status.nats.as_ref().and_then(|nats| nats.refusal.as_ref()) {
        None => Finding::ok(WRITES, "it accepts commands"),
        Some(refusal) => {
            let about = format!("it refuses commands: {refusal}");
            Finding::problem(WRITES, about, "connledger explain not_owner")
        }
    }
}
