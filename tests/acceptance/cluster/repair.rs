//! The NATS servers lose the log, and a copy of it brings it back.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use super::nodes::Nodes;
use super::servers::Servers;
use crate::output::told;
use crate::wait::eventually;

/// Runs `cluster repair` on the data directory of a node.
async fn repair(servers: &Servers, nodes: &Nodes, node: usize, more: &[&str]) -> Output {
    let key = nodes.all[node].data_dir().join("dev-master.key");
    let (key, url) = (key.to_str().expect("text"), servers.url_of(node, "app:app"));
    let args = ["cluster", "repair", "--json", "--master-key-file", key, "--nats-url", &url];
    let args = [&args[..], more].concat();
    nodes.all[node].run(&args).await
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{said}");
    assert!(said.contains("log_differs"), "{said}");
}

/// Waits until so many nodes are stopped because of the same fault.
async fn until_stopped(nodes: &Nodes, count: usize, why: &str) {
    eventually(why, async || {
        let status = nodes.status().await;
        let has_fault =
            |node: &&Value| node["fault"].as_str().is_some_and(|fault| fault.contains(why));
        (status.values().filter(has_fault).count() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_stream_that_is_lost_is_made_anew_from_the_newest_copy() {
    let mut servers = Servers::start("sync_interval: always").await;
    let mut nodes = Nodes::start(&servers).await;
    for number in 0..10 {
        let slug = format!("early-{number}");
        eventually("created", async || nodes.create_over_http(0, &slug).await).await;
    }
    nodes.until_equal().await;
    assert!(nodes.all[2].stop().await.success());
    let last = eventually("created", async || nodes.create_over_http(0, "late").await).await;
    for node in [0, 1] {
        eventually("both have it", async || {
            let (_, body) = nodes.get(node, "/api/v1/status", [].into_iter()).await?;
            (body["position"].as_u64()? >= last).then_some(())
        })
        .await;
    }
    assert!(nodes.all[0].stop().await.success());
    refused(&repair(&servers, &nodes, 0, &["--apply"]).await, "there is nothing to repair");
    nodes.all[0].start_again().await;

    servers.lose_everything().await;
    until_stopped(&nodes, 2, "is gone").await;
    assert!(nodes.create_over_http(0, "refused").await.is_none(), "nobody writes");
    refused(&repair(&servers, &nodes, 2, &[]).await, "repair from the data directory of that node");
    assert!(nodes.all[0].stop().await.success());
    let shown: Value =
        serde_json::from_str(&told(&repair(&servers, &nodes, 0, &[]).await)).expect("JSON");
    assert_eq!((&shown["applied"], &shown["position"]), (&false.into(), &last.into()));
    assert_eq!(shown["loss"], "the log stream is gone");
    assert_eq!(shown["nodes"][0]["position"], last, "{shown}");
    until_stopped(&nodes, 1, "is gone").await;
    told(&repair(&servers, &nodes, 0, &["--apply"]).await);
    refused(&repair(&servers, &nodes, 0, &["--apply"]).await, "there is nothing to repair");

    // The one that has everything goes on by itself, also without the one that was repaired.
    let next = eventually("created", async || nodes.create_over_http(1, "next").await).await;
    assert_eq!(next, last + 1, "no position is left out");
    nodes.all[0].start_again().await;
    // The one that has less is told so, and takes part in nothing.
    nodes.all[2].launch();
    assert!(!nodes.all[2].ended().await.success());
    assert!(nodes.all[2].log().contains("take a newer copy"), "{}", nodes.all[2].log());
    eventually("created", async || nodes.create_over_http(0, "again").await).await;

    nodes.all.truncate(2);
    nodes.until_equal().await;
    let logs = nodes.logs().await;
    assert_eq!(logs[0], logs[1], "byte for byte");
    let slugs: BTreeSet<String> = logs[0]
        .iter()
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["event"]["data"]["slug"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(slugs.len(), 13, "{slugs:?}");
}
