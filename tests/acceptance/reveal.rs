//! Secrets in the clear: to whom, with which traces, and what others can make of the traffic.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use ledger_client::{Client, ClientError, ClientOptions, Key};
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::canary::{secret, sings};
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::settings;
use crate::sniffer::Sniffer;
use crate::wait::eventually;

/// A ledger with HTTP and a NATS server that everybody may listen to.
struct World {
    nats: NatsServer,
    service: Service,
    http: Http,
}

impl World {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let service = Service::start(&["--nats-url", &nats.url(), "--log", "debug"]).await;
        // Its file is there before it has subscribed.
        eventually("the ledger answers", async || {
            service.run(&["status"]).await.status.success().then_some(())
        })
        .await;
        Self { nats, service, http: crate::http::door::client() }
    }

    /// Sends a command over HTTP, which nobody on NATS hears.
    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.service.http_url());
        let sent = self.http.post(url).bearer_auth(self.service.key());
        let sent = sent.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        let answer = sent.send().await.expect("the ledger answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn create(&self, slug: &str, base_url: &str, key: &str) -> String {
        let body = json!({
            "slug": slug, "provider": "mock",
            "config": {"base_url": base_url}, "secrets": {"api_key": key},
        });
        let (status, made) = self.post("/workspaces/default/connections", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["connection"].as_str().expect("an id").to_owned()
    }

    /// Makes a principal of a role in the default workspace and returns a key of it.
    async fn key_for(&self, name: &str, role: &str) -> String {
        let nats = self.nats.client().await;
        let create = json!({
            "principal": name, "kind": "gateway",
            "grants": [{"role": role, "workspaces": ["default"]}],
        });
        for (verb, body) in
            [("create-principal", create), ("issue-key", json!({"principal": name}))]
        {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Authorization", format!("Bearer {}", self.service.key()));
            let (subject, body) = (format!("ledger.cmd._ledger.{verb}"), body.to_string());
            let reply = nats.request_with_headers(subject, headers, body.into()).await;
            let reply: Value =
                serde_json::from_slice(&reply.expect("answered").payload).expect("JSON");
            if let Some(key) = reply["api_key"]["key"].as_str() {
                return key.to_owned();
            }
        }
        panic!("no key was issued");
    }

    fn xkey(&self) -> String {
        let file = std::fs::read(self.service.data_dir().join("server.json")).expect("there");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        file["xkey"].as_str().expect("a key").to_owned()
    }

    async fn client(&self, key: &str) -> Client {
        let mut options = ClientOptions::new(Key::new(key));
        options.url = self.nats.url();
        options.ledger_xkey = Some(self.xkey());
        Client::connect(options).await.expect("NATS is there")
    }
}

