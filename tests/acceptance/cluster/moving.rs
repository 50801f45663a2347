//! What a single node does alone is done by the cluster: alerts go on at whoever writes, erasures
//! reach every node and the bucket beside the log, and a further node begins with a backup.

use std::collections::BTreeMap;
use std::fs;

use futures::StreamExt as _;
use ledger_contract::cluster::AT_LEAST;
use reqwest::Method;
use serde_json::{Value, json};

use super::nodes::Nodes;
use super::servers::Servers;
use crate::alerts::receiver::Receiver;
use crate::http::door::CONNECTIONS;
use crate::output::told;
use crate::wait::eventually;

const ALERTS: &str = "/api/v1/workspaces/default/alerts";

/// Sends a command to a node until it is acknowledged.
async fn done(nodes: &Nodes, node: usize, path: &str, body: &Value, command: &str) -> Value {
    eventually("a command is acknowledged", async || {
        nodes.send(node, Method::POST, path, body, Some(command)).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_go_on_at_whoever_writes_and_miss_nothing() {
    const CONNECTIONS_COUNT: usize = 3;
    const EVENTS: usize = 60;
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    let mut receiver = Receiver::new(nodes.all[0].folder());
    let body = json!({"alert": "ops", "url": receiver.url(), "on": ["marked_failed"]});
    let made = done(&nodes, 0, ALERTS, &body, "alert").await;
    receiver.start(made["signing"]["secret"].as_str().expect("a secret"));
    for number in 0..CONNECTIONS_COUNT {
        let slug = format!("c{number}");
        eventually("created", async || nodes.create_over_http(0, &slug).await).await;
    }
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..EVENTS {
        let (slug, reason) = (format!("c{}", number % CONNECTIONS_COUNT), format!("no {number}"));
        let path = format!("{CONNECTIONS}/{slug}/mark-failed");
        let command = format!("failed-{number}");
        done(&nodes, number % 3, &path, &json!({"reason": reason}), &command).await;
        sent.entry(slug).or_default().push(reason);
        if number % 20 == 10 {
            let writer = nodes.writer().await;
            nodes.all[writer].kill().await;
            nodes.all[writer].start_again().await;
        }
    }
    let arrived = eventually("every event arrives", async || {
        let arrived = receiver.arrived();
        (arrived.values().map(Vec::len).sum::<usize>() == EVENTS).then_some(arrived)
    });
    assert_eq!(arrived.await, sent, "in the order of each connection");
    // A new writer does not begin with what was told long ago.
    eventually("how far it is is stored", async || {
        let (_, body) = nodes.get(nodes.writer().await, ALERTS, [].into_iter()).await?;
        (body["alerts"][0]["delivery"]["behind"] == 0).then_some(())
    })
    .await;
    let before = receiver.ids().len();
    let writer = nodes.writer().await;
    assert!(nodes.all[writer].stop().await.success());
    nodes.all[writer].start_again().await;
    let path = format!("{CONNECTIONS}/c0/mark-failed");
    done(&nodes, 0, &path, &json!({"reason": "last"}), "failed-last").await;
    eventually("the last event arrives", async || {
        receiver.arrived()["c0"].iter().any(|reason| reason == "last").then_some(())
    })
    .await;
    // What was on its way when the writer stopped may be told twice, and nothing from before.
    let told_since = receiver.ids().split_off(before);
    assert!(told_since.len() <= CONNECTIONS_COUNT, "told since: {told_since:?}");
    assert_eq!(receiver.wrong(), Vec::<String>::new(), "every signature is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_from_a_backup_and_erasures_reach_all() {
    let servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    let backups = tempfile::tempdir().expect("a folder");
    let target = backups.path().to_str().expect("text").to_owned();
    for slug in ["kept", "erased"] {
        eventually("created", async || nodes.create_over_http(0, slug).await).await;
    }
    // A node goes for good, and its place is taken by one that begins with a backup of another.
    assert!(nodes.all[2].stop().await.success());
    assert!(nodes.all[0].stop().await.success());
    let key = nodes.all[0].data_dir().join("dev-master.key");
    let key = key.to_str().expect("text").to_owned();
    let with_key = ["--master-key-file", &key];
    let backup = nodes.all[0].run(&[&["backup", "--to", &target][..], &with_key].concat()).await;
    told(&backup);
    nodes.all[0].start_again().await;
    eventually("created", async || nodes.create_over_http(0, "later").await).await;
    let path = format!("{CONNECTIONS}/erased/erase");
    let erased = done(&nodes, 0, &path, &json!({"reason": "x"}), "erase").await;
    let id = erased["connection"].as_str().expect("an id").to_owned();
    nodes.all[2].lose_ledger();
    let join = [&["cluster", "join", "--from", &target][..], &with_key].concat();
    assert!(told(&nodes.all[2].run(&join).await).contains("copy up to position"));
    // It is no ledger of its own.
    let alone = nodes.all[2].run(&["serve", "--dev", "--nats", "off", "--listen", "off"]).await;
    assert!(String::from_utf8_lossy(&alone.stderr).contains("not_in_cluster"));
    nodes.all[2].start_again().await;
    let position = erased["position"].as_u64().expect("a position");
    nodes.until_all_have(position).await;
    let at_least = position.to_string();
    for node in 0..3 {
        let what = format!("the erasure is carried out: {}", nodes.all[node].log());
        eventually(&what, async || {
            let path = format!("{CONNECTIONS}/{id}/erasure");
            let (_, body) = nodes.get(node, &path, [(AT_LEAST, &*at_least)].into_iter()).await?;
            (body["state"] == "complete").then_some(())
        })
        .await;
    }
    // Beside the log there is a mark in the place of its data key, and nothing else of it.
    let client = servers.client().await.expect("NATS is there");
    let jetstream = async_nats::jetstream::new(client);
    let bucket = jetstream.get_stream("KV_ledger-values").await.expect("the bucket");
    let subject = format!("$KV.ledger-values.data-key.{id}");
    let left = bucket.get_last_raw_message_by_subject(&subject).await.expect("a mark");
    assert!(left.payload.is_empty(), "the data key is gone");
    let info = bucket.get_info().await.expect("it answers");
    let subjects = bucket.info_with_subjects("$KV.ledger-values.data-key.*").await.expect("told");
    assert_eq!(subjects.count().await, 3, "one for each connection");
    assert!(info.state.messages >= 3);
    // The node that joined can write.
    for node in [0, 1] {
        assert!(nodes.all[node].stop().await.success());
    }
    eventually("created", async || nodes.create_over_http(2, "last").await).await;
    for node in [0, 1] {
        nodes.all[node].start_again().await;
    }
    let (_, list) = nodes.get(2, CONNECTIONS, [].into_iter()).await.expect("an answer");
    assert_eq!(list["total"], 3, "{list}");
    nodes.until_all_have(position + 1).await;
    let logs = nodes.logs().await;
    assert!(logs.iter().all(|log| *log == logs[0]), "the logs are equal, byte for byte");
    assert!(fs::read_dir(backups.path()).expect("a folder").count() > 0);
}
