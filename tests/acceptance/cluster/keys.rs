//! Master keys are changed, and the ledger is sealed, on every node, each with its own key file.

use std::fs;
use std::path::PathBuf;

use futures::StreamExt as _;
use futures::future::join_all;
use ledger_vault::{Keyring, master_key_of};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::nodes::Nodes;
use super::servers::Servers;
use crate::output::{said, told};
use crate::service::Service;
use crate::wait::{eventually, eventually_or};

/// More than one batch of data keys.
const CONNECTIONS_COUNT: usize = 150;

fn key_file(node: &Service) -> PathBuf {
    node.data_dir().join("dev-master.key")
}

fn active(node: &Service) -> String {
    Keyring::read_file(key_file(node)).expect("keys").active_id().to_string()
}

fn copy_keys(from: &Service, to: &Service) {
    fs::copy(key_file(from), key_file(to)).expect("copied");
}

async fn run(node: &Service, args: &[&str]) -> String {
    let output = node.run(args).await;
    told(&output) + &said(&output)
}

/// Waits until a node itself has nothing under another key than the active one.
async fn until_rewrapped(nodes: &Nodes, node: usize, to: &str) {
    let look = async || {
        let (_, told) = nodes.get(node, "/api/v1/master-keys", [].into_iter()).await?;
        let keys = told["keys"].as_array()?;
        let is_done = keys.iter().all(|key| (key["id"] == to) == (key["data_keys"] != 0));
        (is_done && told["rewrapping"] == false).then_some(())
    };
    let report = || nodes.all[node].log();
    eventually_or(&format!("everything is wrapped anew at {node}"), look, report).await;
}

/// Reveals a connection at a node that is alone, and so writes.
async fn reveal_alone(nodes: &mut Nodes, node: usize) {
    let others = [(node + 1) % 3, (node + 2) % 3];
    for other in others {
        assert!(nodes.all[other].stop().await.success());
    }
    assert_eq!(nodes.writer().await, node);
    for number in [0, CONNECTIONS_COUNT - 1] {
        let (slug, value) = (format!("c-{number}"), format!("s-c-{number}"));
        let shown = run(&nodes.all[node], &["reveal", &slug, "--reason", "a test", "--json"]).await;
        assert!(shown.contains(&value), "{shown}");
    }
    for other in others {
        nodes.all[other].start_again().await;
    }
}