fn code(error: &ClientError) -> &str {
    error.code().unwrap_or("none")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_gets_secrets_and_the_history_tells_of_it_first() {
    let world = World::new().await;
    let id = world.create("main", "http://127.0.0.1:9", &secret(1)).await;
    let client = world.client(&world.key_for("eu-1", "gateway").await).await;
    let revealed = client.reveal("default", "main", &[], "to route").await.expect("allowed");
    assert_eq!(revealed["api_key"].value(), secret(1));
    assert_eq!(revealed["api_key"].generation(), 1);
    let history = world.service.run(&["history", &id, "--json"]).await;
    let told = String::from_utf8(history.stdout).expect("text");
    let told: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut events = told.iter().flat_map(|page| match page["events"].as_array() {
        Some(events) => events.clone(),
        None => vec![page.clone()],
    });
    let event = events.find(|event| event["type"] == "secret_revealed");
    let event = event.unwrap_or_else(|| panic!("it was not recorded: {told:?}"));
    assert_eq!(event["actor"], "gateway:eu-1");
    assert_eq!(event["data"]["reason"], "to route");
    assert_eq!(event["data"]["generations"]["api_key"], 1);
    assert!(event["data"]["from"].as_str().expect("a place").starts_with("nats:X"));

    let viewer = world.client(&world.key_for("viewer-1", "viewer").await).await;
    let refused = viewer.reveal("default", "main", &[], "curious").await.expect_err("refused");
    assert_eq!(code(&refused), "forbidden");
    let missing = client.reveal("default", "other", &[], "to route").await.expect_err("refused");
    assert_eq!(code(&missing), "connection_unknown");
    let reasonless = client.reveal("default", "main", &[], " ").await.expect_err("refused");
    assert_eq!(code(&reasonless), "field_invalid");
    let (status, _) = world.post("/workspaces/default/connections/main/disable", &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let off = client.reveal("default", "main", &[], "to route").await.expect_err("refused");
    assert_eq!(code(&off), "connection_disabled");
    let verified = world.service.run(&["replay", "--verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_and_the_command_line_secrets_come_with_no_store() {
    let world = World::new().await;
    world.create("main", "http://127.0.0.1:9", &secret(1)).await;
    let url = format!(
        "{}/api/v1/workspaces/default/connections/main/reveal-secret",
        world.service.http_url()
    );
    let sent = world.http.post(url).bearer_auth(world.service.key());
    let sent = sent.header(header::CONTENT_TYPE, "application/json");
    let answer = sent.body(r#"{"reason":"audit"}"#).send().await.expect("answered");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let answer: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    assert_eq!(answer["secrets"]["api_key"]["value"], secret(1));
    let shown = world.service.run(&["reveal", "main", "--field", "api_key", "--reason", "x"]).await;
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert_eq!(String::from_utf8(shown.stdout).expect("text").trim(), secret(1));
    assert!(!sings(world.service.log().as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hears_all_traffic_learns_no_secret_and_can_use_nothing_of_it() {
    let world = World::new().await;
    let gateway_key = world.key_for("eu-1", "gateway").await;
    let client = world.client(&gateway_key).await;
    let sniffer = Sniffer::start(&world.nats.url()).await;
    world.create("main", "http://127.0.0.1:9", &secret(1)).await;
    for number in 2..6 {
        client.reveal("default", "main", &[], "to route").await.expect("allowed");
        let rotate = json!({"secrets": {"api_key": secret(number)}});
        let path = "/workspaces/default/connections/main/rotate-secret";
        assert_eq!(world.post(path, &rotate).await.0, StatusCode::OK);
    }
    let last = client.reveal("default", "main", &[], "to route").await.expect("allowed");
    assert_eq!(last["api_key"].value(), secret(5));
    let heard = sniffer.stop().await;
    let requests = heard.iter().filter(|message| message.subject.starts_with("ledger.reveal."));
    assert_eq!(requests.count(), 5, "every request was heard");
    for message in &heard {
        message.expect_none_of(&[&gateway_key]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_given_out_in_the_clear() {
    let world = World::new().await;
    world.create("main", "http://127.0.0.1:9", &secret(1)).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Authorization", format!("Bearer {}", world.service.key()));
    let nats = world.nats.client().await;
    let body = json!({"reason": "curious"}).to_string().into();
    let reply = nats.request_with_headers("ledger.reveal.default.main", headers, body).await;
    let reply: Value = serde_json::from_slice(&reply.expect("answered").payload).expect("JSON");
    assert_eq!(reply["error"]["code"], "sealed_required");
}

/// A provider that takes every key it was ever told of, and remembers when each was first used.
#[derive(Default)]
struct Provider {
    valid: Mutex<Vec<String>>,
    first_use: Mutex<std::collections::HashMap<String, Instant>>,
}

async fn serve_provider(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> StatusCode {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    if !provider.valid.lock().expect("not poisoned").contains(&key) {
        return StatusCode::UNAUTHORIZED;
    }
    provider.first_use.lock().expect("not poisoned").entry(key).or_insert_with(Instant::now);
    StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_gateway_switches_to_new_keys_and_drops_no_request() {
    const ROTATIONS: usize = 20;
    let world = World::new().await;
    let provider = Arc::new(Provider::default());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(serve_provider).with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    provider.valid.lock().expect("not poisoned").push(secret(0));
    world.create("main", &base_url, &secret(0)).await;

    let mut gateway = Command::new(settings::example("gateway"))
        .env("LEDGER_KEY", world.key_for("eu-1", "gateway").await)
        .env("LEDGER_NATS_URL", world.nats.url())
        .env("LEDGER_XKEY", world.xkey())
        .env("GATEWAY_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the example is built");
    let mut lines = BufReader::new(gateway.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("readable").expect("it says that it is ready");
    let url = format!("{}/main/v1/models", line.strip_prefix("ready on ").expect("an address"));

    let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (http, url, sent, stop) =
                (crate::http::door::client(), url.clone(), sent.clone(), stop.clone());
            tokio::spawn(async move {
                while stop.load(Ordering::Relaxed) == 0 {
                    let answer = http.get(&url).send().await.expect("the gateway answers");
                    assert_eq!(answer.status(), StatusCode::OK, "a request was dropped");
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut delays = Vec::new();
    for number in 1..=ROTATIONS {
        let key = secret(number);
        provider.valid.lock().expect("not poisoned").push(key.clone());
        let rotate = json!({"secrets": {"api_key": key}});
        let path = "/workspaces/default/connections/main/rotate-secret";
        assert_eq!(world.post(path, &rotate).await.0, StatusCode::OK);
        let answered = Instant::now();
        let used = eventually("the new key is used", async || {
            provider.first_use.lock().expect("not poisoned").get(&key).copied()
        })
        .await;
        delays.push(used.saturating_duration_since(answered));
    }
    stop.store(1, Ordering::Relaxed);
    for task in load {
        task.await.expect("no request failed");
    }
    delays.sort_unstable();
    assert!(sent.load(Ordering::Relaxed) > 100, "there was load");
    assert!(delays[ROTATIONS / 2] < Duration::from_secs(5), "{delays:?}");
    println!(
        "{} requests, {ROTATIONS} rotations; new key in use after {:?} p50, {:?} at most",
        sent.load(Ordering::Relaxed),
        delays[ROTATIONS / 2],
        delays[ROTATIONS - 1]
    );
    let verified = world.service.run(&["replay", "--verify"]).await;
    assert!(verified.status.success());
}
