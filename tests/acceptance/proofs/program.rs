//! The commands, as people use them.

use std::fs;

use serde_json::{Value, json};

use super::{OFTEN, beside, grow, run, run_to_no};
use crate::output::said;
use crate::service::Service;

const MANAGED: [&str; 2] = ["--nats", "managed"];

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_written_and_checked_without_a_server() {
    let mut service = Service::start(&MANAGED).await;
    grow(&service, 300).await;
    let (key_file, key) = beside(&service, "log.key");
    fs::write(&key_file, run(&service, &["log", "key"]).await).expect("written");
    let (file, proof) = beside(&service, "event.proof");
    let said_so = run(&service, &["prove", "257", "--out", &proof]).await;
    assert!(said_so.contains("257"), "{said_so}");
    let again = service.run(&["prove", "257", "--out", &proof]).await;
    assert_eq!(again.status.code(), Some(2), "never overwritten: {}", said(&again));
    let bundle: Value = serde_json::from_slice(&fs::read(&file).expect("there")).expect("JSON");
    let history = run(&service, &["history", "--json", "--page-size", "1"]).await;
    let newest: Value = serde_json::from_str(history.lines().next().expect("one")).expect("JSON");
    let id = newest["event_id"].as_str().or(newest["id"].as_str()).expect("an id").to_owned();
    let by_id: Value = serde_json::from_str(&run(&service, &["prove", &id]).await).expect("JSON");
    assert_eq!(by_id["position"], newest["position"]);
    assert!(service.stop().await.success());

    let (record_file, record) = beside(&service, "record.json");
    let (_, export) = beside(&service, "ledger.jsonl");
    let master = service.data_dir().join("dev-master.key").to_str().expect("text").to_owned();
    run(&service, &["export", "--out", &export, "--master-key-file", &master]).await;
    let exported = fs::read_to_string(&export).expect("there");
    let line = exported.lines().find(|line| line.contains("\"position\":257,")).expect("there");
    let stored = line.strip_prefix("{\"event\":").expect("an event");
    let stored = stored.split_once(",\"mac\":").expect("sealed").0;
    fs::write(&record_file, stored).expect("written");
    let check = ["verify", "bundle", &proof, "--log-key", &key];
    let told = run(&service, &check).await;
    assert!(told.contains("proved: event 257 is in the log connledger/"), "{told}");
    assert!(told.contains("not proved: what the event says"), "{told}");
    assert!(told.contains("not proved: that everybody was shown the same log"), "{told}");
    let told = run(&service, &[&check[..], &["--record", &record]].concat()).await;
    assert!(told.contains("the given record is that of the event, byte for byte"), "{told}");
    fs::write(&record_file, stored.replace("admin", "nobody")).expect("written");
    let told = run_to_no(&service, &[&check[..], &["--record", &record, "--json"]].concat()).await;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["verified"], false);

    let forged = bundle["entry"].as_str().expect("text").replace("257", "258");
    for (name, wrong) in [
        ("entry", json!(forged)),
        ("position", json!(258)),
        ("proof", json!(bundle["proof"].as_str().expect("text").replace("index 256", "index 255"))),
    ] {
        let mut altered = bundle.clone();
        altered[name] = wrong;
        fs::write(&file, altered.to_string()).expect("written");
        let told = run_to_no(&service, &check).await;
        assert!(told.starts_with("wrong: "), "{name}: {told}");
    }
    fs::write(&file, "{}").expect("written");
    let output = service.run(&check).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let without = service.run(&["verify", "bundle", &proof]).await;
    assert!(said(&without).contains("--log-key is required"), "{}", said(&without));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_a_directory_an_export_and_a_backup_are_checked_against_a_checkpoint() {
    let mut service = Service::start(&[&MANAGED[..], &OFTEN[2..]].concat()).await;
    grow(&service, 280).await;
    let (key_file, key) = beside(&service, "log.key");
    fs::write(&key_file, run(&service, &["log", "key"]).await).expect("written");
    let (_, monday) = beside(&service, "monday.checkpoint");
    run(&service, &["log", "checkpoint", "--out", &monday]).await;
    grow(&service, 300).await;
    let (_, tuesday) = beside(&service, "tuesday.checkpoint");
    run(&service, &["log", "checkpoint", "--out", &tuesday]).await;
    let server = service.http_url();
    let check = ["verify", "server", &server, "--log-key", &key];
    let told = run(&service, &[&check[..], &["--since", &monday]].concat()).await;
    assert!(told.contains("its first 280 events are those of the earlier checkpoint"), "{told}");
    let (_, next) = beside(&service, "next.checkpoint");
    run(&service, &[&check[..], &["--since", &tuesday, "--out", &next]].concat()).await;
    assert!(fs::read_to_string(&next).expect("written").starts_with("connledger/"));

    let (target, backups) = beside(&service, "backups");
    fs::create_dir(target).expect("made");
    let (_, export) = beside(&service, "ledger.jsonl.zst");
    let master = service.data_dir().join("dev-master.key").to_str().expect("text").to_owned();
    let master = ["--master-key-file", master.as_str()];
    assert!(service.stop().await.success());
    let earlier = service.copy(&MANAGED);
    run(&service, &[&["backup", "--to", &backups], &master[..]].concat()).await;
    run(&service, &[&["export", "--out", &export], &master[..]].concat()).await;
    let checks: [&[&str]; 3] = [
        &["verify", "data-dir", "--since", &tuesday, master[0], master[1]],
        &["verify", "export", &export, "--since", &tuesday, "--log-key", &key],
        &["verify", "backup", "--from", &backups, "--since", &tuesday, "--log-key", &key],
    ];
    for check in checks {
        let told = run(&service, check).await;
        assert!(told.contains("its first 300 events are those of the checkpoint"), "{told}");
    }

    // The server goes on, and then an earlier copy of it is served.
    service.start_again().await;
    grow(&service, 310).await;
    let (_, wednesday) = beside(&service, "wednesday.checkpoint");
    run(&service, &["log", "checkpoint", "--out", &wednesday]).await;
    assert!(service.stop().await.success());
    let mut earlier = earlier;
    earlier.start_again().await;
    let address = earlier.http_url();
    let told = run_to_no(
        &earlier,
        &["verify", "server", &address, "--log-key", &key, "--since", &wednesday],
    )
    .await;
    assert!(told.contains("its end was cut off, or an earlier copy was put back"), "{told}");
    grow(&earlier, 320).await;
    // What asks for a proof has one signed now.
    run(&earlier, &["log", "checkpoint"]).await;
    let told = run_to_no(
        &earlier,
        &["verify", "server", &address, "--log-key", &key, "--since", &wednesday],
    )
    .await;
    assert!(told.contains("does not begin with the 310 events"), "{told}");
    let told = run_to_no(
        &service,
        &["verify", "export", &export, "--since", &wednesday, "--log-key", &key],
    )
    .await;
    assert!(told.contains("the last 10 are missing"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_is_checked_against_a_checkpoint_of_the_former() {
    let mut service = Service::start(&MANAGED).await;
    grow(&service, 20).await;
    let (key_file, key) = beside(&service, "log.key");
    fs::write(&key_file, run(&service, &["log", "key"]).await).expect("written");
    let (_, monday) = beside(&service, "monday.checkpoint");
    run(&service, &["log", "checkpoint", "--out", &monday]).await;
    assert!(service.stop().await.success());
    let (_, export) = beside(&service, "ledger.jsonl");
    let master = service.data_dir().join("dev-master.key").to_str().expect("text").to_owned();
    run(&service, &["export", "--out", &export, "--master-key-file", &master]).await;
    service.start_again().await;
    grow(&service, 25).await;
    let (_, tuesday) = beside(&service, "tuesday.checkpoint");
    run(&service, &["log", "checkpoint", "--out", &tuesday]).await;
    assert!(service.stop().await.success());
    let mut restored = service.elsewhere();
    run(&restored, &["import", &export, "--master-key-file", &master]).await;
    restored.start_again().await;
    grow(&restored, 30).await;
    let server = restored.http_url();
    let told =
        run(&restored, &["verify", "server", &server, "--log-key", &key, "--since", &monday]).await;
    assert!(told.contains("was restored, and says that it has the first 20 events"), "{told}");
    assert!(told.contains("its first 20 events are those of the earlier checkpoint"), "{told}");
    assert!(told.contains("not proved: that the restored log's key"), "{told}");
    let told = run_to_no(
        &restored,
        &["verify", "server", &server, "--log-key", &key, "--since", &tuesday],
    )
    .await;
    assert!(told.contains("has only the first 20 of the 25 events"), "{told}");
}
