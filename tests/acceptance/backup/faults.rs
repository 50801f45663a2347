//! Bad input, and what can be wrong with a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{Stopped, expect_code, told};
use crate::faults::SMALL_DISK;
use crate::http::door;
use crate::output::{said, text};
use crate::service::Service;
use crate::settings;

/// Backs a ledger up to a small disk of its own.
async fn to_small_disk(ledger: &Stopped, mount: &str) -> Output {
    let script = format!("{mount} || exit 9; exec \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(settings::connledger())
        .args(["backup", "--to", text(&ledger.backups), "--data-dir"])
        .arg(ledger.service.data_dir())
        .env("DISK", &ledger.backups);
    command.output().await.expect("unshare runs")
}

fn expect_nothing_in(folder: &Path) {
    let left = fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.file_name()));
    let left: Vec<_> = left.map(Iterator::collect).unwrap_or_default();
    assert!(left.iter().all(|name| name == "ledger.lock"), "{left:?}");
}

/// Returns the one file of a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).expect("a folder");
    entries.next().expect("a file").expect("readable").path()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_missing_full_or_read_only_is_named() {
    let ledger = Stopped::with(30).await;
    let away = ledger.service.folder().join("unmounted");
    let refused = ledger.try_back_up(text(&away), &[]).await;
    expect_code(&refused, "backup_target_unavailable");
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(!away.exists());

    let full = to_small_disk(&ledger, "mount -t tmpfs -o size=4k none \"$DISK\"").await;
    expect_code(&full, "backup_target_full");
    let read_only = "mount -t tmpfs none \"$DISK\" && mount -o remount,ro \"$DISK\"";
    expect_code(&to_small_disk(&ledger, read_only).await, "backup_target_read_only");
    for target in ["ftp://host/x", "s3://key:canary@bucket/x", "s3://"] {
        let refused = ledger.try_back_up(target, &[]).await;
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(!said(&refused).contains("canary"), "{}", said(&refused));
    }
    // A good one afterwards is as if nothing had been.
    ledger.back_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_cannot_be_is_refused_before_anything_is_written() {
    let ledger = Stopped::with(10).await;
    let into = Service::nowhere(&[]).data_dir();
    let restore = async |more: &[&str]| ledger.restore_here(&into, more).await;
    expect_code(&restore(&[]).await, "backup_unknown");
    ledger.back_up().await;
    let unknown = ["--backup", "01994e3a-7c1e-7000-8000-5a1f0c2d3e4f"];
    expect_code(&restore(&unknown).await, "backup_unknown");
    expect_code(&restore(&["--to-position", "100000"]).await, "restore_target_unknown");
    let other = Service::start(&["--nats", "off"]).await;
    let key = other.data_dir().join("dev-master.key");
    let args = ["backup", "restore", "--from", text(&ledger.backups), "--data-dir", text(&into)];
    let wrong = super::run(&[&args[..], &["--master-key-file", text(&key)]].concat(), &[]).await;
    expect_code(&wrong, "master_key_wrong");
    expect_nothing_in(&into);
    fs::create_dir_all(&into).expect("a folder");
    fs::write(into.join("notes.txt"), "mine").expect("writable");
    expect_code(&restore(&[]).await, "data_dir_not_empty");
    assert_eq!(fs::read_to_string(into.join("notes.txt")).expect("it is left alone"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_not_as_it_was_written_is_named_and_not_restored() {
    let ledger = Stopped::with(30).await;
    ledger.back_up().await;
    let segment = only_file(&ledger.backups.join("segments"));
    let manifest = only_file(&ledger.backups.join("manifests"));
    let whole = |path: &Path| fs::read(path).expect("readable");
    let (events, text_of_manifest) = (whole(&segment), whole(&manifest));
    let into = Service::nowhere(&[]).data_dir();
    let mut flipped = events.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&segment, &flipped).expect("writable");
    let refused = ledger.restore_here(&into, &[]).await;
    expect_code(&refused, "backup_damaged");
    let name = segment.file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(said(&refused).contains(name), "{}", said(&refused));
    expect_nothing_in(&into);

    fs::remove_file(&segment).expect("there");
    let refused = ledger.restore_here(&into, &[]).await;
    expect_code(&refused, "backup_damaged");
    assert!(said(&refused).contains("missing"), "{}", said(&refused));
    let key = ledger.key();
    let verify =
        ["backup", "verify", "--from", text(&ledger.backups), "--master-key-file", text(&key)];
    expect_code(&super::run(&verify, &[]).await, "backup_damaged");
    fs::write(&segment, &events).expect("writable");

    let edited = String::from_utf8(text_of_manifest).expect("text");
    let write = |text: String| fs::write(&manifest, text).expect("writable");
    write(edited.replace("\"epoch\":", "\"epoch\":1"));
    let refused = ledger.restore_here(&into, &[]).await;
    expect_code(&refused, "backup_damaged");
    write(edited.replace("\"form\":", "\"form\":9"));
    expect_code(&ledger.restore_here(&into, &[]).await, "backup_newer");
    expect_nothing_in(&into);
    write(edited);
    told(&ledger.restore_here(&into, &["--json"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_whose_disk_is_full_is_backed_up_to_its_last_durable_event() {
    let backups = tempfile::tempdir().expect("a folder");
    let under = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"];
    let args = ["--nats", "off", "--backup-to", text(backups.path())];
    let service = Service::start_under(&under, &args).await;
    let http = door::client();
    let post = async |path: &str, body: Value| {
        let asked = http.post(format!("{}{path}", service.http_url())).bearer_auth(service.key());
        let asked = asked.header("Content-Type", "application/json").body(body.to_string());
        let answer = asked.send().await.expect("an answer").bytes().await.expect("a body");
        serde_json::from_slice::<Value>(&answer).expect("JSON")
    };
    let mut last = 0;
    for number in 0.. {
        assert!(number < 50_000, "the disk never filled up");
        let body = json!({
            "slug": format!("c-{number}"), "provider": "x", "description": "d".repeat(4_000),
        });
        let answer = post("/api/v1/workspaces/default/connections", body).await;
        if answer["code"] == "disk_full" {
            break;
        }
        last = answer["position"].as_u64().unwrap_or(last);
    }
    let report = post("/api/v1/backup", json!({})).await;
    assert!(report["position"].as_u64() >= Some(last) && last > 0, "{report}");
    let restored = Service::nowhere(&[]);
    let key = service.data_dir().join("dev-master.key");
    let (from, into) = (text(backups.path()), restored.data_dir());
    let args = ["backup", "restore", "--from", from, "--data-dir", text(&into), "--json"];
    let made = super::run(&[&args[..], &["--master-key-file", text(&key)]].concat(), &[]).await;
    assert_eq!(told(&made)["position"], report["position"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_writes_to_its_own_target_or_to_none() {
    let service = Service::start(&["--nats", "managed"]).await;
    let refused = service.run(&["backup"]).await;
    expect_code(&refused, "backup_off");
    let refused = service.run(&["backup", "--to", "/tmp"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}
