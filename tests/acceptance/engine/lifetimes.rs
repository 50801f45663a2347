//! Keys end unless somebody wants otherwise, and not without a warning.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_contract::subjects::LEDGER;
use ledger_domain::Micros;
use ledger_domain::principal::KeyLifetimes;
use ledger_engine::{Clock, EngineOptions, Ports};
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, TestCommand, open};

const DAY: i64 = 24 * 3_600 * 1_000_000;

/// A ledger whose time the test sets, with one principal.
struct Timed {
    ledger: Ledger,
    now: Arc<AtomicI64>,
}

impl Timed {
    async fn with(key_lifetimes: KeyLifetimes) -> Self {
        let place = Ledger::new().await.close();
        let now = Arc::new(AtomicI64::new(Clock::system().now().get()));
        let shown = Arc::clone(&now);
        let clock = Clock::new(move || Micros::new(shown.load(Ordering::SeqCst)));
        let options = || {
            let ports = Ports { clock: clock.clone(), ..Ports::default() };
            EngineOptions { key_lifetimes, ports, ..place.options() }
        };
        let engine = open(options).expect("it opens");
        let ledger = Ledger { engine, place };
        ledger.make("one", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
        Self { ledger, now }
    }

    fn pass(&self, days: i64) {
        self.now.fetch_add(days * DAY, Ordering::SeqCst);
    }

    /// Returns the only key as lists show it.
    fn key(&self) -> Value {
        self.ledger.principal("one")["keys"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_by_default_and_is_warned_of_before() {
    let timed = Timed::with(KeyLifetimes::default()).await;
    let key = timed.ledger.issue("one", json!({})).await;
    let expires_at = key.expires_at.clone().expect("it ends");
    assert_eq!(timed.key()["expires_at"], expires_at);
    let whoami = |timed: &Timed| {
        let caller = timed.ledger.engine.authenticate_key(&key.key).expect("a good key");
        timed.ledger.ask_as(&caller, HOME, "whoami", &json!({})).expect("an answer")
    };
    assert_eq!(whoami(&timed)["expires_at"], expires_at);
    timed.pass(75);
    assert_eq!(
        (&timed.key()["ends_soon"], &whoami(&timed)["ends_soon"]),
        (&Value::Null, &Value::Null)
    );
    timed.pass(1);
    assert_eq!(timed.key()["ends_soon"], true);
    assert_eq!(whoami(&timed)["ends_soon"], true);
    timed.pass(14);
    assert_eq!(timed.ledger.refused_at_the_door(&key.key), Some(Code::CredentialExpired));
    assert_eq!(timed.key()["ends_soon"], Value::Null, "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lasts_forever_only_by_request() {
    let timed = Timed::with(KeyLifetimes::default()).await;
    let key = timed.ledger.issue("one", json!({"expires_at": "never"})).await;
    assert_eq!((&key.expires_at, &timed.key()["expires_at"]), (&None, &Value::Null));
    timed.pass(10_000);
    assert_eq!(timed.ledger.refused_at_the_door(&key.key), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_issued_beyond_the_ceiling_and_earlier_ones_keep_their_end() {
    let month = Some(Duration::from_hours(30 * 24));
    let timed = Timed::with(KeyLifetimes { max: month, ..KeyLifetimes::default() }).await;
    let ledger = &timed.ledger;
    for end in ["never", "2999-01-01T00:00:00Z"] {
        let body = json!({"principal": "one", "expires_at": end});
        let refused = ledger.send(TestCommand::new("issue-key", &body).at(LEDGER)).await;
        let refused = refused.expect_err("beyond the ceiling");
        assert_eq!(
            (refused.code, refused.field.as_deref()),
            (Code::FieldInvalid, Some("expires_at"))
        );
        let viewer = ledger.enter(&format!("v-{}", end.len()), json!([{"role": "viewer"}])).await;
        let refused =
            ledger.send_as(&viewer, TestCommand::new("issue-key", &body).at(LEDGER)).await;
        assert_eq!(refused.expect_err("not theirs").code, Code::Forbidden, "rights come first");
    }
    let key = ledger.issue("one", json!({})).await;
    timed.pass(29);
    assert_eq!(ledger.refused_at_the_door(&key.key), None);
    timed.pass(1);
    assert_eq!(ledger.refused_at_the_door(&key.key), Some(Code::CredentialExpired));

    let free = Timed::with(KeyLifetimes { default: None, max: None }).await;
    let lasting = free.ledger.issue("one", json!({})).await;
    assert_eq!(lasting.expires_at, None);
    let place = free.ledger.close();
    let key_lifetimes = KeyLifetimes { max: month, ..KeyLifetimes::default() };
    let engine = open(|| EngineOptions { key_lifetimes, ..place.options() }).expect("it opens");
    let ledger = Ledger { engine, place };
    assert_eq!(ledger.refused_at_the_door(&lasting.key), None, "it keeps what it has");
}