async fn create_all(nodes: &Nodes) {
    let slugs: Vec<String> = (0..CONNECTIONS_COUNT).map(|number| format!("c-{number}")).collect();
    let create = async |slug: &String| {
        eventually("created", async || nodes.create_over_http(0, slug).await).await
    };
    join_all(slugs.iter().map(create)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn master_keys_are_changed_on_every_node_and_beside_the_log() {
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    create_all(&nodes).await;
    let first = active(&nodes.all[0]);

    // One node does not have the new key yet. It stops by name, and goes on once it has it.
    let writer = nodes.writer().await;
    let (with, without) = ((writer + 1) % 3, (writer + 2) % 3);
    run(&nodes.all[writer], &["keys", "add"]).await;
    copy_keys(&nodes.all[writer], &nodes.all[with]);
    run(&nodes.all[with], &["keys", "rotate"]).await;
    let second = active(&nodes.all[writer]);
    let name = ["a", "b", "c"][without];
    eventually("the node without the key says so", async || {
        let status = nodes.status().await;
        let fault = status.get(name)?["fault"].as_str()?.to_owned();
        fault.contains(&format!("does not have the master key {second}")).then_some(())
    })
    .await;
    copy_keys(&nodes.all[writer], &nodes.all[without]);
    for node in 0..3 {
        until_rewrapped(&nodes, node, &second).await;
    }
    let done = run(&nodes.all[without], &["keys", "rewrap"]).await;
    assert!(done.contains("data keys are under master key"), "{done}");

    // The writer goes in the middle of it, and the next one goes on.
    run(&nodes.all[writer], &["keys", "add"]).await;
    let third = active(&nodes.all[writer]);
    for node in [with, without] {
        copy_keys(&nodes.all[writer], &nodes.all[node]);
    }
    run(&nodes.all[writer], &["keys", "rotate"]).await;
    nodes.all[writer].kill().await;
    nodes.all[writer].start_again().await;
    for node in 0..3 {
        until_rewrapped(&nodes, node, &third).await;
    }
    for former in [&first, &second] {
        let retired = run(&nodes.all[with], &["keys", "retire", former]).await;
        assert!(retired.contains("can be removed"), "{retired}");
    }
    expect_under(&servers, &third).await;

    // No node needs the former keys any more.
    nodes.until_equal().await;
    for node in &mut nodes.all {
        assert!(node.stop().await.success());
        let text = fs::read_to_string(key_file(node)).expect("readable");
        let kept: Vec<_> = text.lines().filter(|line| line.contains(&third)).collect();
        fs::write(key_file(node), kept.join("\n")).expect("writable");
    }
    for node in &mut nodes.all {
        node.start_again().await;
    }
    for node in 0..3 {
        reveal_alone(&mut nodes, node).await;
    }
    nodes.until_equal().await;
    expect_equal(&nodes.logs().await);
}

/// Checks that the logs are equal, byte for byte. Each node has wrapped its data keys by itself.
fn expect_equal(logs: &[Vec<String>]) {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        event: &'a RawValue,
    }
    let event = |line: &String| {
        serde_json::from_str::<Line<'_>>(line).expect("JSON").event.get().to_owned()
    };
    let events: Vec<Vec<String>> = logs.iter().map(|log| log.iter().map(event).collect()).collect();
    for log in &events {
        let differs = log.iter().zip(&events[0]).find(|(one, other)| one != other);
        assert_eq!((log.len(), differs), (events[0].len(), None));
    }
}

/// Checks that every data key beside the log is wrapped under a key.
async fn expect_under(servers: &Servers, key: &str) {
    let client = servers.client().await.expect("NATS is there");
    let jetstream = async_nats::jetstream::new(client);
    let bucket = jetstream.get_stream("KV_ledger-values").await.expect("the bucket");
    let subjects = bucket.info_with_subjects("$KV.ledger-values.data-key.*").await.expect("told");
    let subjects: Vec<String> =
        subjects.map(|subject| subject.expect("told").0).collect::<Vec<_>>().await;
    assert_eq!(subjects.len(), CONNECTIONS_COUNT);
    for subject in subjects {
        let message = bucket.get_last_raw_message_by_subject(&subject).await.expect("a value");
        let under = master_key_of(&message.payload).expect("a wrapped key").to_string();
        assert_eq!(under, key, "{subject}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_cluster_has_no_keys_at_any_node_until_it_is_unsealed() {
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    eventually("created", async || nodes.create_over_http(0, "c-0").await).await;
    run(&nodes.all[1], &["keys", "seal"]).await;
    let sealed = async |nodes: &Nodes, node: usize| -> Option<bool> {
        let (_, told) = nodes.get(node, "/api/v1/master-keys", [].into_iter()).await?;
        told["sealed"].as_bool()
    };
    for node in 0..3 {
        eventually("it is sealed", async || sealed(&nodes, node).await?.then_some(())).await;
    }
    // A sealed ledger changes its writer, and what needs no key goes on.
    let writer = nodes.writer().await;
    nodes.all[writer].kill().await;
    nodes.all[writer].start_again().await;
    let refused = nodes.all[0].run(&["reveal", "c-0", "--reason", "a test"]).await;
    assert!(said(&refused).contains("sealed"), "{}", said(&refused));
    run(&nodes.all[2], &["mark-degraded", "c-0", "--reason", "sealed"]).await;
    run(&nodes.all[2], &["keys", "unseal"]).await;
    for node in 0..3 {
        eventually("it is open", async || (!sealed(&nodes, node).await?).then_some(())).await;
    }
    let shown = run(&nodes.all[0], &["reveal", "c-0", "--reason", "a test", "--json"]).await;
    assert!(shown.contains("s-c-0"), "{shown}");
    // Whoever is asked to leave it to another one is not the writer any more.
    let before = nodes.writer().await;
    let next = run(&nodes.all[before], &["cluster", "step-down", "--json"]).await;
    let next: Value = serde_json::from_str(next.lines().next().expect("a node")).expect("JSON");
    assert_ne!(next["node"], ["a", "b", "c"][before], "{}", nodes.all[before].log());
    let shown = run(&nodes.all[before], &["reveal", "c-0", "--reason", "a test", "--json"]).await;
    assert!(shown.contains("s-c-0"), "{shown}");
    nodes.until_equal().await;
    expect_equal(&nodes.logs().await);
}
