//! Tokens that the ledger gets from token services.

mod connect;
mod failover;
mod faults;
mod fresh;
mod given_up;
mod http_service;
mod in_use;
mod program;
mod published;
mod rotating;
mod shown;
mod superseded;
mod token_service;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::Problem;
use ledger_domain::Micros;
use ledger_engine::{Caller, Engine};
use serde_json::{Value, json};

use crate::ledger::{Ledger, TestCommand, reveal_as};
use token_service::TokenService;

/// When the clock of these tests begins, in seconds: later than what the system says.
const START: i64 = 4_000_000_000;

/// A ledger with a clock of its own, that asks a token service in this process.
struct Stage {
    ledger: Ledger,
    service: Arc<TokenService>,
    now: Arc<AtomicI64>,
}

impl Stage {
    async fn new() -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let service = Arc::new(TokenService::default());
        let ledger = Ledger::new().await.close().open_at(&now);
        ledger.engine.set_test_sender(service.clone());
        Self { ledger, service, now }
    }

    /// Closes the ledger and opens it again, some seconds later.
    fn reopened_after(self, seconds: i64) -> Self {
        let Self { ledger, service, now } = self;
        let place = ledger.close();
        now.fetch_add(seconds, Ordering::SeqCst);
        let ledger = place.open_at(&now);
        ledger.engine.set_test_sender(service.clone());
        Self { ledger, service, now }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Makes a connection with a refresh token that the service knows.
    async fn with_refresh_token(&self, slug: &str) -> String {
        let body = json!({
            "slug": slug, "provider": "acme", "auth_method": "refresh_token",
            "config": {"token_url": "https://as.example/token", "client_id": slug},
            "secrets": {"refresh_token": self.service.grant(slug), "client_secret": "its-secret"},
        });
        self.ledger.run("create", body).await.receipt.connection.expect("made")
    }

    async fn token(&self, connection: &str) -> Result<String, Problem> {
        token(&self.ledger.engine, connection).await
    }

    fn health(&self, connection: &str) -> Value {
        self.ledger.get(connection)["health"]["state"].clone()
    }

    /// Returns the types of the events of a connection, and of its reveals, oldest first.
    fn events(&self, connection: &str) -> Vec<String> {
        let answer = self.ledger.ask(
            "history",
            &json!({"connection": connection, "oldest_first": true, "page_size": 500}),
        );
        let events = answer["events"].as_array().expect("events").iter();
        events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }
}

/// Reveals the token of a connection.
async fn token(engine: &Engine, connection: &str) -> Result<String, Problem> {
    let fields = json!(["access_token"]);
    let body = json!({"connection": connection, "fields": fields, "reason": "a test"});
    let test_command = TestCommand::new("reveal-secret", &body);
    let revealed = reveal_as(engine, Caller::system("service:gateway"), &test_command).await?;
    Ok(revealed.secrets["access_token"].value.clone())
}

/// Returns a time of these tests as answers have it.
fn at(seconds: i64) -> String {
    ledger_contract::time::format(Micros::new(seconds * 1_000_000))
}
