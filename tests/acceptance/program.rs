//! The program as people type it: a ledger made for keeps, a file loaded, a gateway's view.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::output::said;
use crate::service::Service;
use crate::settings;

const MANAGED: [&str; 2] = ["--nats", "managed"];

#[tokio::test]
async fn a_ledger_is_made_once_and_its_admin_key_can_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, key) = (folder.path().join("data"), folder.path().join("master.key"));
    let init = async |more: &[&str]| {
        let mut command = Command::new(settings::connledger());
        command.arg("init").arg("--data-dir").arg(&data).arg("--master-key-file").arg(&key);
        command.args(more).output().await.expect("connledger runs")
    };
    let first = init(&[]).await;
    assert!(first.status.success(), "{}", said(&first));
    let admin_key = String::from_utf8(first.stdout).expect("text");
    assert!(admin_key.starts_with("sk_live_") && admin_key.lines().count() == 1);
    let again = init(&[]).await;
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("--reissue-admin-key"), "{}", said(&again));
    let replaced = init(&["--reissue-admin-key"]).await;
    assert!(replaced.status.success(), "{}", said(&replaced));
    assert_ne!(String::from_utf8(replaced.stdout).expect("text"), admin_key);
    fs::remove_file(&key).expect("there");
    let other_key = init(&["--reissue-admin-key"]).await;
    assert!(!other_key.status.success());
    assert!(said(&other_key).contains("master_key_wrong"), "{}", said(&other_key));
}

/// Reads what a running `watch --json` tells next.
async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = tokio::time::timeout(std::time::Duration::from_secs(20), lines.next_line()).await;
    let line = line.expect("it tells something").expect("readable").expect("it goes on");
    serde_json::from_str(&line).expect("JSON")
}

fn watch(service: &Service, more: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = service.command(&[&["watch", "--json"], more].concat());
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.expect("connledger starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    (child, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_what_is_there_then_each_change_also_over_a_restart() {
    let mut service = Service::start(&MANAGED).await;
    let create = ["create", "--slug", "main", "--provider", "openai", "--secret", "k=sk-first-1"];
    assert!(service.run(&create).await.status.success());
    let (mut child, mut lines) = watch(&service, &[]);
    let initial = next(&mut lines).await;
    assert_eq!(initial["item"], "initial");
    assert_eq!(initial["notification"]["connection"]["slug"], "main");
    assert_eq!(next(&mut lines).await["item"], "caught_up");
    assert!(
        service.run(&["rotate-secret", "main", "--secret", "k=sk-second-2"]).await.status.success()
    );
    let change = next(&mut lines).await;
    assert_eq!(change["item"], "change");
    assert_eq!(change["notification"]["event"]["type"], "secret_rotated");
    assert_eq!(change["notification"]["connection"]["secrets"]["k"]["generation"], 2);

    assert!(service.stop().await.success());
    assert_eq!(next(&mut lines).await["item"], "interrupted");
    service.start_again().await;
    assert_eq!(next(&mut lines).await["item"], "resumed");
    assert!(service.run(&["disable", "main"]).await.status.success());
    let change = next(&mut lines).await;
    assert_eq!(change["notification"]["event"]["type"], "connection_disabled");
    let position = change["notification"]["position"].as_u64().expect("a number");
    child.kill().await.expect("it runs");

    assert!(service.run(&["enable", "main"]).await.status.success());
    let (_child, mut lines) = watch(&service, &["--after", &position.to_string()]);
    let missed = next(&mut lines).await;
    assert_eq!(missed["notification"]["event"]["type"], "connection_enabled", "{missed}");
    assert_eq!(missed["notification"]["position"], position + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_environment_variable_is_an_unset_one() {
    let service = Service::start(&MANAGED).await;
    let mut command = service.command(&["list", "--json"]);
    for name in ["WORKSPACE", "KEY", "KEY_FILE", "NATS_URL", "NATS_CREDS", "PREFIX", "XKEY"] {
        command.env(format!("CONNLEDGER_{name}"), "");
    }
    let listed = command.output().await.expect("connledger runs");
    assert!(listed.status.success(), "{}", said(&listed));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_stay_as_typed_and_no_error_repeats_one() {
    let service = Service::start(&MANAGED).await;
    let create = |more: &[&str]| {
        let args = ["create", "--slug", "main", "--provider", "postgres", "--json"];
        service.command(&[&args, more].concat())
    };
    for wrong in [["--secret", "canary-secret"], ["--secret", "password=@canary-secret"]] {
        let refused = create(&wrong).output().await.expect("connledger runs");
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(!said(&refused).contains("canary"), "{}", said(&refused));
    }
    let settings = ["api_version=1.10", "commit=81111e1", "retries:=3", "port=5432"];
    let mut create = create(&["--secret", "password=@@home"]);
    for setting in settings {
        create.args(["--config", setting]);
    }
    let created = create.output().await.expect("connledger runs");
    assert!(created.status.success(), "{}", said(&created));
    let shown = service.run(&["get", "main", "--json"]).await;
    let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let expected = json!({
        "api_version": "1.10", "commit": "81111e1", "retries": 3, "port": 5432
    });
    assert_eq!(shown["config"], expected, "the catalogue knows that a port is a number");
    let revealed = service.run(&["reveal", "main", "--json", "--reason", "test"]).await;
    assert!(String::from_utf8_lossy(&revealed.stdout).contains("\"@home\""), "{revealed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_every_page_unless_it_chooses_one() {
    let service = Service::start(&MANAGED).await;
    let file = service.folder().join("fleet.jsonl");
    let lines = (0..60).map(|number| json!({"slug": format!("c-{number}"), "provider": "openai"}));
    let lines = lines.map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
    fs::write(&file, lines).expect("writable");
    assert!(service.run(&["load", file.to_str().expect("text")]).await.status.success());
    let shown = async |args: &[&str]| {
        let listed = service.run(args).await;
        let rows = String::from_utf8_lossy(&listed.stdout).lines().count();
        let said = said(&listed);
        let total = said.split(" of ").nth(1).and_then(|rest| rest.split(' ').next());
        (rows, total.and_then(|total| total.parse::<usize>().ok()).expect("a total"))
    };
    for noun in ["list", "history"] {
        let (rows, total) = shown(&[noun, "--json"]).await;
        assert!(rows >= 60 && rows == total, "{noun}: {rows} of {total}");
        let (rows, total) = shown(&[noun, "--json", "--page-size", "20"]).await;
        assert!(rows == 20 && total >= 60, "{noun}: {rows} of {total}");
    }
    assert_eq!(shown(&["list", "--json", "--page", "1"]).await, (50, 60));
}
