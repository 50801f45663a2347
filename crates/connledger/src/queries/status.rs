//! `status`.

use ledger_contract::backups::{BackupStatus, FailedBackup, GoodBackup};
use ledger_contract::master_keys::MasterKeyStatus;
use ledger_contract::queries::{
    ALL_WORKSPACES, AlertsStatus, ClockStatus, DiskFullStatus, EventWindow, LogStatus,
    RebuildStatus, RestoredFrom, ScheduledTestsStatus, StatusView,
};

use super::read_answer;
use crate::body::Body;
use crate::failure::Failure;
use crate::keys::rewrap_text;
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<(), Failure> {
    let answer = session.client.query(ALL_WORKSPACES, "status", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let status: StatusView = read_answer(&answer)?;
    let behind = status.position.saturating_sub(status.published);
    let accepts_writes = accepts_writes(&status);
    let mut facts = vec![
        ("ledger", status.ledger_id),
        ("incarnation", status.incarnation),
        ("epoch", status.epoch.to_string()),
        ("version", status.program_version),
        ("curve key", status.xkey),
        ("master key", master_key_text(&status.master_keys)),
        ("connections", status.connections.to_string()),
        ("position", status.position.to_string()),
        ("published", format!("{} ({behind} behind)", status.published)),
        ("queued", status.queued.to_string()),
        ("accepts writes", accepts_writes),
    ];
    facts.extend(log_facts(status.log));
    facts.extend(status.restored_from.map(|from| ("restored from", restored_text(&from))));
    if let Some(former) = status.former_xkey {
        facts.push(("former key", format!("{} until {}", former.xkey, former.accepted_until)));
    }
    if let Some(RebuildStatus { projections, done, total }) = status.rebuilding {
        facts
            .push(("rebuilding", format!("{} ({done} of {total} events)", projections.join(", "))));
    }
    if let Some(ClockStatus { behind_seconds, latest_event_at }) = status.clock {
        let behind = format!("{behind_seconds} s behind the latest event, of {latest_event_at}");
        facts.push(("clock", behind));
    }
    if let Some(nats) = status.nats {
        facts.push(("name", nats.prefix));
        facts.push(("instance", nats.instance));
        facts.push(("owner", if nats.owner { "yes" } else { "no" }.to_owned()));
        if let Some(holder) = nats.holder {
            facts.push(("lease held by", format!("{}, epoch {}", holder.instance, holder.epoch)));
        }
        facts.extend(nats.window.as_ref().map(|window| ("event stream", window_text(window))));
        facts.extend(nats.drift.into_iter().map(|drift| ("differs", drift)));
        let (rate_limited, locked_out) = (nats.requests_rate_limited, nats.requests_locked_out);
        let limited = format!("{rate_limited} rate limited, {locked_out} locked out");
        facts.push(("nats requests", limited));
    }
    if let Some(http) = &status.http {
        facts.push(("http open", http.connections_open.to_string()));
        facts.push(("http refused", http.connections_refused.to_string()));
        let (rate_limited, locked_out) = (http.requests_rate_limited, http.requests_locked_out);
        let limited = format!("{rate_limited} rate limited, {locked_out} locked out");
        facts.push(("http requests", limited));
    }
    if let Some(backup) = &status.backup {
        facts.extend(backup_facts(backup));
    }
    facts.extend(status.scheduled_tests.as_ref().map(|tests| ("tests", tests_text(tests))));
    if let Some(alerts) = &status.alerts {
        facts.push(("alerts", alerts_text(alerts)));
    }
    let refused: u64 = status.refused.values().sum();
    facts.push(("refused", refused.to_string()));
    session.out.facts(&facts)?;
    status
        .refused
        .iter()
        .try_for_each(|(code, count)| session.out.line(format!("  {code}  {count}")))
}

fn restored_text(from: &RestoredFrom) -> String {
    let RestoredFrom { incarnation, position } = from;
    format!("{incarnation}, up to position {position}")
}

/// Returns what is signed of the log.
fn log_facts(status: LogStatus) -> Vec<(&'static str, String)> {
    let LogStatus { key, checkpoint_position, checkpoint_root, witnesses, refusal } = status;
    let mut facts = vec![("log key", key)];
    if let (Some(position), Some(root)) = (checkpoint_position, checkpoint_root) {
        let by = if witnesses.is_empty() {
            String::new()
        } else {
            format!(", also by {}", witnesses.join(", "))
        };
        facts.push(("checkpoint", format!("{position} events, root {root}{by}")));
    }
    facts.extend(refusal.map(|why| ("signs nothing", why)));
    facts
}

fn alerts_text(status: &AlertsStatus) -> String {
    let AlertsStatus { alerts, disabled, down, behind, waiting, dead_letters, .. } = status;
    format!(
        "{alerts} ({disabled} disabled, {down} with a receiver that is down), {behind} behind, \
         {waiting} waiting, {dead_letters} dead letters"
    )
}

fn window_text(window: &EventWindow) -> String {
    const MIB: u64 = 1024 * 1024;
    let EventWindow { first_position, last_position, bytes, bucket_position } = window;
    let bucket = match bucket_position {
        Some(position) => format!("bucket at {position}"),
        None => "no bucket".to_owned(),
    };
    let events = if first_position > last_position {
        format!("empty after event {last_position}")
    } else {
        format!("events {first_position} to {last_position}")
    };
    format!("{events}, {} MiB, {bucket}", bytes.div_ceil(MIB))
}

fn tests_text(tests: &ScheduledTestsStatus) -> String {
    let ScheduledTestsStatus { connections, running, made, not_made, skipped } = tests;
    let made: Vec<String> =
        made.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let made = if made.is_empty() { "none".to_owned() } else { made.join(", ") };
    format!(
        "of {connections} connections; made {made}; {not_made} not made, {skipped} left out; \
         {running} running"
    )
}

/// Returns what is known of backups.
fn backup_facts(status: &BackupStatus) -> Vec<(&'static str, String)> {
    let mut facts = vec![("backups", status.target.clone())];
    facts.push(match &status.last_good {
        Some(GoodBackup { position, age_seconds, backup, .. }) => {
            ("last backup", format!("{age_seconds} s ago, to position {position}: {backup}"))
        }
        None => ("last backup", "none".to_owned()),
    });
    if let Some(FailedBackup { code, message, at, times }) = &status.last_failure {
        facts.push(("backup failed", format!("{times} times, last at {at}: {message} [{code}]")));
    }
    if let Some(running) = status.running {
        let told = format!("{} of {} events", running.done, running.total);
        facts.push(("backup running", told));
    }
    if let Some(next_at) = &status.next_at {
        facts.push(("next backup", next_at.clone()));
    }
    facts
}

fn master_key_text(status: &MasterKeyStatus) -> String {
    let MasterKeyStatus { active, left_behind, sealed, rewrap } = status;
    match rewrap {
        _ if *sealed => format!("{active} (sealed: no secret is revealed or stored)"),
        Some(running) => format!("{active} ({})", rewrap_text(running)),
        None if *left_behind > 0 => format!("{active} ({left_behind} data keys under others)"),
        None => active.clone(),
    }
}

fn accepts_writes(status: &StatusView) -> String {
    const MIB: u64 = 1024 * 1024;
    if let Some(DiskFullStatus { free_bytes, needed_bytes }) = status.disk_full {
        let free = free_bytes.map_or_else(|| "?".to_owned(), |bytes| (bytes / MIB).to_string());
        return format!("no (disk_full: {free} of {} MiB needed are free)", needed_bytes / MIB);
    }
    match status.nats.as_ref().and_then(|nats| nats.refusal.as_deref()) {
        _ if status.poisoned => "no (log_poisoned)".to_owned(),
        Some(refusal) => format!("no (not_owner: {refusal})"),
        None => "yes".to_owned(),
    }
}
