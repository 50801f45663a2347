//! A ledger in a temporary folder.

use std::time::Duration;

use ledger_contract::commands;
use ledger_contract::headers::Headers;
use ledger_contract::queries::{AlertView, QueryName, QueryRequest, QueryWorkspace};
use ledger_contract::records::Via;
use ledger_domain::WorkspaceName;
use ledger_engine::ExecuteError;
use ledger_engine::{
    Caller, CommandRequest, Engine, EngineOptions, Executed, QueryAnswer, Received,
};
use ledger_vault::Keyring;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Delivery, DeliveryOptions, Pace};

/// A ledger, and its delivery.
pub(super) struct Ledger {
    pub(super) engine: Engine,
    delivery: Option<Delivery>,
    pub(super) pace: Pace,
    pub(super) networks: Vec<&'static str>,
    _folder: TempDir,
}

impl Ledger {
    /// Creates one with a workspace. Nothing is delivered yet.
    pub(super) async fn new() -> Self {
        ledger_outgoing::install_tls_provider();
        let folder = tempfile::tempdir().unwrap();
        let mut options =
            EngineOptions::new(folder.path().join("data"), Keyring::generate(&mut rand::rng()));
        options.create = true;
        let engine = tokio::task::spawn_blocking(move || Engine::open(options).unwrap());
        let engine = engine.await.unwrap();
        let pace = Pace {
            retries: vec![Duration::from_millis(20); 3],
            pause_max: Duration::from_millis(200),
        };
        let ledger =
            Self { engine, delivery: None, pace, networks: vec!["127.0.0.0/8"], _folder: folder };
        ledger.run("create-workspace", json!({})).await;
        ledger
    }

    /// Begins to deliver.
    pub(super) fn deliver(&mut self) {
        let options = DeliveryOptions {
            networks: self.networks.iter().map(|network| network.parse().unwrap()).collect(),
            answer_max: Duration::from_millis(500),
            pace: self.pace.clone(),
            relay: None,
        };
        self.delivery = Some(Delivery::start(&self.engine, options).unwrap());
    }

    /// Ends it.
    pub(super) async fn rest(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.shutdown().await;
        }
    }

    /// Sends a command.
    pub(super) async fn try_run(&self, verb: &str, body: Value) -> Result<Executed, ExecuteError> {
        let workspace = WorkspaceName::parse("workspace", "home").unwrap();
        let body = body.to_string().into_bytes();
        let command = commands::parse(verb, &workspace, None, &body).unwrap();
        let context =
            self.engine.context(Caller::system("system:test"), Via::System, Headers::default());
        let received = Received::new(verb.to_owned(), body);
        self.engine.execute(CommandRequest { workspace, command, received, context }).await
    }

    /// Sends a command, which is accepted.
    pub(super) async fn run(&self, verb: &str, body: Value) -> Executed {
        self.try_run(verb, body.clone())
            .await
            .unwrap_or_else(|error| panic!("{verb} {body}: {error}"))
    }

    /// Creates an alert about a URL, and returns its secret.
    pub(super) async fn alert(&self, url: &str, on: &[&str]) -> String {
        let made = self.run("create-alert", json!({ "alert": "ops", "url": url, "on": on })).await;
        made.signing.unwrap().secret.clone().unwrap()
    }

    /// Creates a connection.
    pub(super) async fn connect(&self, slug: &str) {
        let body = json!({
            "slug": slug,
            "provider": "openai",
            "labels": { "team": slug },
            "secrets": { "api_key": format!("{CANARY}-{slug}") },
        });
        self.run("create", body).await;
    }

    /// Reports a connection as failed, with a number as the reason.
    pub(super) async fn fail(&self, slug: &str, number: u64) {
        let body = json!({ "connection": slug, "reason": format!("number {number}") });
        self.run("mark-failed", body).await;
    }

    /// Returns the alert as it is shown.
    pub(super) fn shown(&self) -> AlertView {
        let QueryAnswer::Alerts(answer) = self.ask(QueryName::Alerts, b"{}") else { panic!() };
        answer.alerts.into_iter().next().expect("there is an alert")
    }

    /// Returns the positions of dead letters, with the reason of each.
    pub(super) fn letters(&self) -> Vec<(u64, String)> {
        let answer = self.ask(QueryName::DeadLetters, br#"{"alert":"ops"}"#);
        let QueryAnswer::DeadLetters(answer) = answer else { panic!() };
        answer.dead_letters.into_iter().map(|letter| (letter.position, letter.reason)).collect()
    }

    fn ask(&self, query: QueryName, parameters: &[u8]) -> QueryAnswer {
        let workspace = QueryWorkspace::parse("home").unwrap();
        let request = QueryRequest::from_json(query, parameters).unwrap();
        let caller = Caller::system("system:test");
        let reader = self.engine.reader(&caller, &workspace).unwrap();
        reader.answer(request).unwrap()
    }
}

/// The beginning of every secret here.
pub(super) const CANARY: &str = "cnry-alerts-1f93";
