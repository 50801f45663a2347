//! Three ledgers that are one cluster, and what is asked of them.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_client::{Client, ClientOptions, CommandHeaders, Key};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::machine::Machine;
use super::servers::Servers;
use crate::http::door::{CONNECTIONS, client};
use crate::service::Service;
use crate::wait::eventually;

/// How long a client waits for an answer before it turns to another node.
const PATIENCE: Duration = Duration::from_secs(5);

/// The head of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// The nodes.
pub(super) struct Nodes {
    pub(super) all: Vec<Service>,
    /// What they run on.
    pub(super) machines: Vec<Machine>,
    pub(super) http: reqwest::Client,
    nats: Client,
}

/// The names of the nodes.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Returns the arguments of a node.
pub(super) fn args(servers: &Servers, node: usize) -> Vec<String> {
    let (url, system) = (servers.url_of(node, "app:app"), servers.url_of(node, "sys:sys"));
    let words = [
        "--cluster",
        "--nats-url",
        &url,
        "--cluster-system-url",
        &system,
        "--instance",
        NAMES[node],
        "--allow-alert-network",
        "127.0.0.0/8",
    ];
    words.map(str::to_owned).to_vec()
}

/// Makes a ledger and copies of it for so many nodes, which are not started.
pub(super) async fn copies(servers: &Servers, nodes: usize) -> Vec<Service> {
    let mut first = Service::start(&["--nats", "off"]).await;
    assert!(first.stop().await.success(), "{}", first.log());
    let copy = |node| {
        let args = args(servers, node);
        first.copy(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    (0..nodes).map(copy).collect()
}

impl Nodes {
    /// Starts three nodes, and waits until one of them writes.
    pub(super) async fn start(servers: &Servers) -> Self {
        let mut all = copies(servers, NAMES.len()).await;
        let machines: Vec<Machine> = all.iter().map(|_| Machine::new()).collect();
        for (node, machine) in all.iter_mut().zip(&machines) {
            node.put_under(machine.words());
            node.start_again().await;
        }
        let mut options = ClientOptions::new(Key::new(all[0].key()));
        options.url = servers.url();
        options.ledger_xkey = Some(all[0].xkey());
        options.timeout = Duration::from_secs(5);
        let nats = Client::connect(options).await.expect("NATS is there");
        let nodes = Self { all, machines, http: client(), nats };
        nodes.writer().await;
        nodes
    }

    /// Asks the nodes what they are. Those that do not run do not answer.
    pub(super) async fn status(&self) -> BTreeMap<String, Value> {
        let Some(node) = self.all.iter().find(|node| node.http_url_now().is_some()) else {
            return BTreeMap::new();
        };
        let asked = node.run(&["cluster", "status", "--json"]);
        let asked = asked.await;
        let text = String::from_utf8_lossy(&asked.stdout).into_owned();
        let nodes = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        nodes.map(|node| (node["node"].as_str().expect("a name").to_owned(), node)).collect()
    }

    /// Waits until one node writes, and returns which.
    pub(super) async fn writer(&self) -> usize {
        eventually("a node writes", async || {
            for (index, node) in self.all.iter().enumerate() {
                let Some(url) = node.http_url_now() else { continue };
                let asked = self.http.get(format!("{url}/api/v1/status"));
                let asked = asked.bearer_auth(node.key()).timeout(Duration::from_millis(500));
                let Ok(answer) = asked.send().await else { continue };
                let Ok(body) = answer.bytes().await else { continue };
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                if body["nats"]["owner"] == true {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    /// Sends a command that creates a connection to a node over HTTP, once. Returns its position.
    pub(super) async fn create_over_http(&self, node: usize, slug: &str) -> Option<u64> {
        let body = json!({"slug": slug, "provider": "x", "secrets": {"k": format!("s-{slug}")}});
        let done = self.send(node, Method::POST, CONNECTIONS, &body, Some(slug)).await?;
        Some(done["position"].as_u64().expect("a position"))
    }

    /// Sends a command to a node over HTTP, once. Returns what is answered, unless that is nothing
    /// or tells of an outage.
    pub(super) async fn send(
        &self,
        node: usize,
        method: Method,
        path: &str,
        body: &Value,
        command: Option<&str>,
    ) -> Option<Value> {
        let url = self.all[node].http_url_now()?;
        let request = self.http.request(method, format!("{url}{path}"));
        let mut request = request.bearer_auth(self.all[node].key());
        if let Some(command) = command {
            request = request.header("idempotency-key", command);
        }
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.timeout(PATIENCE).send().await.ok()?;
        let status = answer.status();
        let body: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        if status.is_success() {
            return Some(body);
        }
        assert_eq!(status, 503, "the only refusal is that of an outage: {body}");
        None
    }

    /// Asks a node over HTTP, once. Returns what is answered, unless that is nothing.
    pub(super) async fn get<'a>(
        &self,
        node: usize,
        path: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Option<(Head, Value)> {
        let url = self.all[node].http_url_now()?;
        let request = self.http.get(format!("{url}{path}")).bearer_auth(self.all[node].key());
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.timeout(PATIENCE).send().await.ok()?;
        let head = Head { status: answer.status(), headers: answer.headers().clone() };
        Some((head, serde_json::from_slice(&answer.bytes().await.ok()?).ok()?))
    }

    /// The same over NATS.
    pub(super) async fn create_over_nats(&self, slug: &str) -> Option<u64> {
        let body = json!({"slug": slug, "provider": "x", "secrets": {"k": format!("s-{slug}")}});
        let about = CommandHeaders::with_id(slug.to_owned());
        let done = self.nats.command("default", "create", body.to_string().into_bytes(), about);
        match done.await {
            Ok(done) => Some(done.receipt.position),
            Err(error) => {
                assert!(error.retry(), "the only refusal is that of an outage: {error}");
                None
            }
        }
    }

    /// Waits until every node has this position, and nothing more.
    pub(super) async fn until_all_have(&self, position: u64) {
        for (index, node) in self.all.iter().enumerate() {
            let what = format!("node {index} has everything: {}", node.log());
            eventually(&what, async || {
                let url = format!("{}/api/v1/status", node.http_url_now()?);
                let answer = self.http.get(url).bearer_auth(node.key()).send().await.ok()?;
                let body: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
                (body["position"].as_u64()? >= position).then_some(())
            })
            .await;
        }
    }

    /// Waits until every node has what the writer has.
    pub(super) async fn until_equal(&self) {
        let writer = self.writer().await;
        let status = self.get(writer, "/api/v1/status", [].into_iter()).await;
        let (_, status) = status.expect("an answer");
        self.until_all_have(status["position"].as_u64().expect("a position")).await;
    }

    /// Stops all nodes, and returns the events of each, byte for byte, after a replay found nothing
    /// that differs.
    pub(super) async fn logs(&mut self) -> Vec<Vec<String>> {
        for node in &mut self.all {
            assert!(node.stop().await.success(), "{}", node.log());
        }
        let mut logs = Vec::new();
        for node in &self.all {
            let replayed = node.run(&["replay", "--verify"]).await;
            assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
            let key = node.data_dir().join("dev-master.key");
            let key = key.to_str().expect("a path that is text");
            let exported = node.run(&["export", "--out", "-", "--master-key-file", key]).await;
            assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
            let text = String::from_utf8(exported.stdout).expect("JSON");
            let events = text.lines().filter(|line| line.starts_with("{\"event\""));
            logs.push(events.map(str::to_owned).collect());
        }
        logs
    }
}
