//! A ledger on a NATS server of its own, and its copies with another history.

use std::fs;

use async_nats::jetstream::{self, Context};
use futures::StreamExt as _;
use futures::stream;
use ledger_client::{Client, ClientOptions, Key};
use ledger_vault::Keyring;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http::door;
use crate::ledger::begin_another_history;
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

pub(super) const STREAM: &str = "LEDGER_EVENTS";
pub(super) const BUCKET: &str = "KV_ledger-connections";
/// The other workspace, in which little happens.
pub(super) const QUIET: &str = "quiet";

/// The ledger that answers now.
pub(super) struct Stage {
    pub(super) nats: NatsServer,
    pub(super) service: Service,
    http: reqwest::Client,
}

impl Stage {
    /// Starts a ledger with two workspaces and a connection `shared` in each.
    pub(super) async fn new() -> Self {
        let nats = NatsServer::start().await;
        let service = Service::start(&["--nats-url", &nats.url()]).await;
        let stage = Self { nats, service, http: door::client() };
        stage.wait_until_published().await;
        let quiet = stage.ask(Method::POST, "/workspaces", &json!({ "name": QUIET })).await;
        assert_eq!(quiet.0, StatusCode::CREATED, "{}", quiet.1);
        for workspace in ["default", QUIET] {
            stage.create_in(workspace, "shared", "sk-shared-value-1").await;
        }
        stage
    }

    /// Sends a request, and returns the answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.service.http_url());
        let request = self.http.request(method, url).bearer_auth(self.service.key());
        let answer = door::with_body(request, body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.bytes().await.expect("a body");
        (status, serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// Creates a connection and returns the position.
    pub(super) async fn create_in(&self, workspace: &str, slug: &str, value: &str) -> u64 {
        let body = json!({ "slug": slug, "provider": "mock", "secrets": { "api_key": value } });
        self.create(workspace, &body).await
    }

    /// The same with everything that can be said about it.
    pub(super) async fn create(&self, workspace: &str, body: &Value) -> u64 {
        let path = format!("/workspaces/{workspace}/connections");
        let (status, receipt) = self.ask(Method::POST, &path, body).await;
        assert_eq!(status, StatusCode::CREATED, "{receipt}");
        receipt["position"].as_u64().expect("a position")
    }

    /// Creates connections of this name with numbers, and returns the last position.
    pub(super) async fn create_some(&self, name: &str, count: usize) -> u64 {
        let mut last = 0;
        for number in 0..count {
            last = self.create_in("default", &format!("{name}-{number}"), "sk-some-value-1").await;
        }
        last
    }

    /// Creates so many connections, several at a time, that some wait to be received.
    pub(super) async fn create_many(&self, count: usize) {
        let create = async |number: usize| {
            self.create_in("default", &format!("many-{number}"), "sk-some-value-1").await
        };
        stream::iter((0..count).map(create)).buffer_unordered(16).collect::<Vec<_>>().await;
    }

    /// Sends a command about `shared` in the busy workspace.
    pub(super) async fn change(&self, verb: &str, body: &Value) {
        let path = format!("/workspaces/default/connections/shared/{verb}");
        let (status, receipt) = self.ask(Method::POST, &path, body).await;
        assert_eq!(status, StatusCode::OK, "{receipt}");
    }

    /// Returns the connections of a workspace that the ledger has, by id.
    pub(super) async fn listed(&self, workspace: &str) -> Vec<Value> {
        let first = format!("/workspaces/{workspace}/connections?page_size=500&lifecycle=any");
        let (mut all, mut path) = (Vec::new(), first.clone());
        loop {
            let (status, page) = self.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            all.extend(page["connections"].as_array().expect("connections").clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{first}&cursor={cursor}");
        }
        all.sort_by_key(|view| view["id"].to_string());
        all
    }

    pub(super) async fn status(&self) -> Value {
        self.get("/status").await.1
    }

    pub(super) async fn incarnation(&self) -> String {
        self.status().await["incarnation"].as_str().expect("a name").to_owned()
    }

    /// Waits until every event is in the stream, and returns how many there are.
    pub(super) async fn wait_until_published(&self) -> u64 {
        eventually("everything is published", async || {
            let status = self.status().await;
            (status["published"] == status["position"]).then(|| status["position"].as_u64())?
        })
        .await
    }

    /// Returns the curve key, which copies share.
    pub(super) fn xkey(&self) -> String {
        let file = fs::read(self.service.data_dir().join("server.json")).expect("it is there");
        let file: Value = serde_json::from_slice(&file).expect("JSON");
        file["xkey"].as_str().expect("a key").to_owned()
    }

    /// Connects a client with the key of the administrator.
    pub(super) async fn client(&self) -> Client {
        let mut options = ClientOptions::new(Key::new(self.service.key()));
        options.url = self.nats.url();
        options.ledger_xkey = Some(self.xkey());
        Client::connect(options).await.expect("NATS is there")
    }

    /// Returns what an administrator of NATS has.
    pub(super) async fn jetstream(&self) -> Context {
        jetstream::new(self.nats.client().await)
    }

    pub(super) async fn delete_streams(&self) {
        let jetstream = self.jetstream().await;
        for stream in [BUCKET, STREAM] {
            jetstream.delete_stream(stream).await.expect("it can be deleted");
        }
    }

    /// Copies the ledger as it is now. The copy has another history and is not started.
    pub(super) async fn other_history(&mut self) -> Service {
        assert!(self.service.stop().await.success());
        let copy = self.service.copy(&["--nats-url", &self.nats.url()]);
        self.service.start_again().await;
        self.wait_until_published().await;
        let keys = fs::read_to_string(copy.data_dir().join("dev-master.key")).expect("a key");
        begin_another_history(&copy.data_dir(), &Keyring::parse(&keys).expect("a good key"));
        copy
    }

    /// Stops the ledger, and starts a copy of it in its place, with stream and bucket made anew.
    pub(super) async fn replace_by(&mut self, copy: Service) {
        assert!(self.service.stop().await.success());
        self.delete_streams().await;
        self.service = copy;
        self.service.start_again().await;
        self.wait_until_published().await;
    }
}
