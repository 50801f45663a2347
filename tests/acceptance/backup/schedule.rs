//! Backups by the schedule of a server.

use std::fs;

use serde_json::Value;

use super::{MANAGED, load, told};
use crate::http::door;
use crate::output::text;
use crate::service::Service;
use crate::wait::eventually;

async fn status(service: &Service) -> Value {
    told(&service.run(&["status", "--json"]).await)["backup"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_makes_backups_keeps_a_few_and_goes_on_after_a_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let backups = folder.path().join("backups");
    let args = [
        "--backup-to",
        text(&backups),
        "--backup-every",
        "1s",
        "--backup-keep-last",
        "2",
        "--log",
        "info",
    ];
    // The folder is not there yet, as a disk that is not mounted.
    let mut service = Service::start(&[&MANAGED[..], &args].concat()).await;
    let failed = eventually("a failure is told", async || {
        let status = status(&service).await;
        status["last_failure"]["code"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(failed, "backup_target_unavailable");
    let ready = door::client().get(format!("{}/readyz", service.http_url())).send().await;
    let ready = ready.expect("an answer");
    assert_eq!(ready.status(), 200, "commands are accepted all the same");
    let ready: Value = serde_json::from_slice(&ready.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(ready["backup"]["failed"], "backup_target_unavailable");
    assert!(service.log().contains("backup_target_unavailable"), "{}", service.log());

    fs::create_dir(&backups).expect("a folder");
    let good = async || {
        let status = status(&service).await;
        let is_good = status["last_failure"].is_null();
        status["last_good"]["backup"].as_str().filter(|_| is_good).map(str::to_owned)
    };
    let first = eventually("a backup is made after all", good).await;
    load(&service, 0..3).await;
    for _ in 0..3 {
        let latest = good().await;
        eventually("the next one is made", async || {
            good().await.filter(|id| Some(id) != latest.as_ref())
        })
        .await;
    }
    eventually("old ones are removed", async || {
        let all = fs::read_dir(backups.join("manifests")).expect("a folder");
        let names: Vec<_> = all.flatten().map(|entry| entry.file_name()).collect();
        let is_there = names.iter().any(|name| name.to_string_lossy().starts_with(&first));
        (names.len() <= 3 && !is_there).then_some(())
    })
    .await;

    // What an earlier run made is known after a start, before the next one is made.
    assert!(service.stop().await.success());
    let args = ["--backup-to", text(&backups), "--backup-every", "1h"];
    let again = service.copy(&[&MANAGED[..], &args].concat());
    let mut again = again;
    again.start_again().await;
    eventually("the latest one is known", async || {
        status(&again).await["last_good"]["position"].as_u64()
    })
    .await;
    assert!(again.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stops_in_the_middle_of_a_backup_which_is_none_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = text(folder.path());
    // Slow enough to be asked about, and to be stopped, before it ends.
    let args = ["--backup-to", target, "--backup-rate", "65536"];
    let mut service = Service::start(&[&MANAGED[..], &args].concat()).await;
    load(&service, 0..2_000).await;
    let mut backup = service.command(&["backup"]);
    let waiting = tokio::spawn(backup.kill_on_drop(true).output());
    eventually("it runs", async || {
        status(&service).await["running"]["done"].as_u64().filter(|done| *done > 0)
    })
    .await;
    let second = service.run(&["backup"]).await;
    super::expect_code(&second, "backup_running");
    assert!(service.stop().await.success(), "{}", service.log());
    waiting.abort();
    let manifests = fs::read_dir(folder.path().join("manifests"));
    assert_eq!(manifests.map_or(0, Iterator::count), 0, "what ended early is no backup");
}
