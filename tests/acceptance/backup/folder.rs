//! A ledger that is served, backed up to a folder, and restored elsewhere.

use std::fs;

use serde_json::{Value, json};

use super::{MANAGED, Stopped, load, seen, serve_restored, told, up_to};
use crate::http::door;
use crate::output::{said, text};
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ledger_is_backed_up_and_restored_elsewhere() {
    let backups = tempfile::tempdir().expect("a folder");
    let target = text(backups.path());
    let mut service = Service::start(&[&MANAGED[..], &["--backup-to", target]].concat()).await;
    load(&service, 0..40).await;
    let first = told(&service.run(&["backup", "--json"]).await);
    load(&service, 40..50).await;
    let second = told(&service.run(&["backup", "--json"]).await);
    assert!(second["events_written"].as_u64() < first["events_written"].as_u64(), "{second}");
    let remembered = seen(&service).await;
    load(&service, 50..55).await;

    let status = told(&service.run(&["status", "--json"]).await);
    let good = &status["backup"]["last_good"];
    assert_eq!((&good["backup"], &good["position"]), (&second["backup"], &second["position"]));
    let shown = service.run(&["status"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("last backup") && shown.contains(target), "{shown}");
    let ready = door::client().get(format!("{}/readyz", service.http_url())).send().await;
    let ready: Value =
        serde_json::from_slice(&ready.expect("an answer").bytes().await.expect("a body"))
            .expect("JSON");
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["backup"]["position"], second["position"]);
    assert!(ready["backup"]["age_seconds"].is_u64(), "{ready}");
    assert!(service.stop().await.success());

    let mut restored = Service::nowhere(&MANAGED);
    let (key, into) = (service.data_dir().join("dev-master.key"), restored.data_dir());
    let made = restored
        .command(&["backup", "restore", "--from", target, "--master-key-file", text(&key)])
        .output()
        .await
        .expect("connledger runs");
    assert!(made.status.success(), "{}", said(&made));
    for word in ["receipts", "connledger serve --data-dir", text(&into)] {
        assert!(said(&made).contains(word), "{word}: {}", said(&made));
    }
    serve_restored(&service, &mut restored).await;
    assert_eq!(seen(&restored).await, remembered);
    let now = told(&restored.run(&["status", "--json"]).await);
    assert_eq!(now["ledger_id"], status["ledger_id"]);
    assert_ne!(now["incarnation"], status["incarnation"]);
    let verified = restored.run(&["replay", "--verify"]).await;
    assert!(verified.status.success(), "{}", said(&verified));
    let revealed = restored.run(&["reveal", "c-49", "--json", "--reason", "test"]).await;
    assert!(String::from_utf8_lossy(&revealed.stdout).contains("sk-49-0123456789"));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_listed_verified_and_removed() {
    let ledger = Stopped::with(20).await;
    let reports = [ledger.back_up().await, ledger.back_up().await, ledger.back_up().await];
    let from = ["--from", text(&ledger.backups)];
    let listed = super::run(&[&["backup", "list", "--json"], &from[..]].concat(), &[]).await;
    let lines = String::from_utf8(listed.stdout).expect("text");
    let listed: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ids: Vec<_> = listed.iter().map(|one| one["backup"].clone()).collect();
    assert_eq!(ids, reports.clone().map(|report| report["backup"].clone()));
    assert!(listed.iter().all(|one| one["damage"].is_null() && one["segments"] == json!(1)));

    let key = ledger.key();
    let verify = ["backup", "verify", "--master-key-file", text(&key), "--json"];
    let verified = told(&super::run(&[&verify[..], &from].concat(), &[]).await);
    assert_eq!(verified["authentic"], true, "{verified}");
    assert_eq!(verified["backup"], reports[2]["backup"]);

    let prune = ["backup", "prune", "--keep-last", "1", "--json", "--master-key-file", text(&key)];
    let look = told(&super::run(&[&prune[..], &from, &["--dry-run"]].concat(), &[]).await);
    assert_eq!((&look["kept"], look["removed"].as_array().map(Vec::len)), (&json!(1), Some(2)));
    let count = || fs::read_dir(ledger.backups.join("manifests")).expect("a folder").count();
    assert_eq!(count(), 3);
    told(&super::run(&[&prune[..], &from].concat(), &[]).await);
    assert_eq!(count(), 1);
    let restored = Service::nowhere(&[]);
    told(&ledger.restore_here(&restored.data_dir(), &["--json"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_a_position_or_a_time_is_what_was_remembered_then() {
    let mut service = Service::start(&MANAGED).await;
    load(&service, 0..20).await;
    let then = seen(&service).await;
    let newest: Value =
        serde_json::from_str(then[1].lines().next().expect("an event")).expect("JSON");
    let (position, time) = (newest["position"].as_u64().expect("a number"), &newest["recorded_at"]);
    let time = time.as_str().expect("a time");
    let rotate = ["rotate-secret", "c-3", "--secret", "api_key=sk-another-0123"];
    assert!(service.run(&rotate).await.status.success());
    assert!(service.run(&["archive", "c-4"]).await.status.success());
    load(&service, 20..30).await;
    assert!(service.stop().await.success());
    let backups = service.folder().join("backups");
    fs::create_dir(&backups).expect("a folder");
    let ledger = Stopped { service, backups };
    ledger.back_up().await;
    let asked = [
        ["--to-position".to_owned(), position.to_string()],
        ["--to-time".to_owned(), time.to_owned()],
    ];
    for [flag, value] in asked {
        let mut restored = Service::nowhere(&MANAGED);
        let made = ledger.restore_here(&restored.data_dir(), &[&flag, &value, "--json"]).await;
        assert_eq!(told(&made)["position"], json!(position), "{flag}");
        serve_restored(&ledger.service, &mut restored).await;
        let now = seen(&restored).await;
        assert_eq!(now[0], then[0], "{flag}");
        assert_eq!(up_to(&now[1], position), then[1], "{flag}");
    }
}
