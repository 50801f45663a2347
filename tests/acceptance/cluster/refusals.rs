//! What a node refuses: servers that may lose writes, what it cannot share, messages of others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ledger_domain::Position;
use ledger_store::tables::log;
use ledger_store::{Batch, Durability};
use ledger_vault::Keyring;

use super::nodes::{Nodes, copies};
use super::servers::Servers;
use crate::ledger::store;
use crate::settings;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_sync_each_message_are_refused_unless_that_is_accepted() {
    let servers = Servers::start("max_file: 1GB").await;
    let mut nodes = copies(&servers, 1).await;
    let node = &mut nodes[0];
    node.launch();
    assert!(!node.ended().await.success());
    let log = node.log();
    assert!(log.contains("do not sync always") && log.contains("nats_refused"), "{log}");
    let alone = node.run(&["serve", "--dev", "--nats", "off", "--listen", "off"]).await;
    let said = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(!alone.status.success() && said.contains("not_in_cluster"), "{said}");
    node.add_args(&["--cluster-accept-lost-writes"]);
    node.start_again().await;
}

#[test]
fn the_configuration_that_comes_with_the_program_is_one_that_nodes_accept() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/cluster");
    let config = deploy.join("nats.conf");
    let text = fs::read_to_string(&config).expect("it is there");
    assert!(text.lines().any(|line| line.trim() == "sync_interval: always"));
    let checked = Command::new(settings::nats_server())
        .arg("--config")
        .arg(&config)
        .arg("-t")
        .envs([("NATS_NAME", "n1"), ("NATS_ROUTES", "[nats://127.0.0.1:1, nats://127.0.0.1:2]")])
        .envs([("NATS_LEDGER_PASSWORD", "one"), ("NATS_SYSTEM_PASSWORD", "other")])
        .output();
    let checked = checked.expect("it runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_somebody_else_stops_a_node_by_name() {
    let servers = Servers::start("sync_interval: always").await;
    let nodes = Nodes::start(&servers).await;
    eventually("a command is acknowledged", async || nodes.create_over_http(0, "first").await)
        .await;
    let client = servers.client().await.expect("NATS is there");
    let jetstream = async_nats::jetstream::new(client);
    let forged = br#"{"version":1,"group":{"first":1,"part":1,"parts":1,"records":[]}}"#;
    let stored = jetstream.publish("ledger.log", forged.as_slice().into()).await.expect("sent");
    stored.await.expect("it is stored");
    eventually("every node says so", async || {
        let status = nodes.status().await;
        let stopped = |node: &serde_json::Value| {
            let fault = node["fault"].as_str().unwrap_or_default();
            node["role"] == "stopped" && fault.contains("not as a node of this ledger wrote it")
        };
        (status.values().filter(|node| stopped(node)).count() >= 2).then_some(())
    })
    .await;
}

/// Changes the last record of a node that does not run, as somebody who has its master key.
fn alter(data_dir: &Path) {
    let key = fs::read_to_string(data_dir.join("dev-master.key")).expect("readable");
    let keyring = Keyring::parse(&key).expect("the vault wrote it");
    let store = store(data_dir, &keyring);
    let (position, record) = log::scan(&store, Position::ZERO).last().expect("one").expect("read");
    let text = String::from_utf8(record.into_vec()).expect("text");
    let altered = text.replacen("\"via\":\"http\"", "\"via\":\"nats\"", 1);
    assert_ne!(text, altered, "{text}");
    let mut batch = Batch::new();
    log::put(&mut batch, &store, position, altered.as_bytes());
    store.commit(batch, Durability::Synced).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_log_was_altered_stops_by_name() {
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    eventually("a command is acknowledged", async || nodes.create_over_http(0, "first").await)
        .await;
    nodes.until_equal().await;
    let status = nodes.status().await;
    let digests: BTreeSet<String> =
        status.values().map(|node| node["digest"]["root"].to_string()).collect();
    assert_eq!((status.len(), digests.len()), (3, 1), "{status:?}");
    let writer = nodes.writer().await;
    let altered = (writer + 1) % 3;
    assert!(nodes.all[altered].stop().await.success());
    alter(&nodes.all[altered].data_dir());
    nodes.all[altered].start_again().await;
    let name = ["a", "b", "c"][altered];
    eventually("it says so", async || {
        let status = nodes.status().await;
        let fault = status.get(name)?["fault"].as_str()?.to_owned();
        fault.contains("are others here than at the writer").then_some(())
    })
    .await;
    let status = nodes.status().await;
    assert_eq!(status[name]["role"], "stopped");
    let others = status.iter().filter(|(other, _)| other.as_str() != name);
    assert!(others.into_iter().all(|(_, node)| node["role"] != "stopped"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ledger_under_the_same_names_is_refused_and_disturbs_nobody() {
    let servers = Servers::start("sync_interval: always").await;
    let nodes = Nodes::start(&servers).await;
    eventually("a command is acknowledged", async || nodes.create_over_http(0, "first").await)
        .await;
    let mut others = copies(&servers, 1).await;
    let other = &mut others[0];
    other.launch();
    assert!(!other.ended().await.success());
    let log = other.log();
    assert!(log.contains("log_differs") && log.contains("ledger_id"), "{log}");
    for node in 0..3 {
        let slug = format!("after-{node}");
        eventually("acknowledged", async || nodes.create_over_http(node, &slug).await).await;
    }
    let status = nodes.status().await;
    assert!(status.values().all(|node| node["fault"].is_null()), "{status:?}");
}
