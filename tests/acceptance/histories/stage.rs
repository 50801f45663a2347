//! A ledger on a NATS server of its own, and its copies with another history.

use std::fs;

use async_nats::jetstream::{self, Context};
use futures::StreamExt as _;
use futures::stream;
use ledger_client::{Client, ClientOptions, Key};
use ledger_vault::Keyring;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::ledger::begin_another_history;
use crate::nats_server::NatsServer;
use crate::service::Service;

pub(super) const STREAM: &str = "LEDGER_EVENTS";
pub(super) const BUCKET: &str = "KV_ledger-connections";
/// The other workspace, in which little happens.
pub(super) const QUIET: &str = "quiet";

/// The ledger that answers now.
pub(super) struct Stage {
    pub(super) nats: NatsServer,
    pub(super) service: Service,
}

impl Stage {
    /// Starts a ledger with two workspaces and a connection `shared` in each.
    pub(super) async fn new() -> Self {
        let nats = NatsServer::start().await;
        let service = Service::start(&["--nats-url", &nats.url()]).await;
        let stage = Self { nats, service };
        stage.wait_until_published().await;
        stage.service.create("/workspaces", &json!({ "name": QUIET })).await;
        for workspace in ["default", QUIET] {
            stage.create_in(workspace, "shared", "sk-shared-value-1").await;
        }
        stage
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.service.get(path).await
    }

    /// Creates a connection and returns the position.
    pub(super) async fn create_in(&self, workspace: &str, slug: &str, value: &str) -> u64 {
        let body = json!({ "slug": slug, "provider": "mock", "secrets": { "api_key": value } });
        self.create(workspace, &body).await
    }

    /// The same with everything that can be said about it.
    pub(super) async fn create(&self, workspace: &str, body: &Value) -> u64 {
        let path = format!("/workspaces/{workspace}/connections");
        let receipt = self.service.create(&path, body).await;
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
        self.service.change("default", "shared", verb, body).await;
    }

    /// Returns the connections of a workspace that the ledger has, by id.
    pub(super) async fn listed(&self, workspace: &str) -> Vec<Value> {
        self.service.listed(workspace).await
    }

    pub(super) async fn status(&self) -> Value {
        self.service.status().await
    }

    pub(super) async fn incarnation(&self) -> String {
        self.service.incarnation().await
    }

    /// Waits until every event is in the stream, and returns how many there are.
    pub(super) async fn wait_until_published(&self) -> u64 {
        self.service.wait_until_published().await
    }

    /// Connects a client with the key of the administrator.
    pub(super) async fn client(&self) -> Client {
        let mut options = ClientOptions::new(Key::new(self.service.key()));
        options.url = self.nats.url();
        options.ledger_xkey = Some(self.service.xkey());
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
