//! `keys seal`, `unseal`, `split` and `combine`, and what a kill does to them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use reqwest::StatusCode;
use tokio::io::AsyncWriteExt as _;

use super::{expect_refused, key_file, run};
use crate::nats_server::NatsServer;
use crate::output::{said, text, told};
use crate::service::Service;

const REVEAL: [&str; 4] = ["reveal", "main", "--reason", "a test"];

async fn serving() -> (NatsServer, Service) {
    let nats = NatsServer::start().await;
    let service = Service::start(&["--nats-url", &nats.url(), "--log", "info"]).await;
    let create = ["create", "--slug", "main", "--provider", "x", "--secret", "k=sk-01234567"];
    run(&service, &create).await;
    (nats, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_right_after_the_seal_was_answered_starts_sealed() {
    let (_nats, mut service) = serving().await;
    run(&service, &["keys", "seal"]).await;
    service.kill().await;
    service.start_again().await;
    expect_refused(&service.run(&REVEAL).await, "sealed");
    let status = run(&service, &["keys", "status"]).await;
    assert!(status.contains("the ledger is sealed"), "{status}");
    assert!(run(&service, &["status"]).await.contains("sealed: no secret"), "it tells");
    assert!(service.log().contains("the ledger is sealed"), "{}", service.log());
    let (ready, body) = ready(&service).await;
    assert_eq!((ready, &body["sealed"]), (StatusCode::OK, &true.into()), "{body}");
    run(&service, &["mark-degraded", "main", "--reason", "slow"]).await;

    // Without its key source it does not start, as ever.
    assert!(service.stop().await.success());
    let keys = fs::read(key_file(&service)).expect("readable");
    let other = ledger_vault::Keyring::generate(&mut rand::rng());
    fs::write(key_file(&service), &*other.to_file_text()).expect("writable");
    service.launch();
    assert!(!service.ended().await.success());
    assert!(service.log().contains("master_key_wrong"), "{}", service.log());
    fs::write(key_file(&service), keys).expect("writable");
    service.start_again().await;
    run(&service, &["keys", "unseal"]).await;
    assert!(run(&service, &REVEAL).await.contains("sk-01234567"));
    let (_, body) = self::ready(&service).await;
    assert!(body.get("sealed").is_none(), "{body}");
    let history = run(&service, &["history", "--ledger", "--json"]).await;
    assert!(history.contains("ledger_sealed") && history.contains("ledger_unsealed"), "{history}");
    run(&service, &["replay", "--verify"]).await;
    assert!(service.stop().await.success());
}

async fn ready(service: &Service) -> (StatusCode, serde_json::Value) {
    let answer = crate::http::door::client().get(format!("{}/readyz", service.http_url()));
    let answer = answer.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_nats_server_starts_with_its_login_while_the_ledger_is_sealed() {
    let mut service = Service::start(&["--nats", "managed", "--log", "info"]).await;
    run(&service, &["keys", "seal"]).await;
    assert!(service.stop().await.success());
    service.start_again().await;
    assert!(run(&service, &["keys", "status"]).await.contains("the ledger is sealed"));
    assert!(!service.log().contains("is damaged") && !service.log().contains("is not kept"));
    run(&service, &["keys", "unseal"]).await;
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_files_of_their_owner_and_unseal_over_both_doors() {
    let (_nats, mut service) = serving().await;
    let folder = service.folder().join("shares");
    let keys = key_file(&service);
    let split = ["keys", "split", "--shares", "5", "--threshold", "3", "--master-key-file"];
    let split = [&split[..], &[text(&keys), "--out-dir", text(&folder)]].concat();
    let said_of_split = run(&service, &split).await;
    assert!(said_of_split.contains("any 3 of them"), "{said_of_split}");
    expect_refused(&service.run(&split).await, "is not empty");
    let share = |number: usize| folder.join(format!("share-{number}.txt"));
    for number in 1..=5 {
        let mode = fs::metadata(share(number)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    run(&service, &["keys", "seal"]).await;
    let give = |number| {
        vec![
            "keys".to_owned(),
            "unseal".to_owned(),
            "--share".to_owned(),
            text(&share(number)).to_owned(),
        ]
    };
    let told_of = async |words: Vec<String>| {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        service.run(&words).await
    };
    assert!(told(&told_of(give(4)).await).contains("1 of 3 shares"));
    expect_refused(&told_of(give(4)).await, "share_repeated");
    let piped = fs::read(share(1)).expect("readable");
    let mut asking = service.command(&["keys", "unseal", "--share", "-"]);
    asking.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut asking = asking.spawn().expect("connledger runs");
    let mut stdin = asking.stdin.take().expect("a pipe");
    stdin.write_all(&piped).await.expect("written");
    drop(stdin);
    let piped = asking.wait_with_output().await.expect("it ends");
    assert!(told(&piped).contains("2 of 3 shares"));
    let status = run(&service, &["keys", "status"]).await;
    assert!(status.contains("it holds 2 of 3 shares"), "{status}");
    let line = fs::read_to_string(share(2)).expect("readable");
    let body = serde_json::json!({"share": line});
    let (status, report) = service.ask(reqwest::Method::POST, "/master-keys/shares", &body).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!((&report["given"], report["receipt"]["version"].as_u64()), (&3.into(), Some(2)));
    assert!(run(&service, &REVEAL).await.contains("sk-01234567"));
    fs::set_permissions(share(3), fs::Permissions::from_mode(0o644)).expect("set");
    let open = told_of(give(3)).await;
    assert!(!open.status.success() && said(&open).contains("chmod 600"), "{}", said(&open));

    // Any start takes them through a command.
    let [a, b, c] = [5, 1, 2].map(share);
    let combined = service.folder().join("combined.key");
    let out = ["keys", "combine", text(&a), text(&b), text(&c), "--out", text(&combined)];
    run(&service, &out).await;
    assert_eq!(fs::metadata(&combined).expect("there").permissions().mode() & 0o777, 0o600);
    let few = service.run(&["keys", "combine", text(&a), text(&b)]).await;
    expect_refused(&few, "2 of 3 shares");
    let log = service.log();
    assert!(log.contains("a share of the master keys was given"), "{log}");
    let secret = line.lines().last().expect("the share").split(':').nth(5).expect("the values");
    assert!(!log.contains(&secret[..24]), "a share is in the log");
    assert!(service.stop().await.success());
    fs::rename(&keys, service.folder().join("put-away.key")).expect("moved");
    let program = crate::settings::connledger();
    let source =
        format!("command:{} keys combine {} {} {}", text(&program), text(&a), text(&b), text(&c));
    service.add_args(&["--master-key", &source]);
    service.start_again().await;
    assert!(run(&service, &REVEAL).await.contains("sk-01234567"));
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_while_the_ledger_is_sealed_and_what_it_restores_is_sealed() {
    let nats = NatsServer::start().await;
    let mut service = Service::nowhere(&["--nats-url", &nats.url(), "--log", "warn"]);
    let (backups, restored) = (service.folder().join("backups"), service.folder().join("restored"));
    fs::create_dir_all(&backups).expect("a folder");
    service.add_args(&["--backup-to", text(&backups)]);
    service.start_again().await;
    let lines: Vec<_> = (0..3_000).map(|number| {
        serde_json::json!({"slug": format!("c-{number}"), "provider": "x", "secrets": {"k": "sk-01234567"}}).to_string()
    }).collect();
    let file = service.folder().join("connections.ndjson");
    fs::write(&file, lines.join("\n")).expect("written");
    run(&service, &["load", text(&file)]).await;
    let (during, sealed) =
        tokio::join!(service.run(&["backup", "--full"]), service.run(&["keys", "seal"]));
    assert!(told(&sealed).contains("seal-ledger"));
    assert!(told(&during).contains("backed up"), "{}", said(&during));
    assert!(run(&service, &["backup"]).await.contains("backed up"));
    let keys = service.folder().join("master.key");
    fs::copy(key_file(&service), &keys).expect("copied");
    assert!(service.stop().await.success());
    let export = service.folder().join("export.zst");
    run(&service, &["export", "--out", text(&export)]).await;

    let program = crate::settings::connledger();
    let restore = ["backup", "restore", "--from", text(&backups), "--data-dir", text(&restored)];
    let mut restore = std::process::Command::new(program)
        .args(restore)
        .arg("--master-key-file")
        .arg(&keys)
        .output();
    let restore = restore.as_mut().expect("connledger runs");
    assert!(restore.status.success(), "{}", said(restore));
    let keyring = ledger_vault::Keyring::read_file(&keys).expect("keys");
    let options = || ledger_engine::EngineOptions::new(restored.clone(), keyring.clone());
    let engine = crate::ledger::open(options).expect("it opens");
    assert!(engine.is_sealed());
    engine.shutdown();
}
