//! From one server to a cluster, to a newer program on every node, and back to one server, while
//! clients send commands. Nothing is lost on the way, and a command that is repeated is known.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_contract::cluster::NodeStatus;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::nodes::args;
use super::servers::Servers;
use crate::http::door::{CONNECTIONS, client};
use crate::output::told;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually_in;

/// Connections that the ledger has at first, in the suite.
const CONNECTIONS_COUNT: usize = 500;
/// Clients that send commands all the time.
const CLIENTS: usize = 8;
/// Commands whose receipts are asked for again.
const REPEATED: usize = 50;
/// How long a step may take. Copies of a large ledger take a while.
const PATIENCE: Duration = Duration::from_mins(10);

/// What clients send, and to whom.
#[derive(Debug)]
struct Load {
    http: reqwest::Client,
    key: String,
    /// The addresses of those who serve.
    doors: Mutex<Vec<String>>,
    /// The position of each connection that was acknowledged.
    told: Mutex<BTreeMap<String, u64>>,
    enough: AtomicBool,
}

impl Load {
    /// Sends a command to whoever serves until it is acknowledged. Returns its position.
    async fn create(&self, slug: &str, client: usize) -> u64 {
        let body = json!({"slug": slug, "provider": "x", "secrets": {"k": format!("s-{slug}")}});
        let turn = AtomicUsize::new(client);
        eventually_in(PATIENCE, "a command is acknowledged", async || {
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            let door = {
                let doors = self.doors.lock().expect("no panic");
                doors.get(turn % doors.len().max(1))?.clone()
            };
            let request = self.http.post(format!("{door}{CONNECTIONS}")).bearer_auth(&self.key);
            let request = request.header("idempotency-key", slug).body(body.to_string());
            let request = request.header("content-type", "application/json");
            let answer = request.timeout(Duration::from_secs(5)).send().await.ok()?;
            let status = answer.status();
            let body: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                return None;
            }
            assert!(status.is_success(), "the only refusal is that of an outage: {body}");
            body["position"].as_u64()
        })
        .await
    }

    async fn run(self: Arc<Self>, client: usize) {
        for number in 0_u64.. {
            if self.enough.load(Ordering::SeqCst) {
                return;
            }
            let slug = format!("live-{client}-{number}");
            let position = self.create(&slug, client).await;
            self.told.lock().expect("no panic").insert(slug, position);
        }
    }

    fn count(&self) -> usize {
        self.told.lock().expect("no panic").len()
    }

    /// Sends commands to these from now on. Returns how long it takes until one is acknowledged.
    async fn go_on(&self, step: &str, nodes: &[&Service]) -> Duration {
        let started = Instant::now();
        *self.doors.lock().expect("no panic") = nodes.iter().map(|node| node.http_url()).collect();
        let before = self.count();
        for (what, more) in [("is", 1), ("are many", 10 * CLIENTS)] {
            let wait = format!("there {what} acknowledged after {step}");
            eventually_in(PATIENCE, &wait, async || (self.count() >= before + more).then_some(()))
                .await;
            if more == 1 {
                println!("{step}: the next command is acknowledged after {:?}", started.elapsed());
            }
        }
        started.elapsed()
    }
}

/// Has a node run a program of an earlier version, if there is one.
fn run_former(node: &mut Service) {
    if let Some(former) = settings::former_connledger() {
        let run = format!("shift; exec '{}' \"$@\"", former.display());
        node.put_under(["sh", "-c", &run, "sh"].map(str::to_owned).to_vec());
    }
}

/// Creates so many connections from a file.
async fn fill(service: &Service, count: usize) {
    let file = service.folder().join("fleet.jsonl");
    let mut lines = std::io::BufWriter::new(fs::File::create(&file).expect("writable"));
    for number in 0..count {
        let slug = format!("c-{number}");
        let line = json!({"slug": slug, "provider": "openai", "secrets": {"api_key": slug}});
        writeln!(lines, "{line}").expect("written");
    }
    lines.flush().expect("written");
    let started = Instant::now();
    told(&service.run(&["load", file.to_str().expect("text"), "--json"]).await);
    println!("{count} connections created in {:?}", started.elapsed());
}

/// Asks the nodes what they are.
async fn status(node: &Service) -> Vec<NodeStatus> {
    let asked = told(&node.run(&["cluster", "status", "--json"]).await);
    asked.lines().map(|line| serde_json::from_str(line).expect("the status of a node")).collect()
}

/// Waits until so many nodes are there, and none is behind.
async fn until_together(node: &Service, count: usize) {
    eventually_in(PATIENCE, "all nodes have everything", async || {
        let nodes = status(node).await;
        let is_there = |node: &NodeStatus| node.fault.is_none() && node.behind == 0;
        (nodes.len() == count && nodes.iter().all(is_there)).then_some(())
    })
    .await;
}

/// Makes a node of a server that has its ledger alone.
fn as_node(service: &mut Service, servers: &Servers, node: usize, backups: &str) {
    let mut words = args(servers, node);
    words.extend(["--backup-to", backups].map(str::to_owned));
    service.set_args(words);
}

/// Stops a node, and starts the program of today in its place.
async fn upgrade(nodes: &mut [Service], node: usize, name: &str) {
    let writes = |node: &NodeStatus| node.writer.as_deref() == Some(name) && node.node == name;
    if status(&nodes[node]).await.iter().any(writes) {
        told(&nodes[node].run(&["cluster", "step-down"]).await);
    }
    assert!(nodes[node].stop().await.success(), "{}", nodes[node].log());
    nodes[node].put_under(Vec::new());
    nodes[node].start_again().await;
}

/// Returns the position of each slug in the log, which is read from a stopped server.
async fn logged(service: &Service) -> BTreeMap<String, u64> {
    let key = service.data_dir().join("dev-master.key");
    let key = key.to_str().expect("text");
    let exported = told(&service.run(&["export", "--out", "-", "--master-key-file", key]).await);
    let mut found = BTreeMap::new();
    for line in exported.lines().filter(|line| line.starts_with("{\"event\"")) {
        let line: Value = serde_json::from_str(line).expect("JSON");
        if let Some(slug) = line["event"]["data"]["slug"].as_str() {
            let position = line["event"]["position"].as_u64().expect("a position");
            assert_eq!(found.insert(slug.to_owned(), position), None, "{slug} is there once");
        }
    }
    found
}

fn start_load(load: &Arc<Load>) -> Vec<JoinHandle<()>> {
    (0..CLIENTS).map(|client| tokio::spawn(Arc::clone(load).run(client))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_becomes_a_cluster_is_upgraded_and_becomes_one_again_under_load() {
    let count = settings::cluster_connections().unwrap_or(CONNECTIONS_COUNT);
    let backups = tempfile::tempdir().expect("a folder");
    let target = backups.path().to_str().expect("text").to_owned();
    let servers = Servers::start("sync_interval: always").await;
    let mut first = Service::nowhere(&["--nats", "managed"]);
    run_former(&mut first);
    first.start_again().await;
    fill(&first, count).await;
    let load = Arc::new(Load {
        http: client(),
        key: first.key(),
        doors: Mutex::new(vec![first.http_url()]),
        told: Mutex::default(),
        enough: AtomicBool::new(false),
    });
    let clients = start_load(&load);
    load.go_on("the beginning", &[&first]).await;

    assert!(first.stop().await.success(), "{}", first.log());
    as_node(&mut first, &servers, 0, &target);
    first.start_again().await;
    load.go_on("the first node began", &[&first]).await;
    told(&first.run(&["backup"]).await);
    let mut nodes = vec![first];
    for (node, name) in [(1, "b"), (2, "c")] {
        let started = Instant::now();
        let mut next = nodes[0].elsewhere();
        as_node(&mut next, &servers, node, &target);
        let key = next.data_dir().join("dev-master.key");
        let key = key.to_str().expect("text").to_owned();
        told(&next.run(&["cluster", "join", "--from", &target, "--master-key-file", &key]).await);
        next.start_again().await;
        nodes.push(next);
        until_together(&nodes[0], node + 1).await;
        println!("node {name} joined in {:?}", started.elapsed());
        load.go_on("a node joined", &nodes.iter().collect::<Vec<_>>()).await;
    }

    for (node, name) in ["a", "b", "c"].into_iter().enumerate() {
        upgrade(&mut nodes, node, name).await;
        load.go_on("a node was upgraded", &nodes.iter().collect::<Vec<_>>()).await;
        until_together(&nodes[node], 3).await;
    }

    for node in [2, 1, 0] {
        assert!(nodes[node].stop().await.success(), "{}", nodes[node].log());
    }
    let mut alone = nodes.swap_remove(0);
    alone.set_args(["--nats", "off", "--leave-cluster"].map(str::to_owned).to_vec());
    alone.start_again().await;
    load.go_on("the cluster was left", &[&alone]).await;
    load.enough.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.expect("no client failed");
    }

    let acknowledged = load.told.lock().expect("no panic").clone();
    for (slug, position) in acknowledged.iter().step_by(acknowledged.len() / REPEATED) {
        assert_eq!(load.create(slug, 0).await, *position, "{slug} was known");
    }
    assert!(alone.stop().await.success(), "{}", alone.log());
    let logged = logged(&alone).await;
    for (slug, position) in &acknowledged {
        assert_eq!(logged.get(slug), Some(position), "{slug} is where it was said");
    }
    let live = logged.keys().filter(|slug| slug.starts_with("live-")).count();
    assert_eq!(live, acknowledged.len(), "what was not acknowledged was repeated until it was");
    assert_eq!(logged.len() - live, count);
    println!("{live} commands were acknowledged");
}
