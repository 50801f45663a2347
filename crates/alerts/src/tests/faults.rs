//! What receivers do, and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger_contract::queries::NatsStatus;
use ledger_engine::Fence;
use serde_json::json;

use super::eventually;
use super::ledger::{CANARY, Ledger};
use super::receiver::{Receiver, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_does_is_taken_for_what_it_is() {
    let elsewhere = Receiver::start();
    let redirect = format!("location: {}", elsewhere.url());
    let table = [
        (Reply::Status(200), None),
        (Reply::Endless, None),
        (Reply::Status(400), Some("it answers with status 400")),
        (Reply::Status(500), Some("it answers with status 500")),
        (Reply::With(302, redirect.clone()), Some("it redirects, with status 302")),
        (Reply::With(307, redirect), Some("it redirects, with status 307")),
        (Reply::Status(503), Some("it answers with status 503")),
        (Reply::With(429, "retry-after: 1".to_owned()), Some("it answers with status 429")),
        (Reply::Nothing, Some("it did not answer in time")),
        (Reply::HangUp, Some("the connection broke before the answer was complete")),
    ];
    for (reply, because) in table {
        let mut ledger = Ledger::new().await;
        ledger.pace.retries = vec![Duration::from_hours(1)];
        let receiver = Receiver::start();
        let shown = format!("{reply:?}");
        receiver.answers(move |_| reply.clone());
        ledger.alert(&receiver.url(), &["health_changed"]).await;
        ledger.connect("main").await;
        ledger.fail("main", 1).await;
        ledger.deliver();
        match because {
            None => {
                eventually(&shown, || (ledger.shown().delivery.delivered == 1).then_some(())).await;
            }
            Some(because) => {
                let seen = || ledger.shown().delivery.last_failure.filter(|seen| seen == because);
                eventually(&format!("{shown}: {because}"), seen).await;
                assert_eq!(ledger.shown().delivery.delivered, 0);
            }
        }
        ledger.rest().await;
    }
    assert_eq!(elsewhere.count(), 0, "a redirect is not followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_not_permitted_sees_no_connection() {
    let receiver = Receiver::start();
    let port = receiver.port;
    for (networks, host) in [
        (vec![], format!("http://127.0.0.1:{port}")),
        (vec!["10.0.0.0/8"], format!("http://127.0.0.1:{port}")),
        // The name is resolved first.
        (vec!["10.0.0.0/8"], format!("http://localhost:{port}")),
        (vec![], format!("https://[::ffff:127.0.0.1]:{port}")),
        (vec![], "https://169.254.169.254/latest/meta-data".to_owned()),
    ] {
        let mut ledger = Ledger::new().await;
        ledger.networks = networks;
        ledger.alert(&host, &["health_changed"]).await;
        ledger.connect("main").await;
        ledger.fail("main", 1).await;
        ledger.deliver();
        let because = "its address is in a network that may not be reached";
        let seen = || ledger.shown().delivery.last_failure.filter(|seen| seen == because);
        eventually(&host, seen).await;
        ledger.rest().await;
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_disables_its_alert_and_loses_nothing() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    receiver.answers(|_| Reply::Status(410));
    ledger.alert(&receiver.url(), &["health_changed"]).await;
    ledger.connect("main").await;
    ledger.fail("main", 1).await;
    ledger.deliver();
    let disabled = || ledger.shown().disabled_because;
    let because = eventually("it is disabled", disabled).await;
    assert!(because.contains("410"), "{because}");
    let asked = receiver.count();
    assert!(ledger.try_run("test-alert", json!({ "alert": "ops" })).await.is_err());
    ledger.fail("main", 2).await;
    receiver.answers(|_| Reply::Status(200));
    assert_eq!(receiver.count(), asked, "nothing is sent while it is disabled");
    ledger.run("update-alert", json!({ "alert": "ops", "enabled": true })).await;
    let both = || {
        let heard = receiver.heard();
        let reasons: Vec<_> = heard.iter().skip(asked).map(|heard| heard.failed().1).collect();
        (reasons == ["number 1"]).then_some(())
    };
    eventually("what waited comes first", both).await;
    ledger.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_of_a_removed_alert_or_an_erased_connection() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    receiver.answers(|_| Reply::Status(500));
    ledger.alert(&receiver.url(), &["health_changed", "connection_erased"]).await;
    for slug in ["gone", "kept"] {
        ledger.connect(slug).await;
        ledger.fail(slug, 1).await;
    }
    ledger.pace.retries = vec![Duration::from_hours(1)];
    ledger.deliver();
    eventually("both wait", || (ledger.shown().delivery.waiting == 2).then_some(())).await;
    ledger.run("archive", json!({ "connection": "gone" })).await;
    let id = ledger_id(&receiver, "gone");
    ledger.run("erase", json!({ "connection": id, "reason": "asked for" })).await;
    let before = receiver.count();
    receiver.answers(|_| Reply::Status(200));
    // Whatever is changed, what waits is tried at once.
    ledger.run("test-alert", json!({ "alert": "ops" })).await;
    eventually("all is sent", || (ledger.shown().delivery.delivered >= 3).then_some(())).await;
    let types: Vec<_> = receiver
        .heard()
        .iter()
        .skip(before)
        .map(|heard| heard.body["type"].as_str().unwrap().to_owned())
        .collect();
    let mut sorted = types.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["alert_tested", "connection_erased", "marked_failed"], "{types:?}");
    receiver.answers(|_| Reply::Status(503));
    ledger.connect("late").await;
    ledger.fail("late", 1).await;
    eventually("it is down", || ledger.shown().delivery.down_since).await;
    ledger.run("remove-alert", json!({ "alert": "ops" })).await;
    let rows = || ledger.engine.alerts().each().next().is_none().then_some(());
    eventually("it is removed", rows).await;
    ledger.rest().await;
    let asked = receiver.count();
    ledger.deliver();
    ledger.fail("late", 2).await;
    ledger.rest().await;
    assert_eq!(receiver.count(), asked, "nothing more is sent");
}

/// Returns the id of the connection with a slug, from what the receiver heard of it.
fn ledger_id(receiver: &Receiver, slug: &str) -> String {
    let heard = receiver.heard();
    let of = heard.iter().find(|heard| heard.failed().0 == slug).unwrap();
    of.body["data"]["connection"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_receiver_says_is_kept() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    receiver.answers(|_| Reply::Status(500));
    ledger.alert(&receiver.url(), &["secret_rotated", "health_changed"]).await;
    ledger.connect("main").await;
    let secret = format!("{CANARY}-second");
    let body = json!({ "connection": "main", "secrets": { "api_key": secret } });
    ledger.run("rotate-secret", body).await;
    ledger.deliver();
    let letters = eventually("a dead letter", || {
        Some(ledger.letters()).filter(|letters| !letters.is_empty())
    });
    let letters = letters.await;
    assert_eq!(letters[0].1, "it answers with status 500", "and not what it said");
    for heard in receiver.heard() {
        assert!(!heard.raw.contains(CANARY), "a body has a secret: {}", heard.raw);
        assert!(!heard.raw.contains("v1."), "a body has ciphertext: {}", heard.raw);
    }
    ledger.rest().await;
}

/// Says whether this instance is the owner.
#[derive(Debug, Default)]
struct Owner(AtomicBool);

impl Fence for Owner {
    fn refusal(&self) -> Option<String> {
        (!self.0.load(Ordering::SeqCst)).then(|| "another instance is the owner".to_owned())
    }

    fn status(&self) -> NatsStatus {
        status_of_owner()
    }
}

/// Returns a status, for which nobody asks here.
fn status_of_owner() -> NatsStatus {
    NatsStatus {
        prefix: "ledger".to_owned(),
        instance: "one".to_owned(),
        owner: false,
        holder: None,
        refusal: None,
        drift: Vec::new(),
        window: None,
        requests_rate_limited: 0,
        requests_locked_out: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_of_the_ledger_sends() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    ledger.alert(&receiver.url(), &["health_changed"]).await;
    ledger.connect("main").await;
    ledger.fail("main", 1).await;
    let owner = Arc::new(Owner::default());
    ledger.engine.set_fence(owner.clone());
    ledger.deliver();
    ledger.rest().await;
    assert_eq!(receiver.count(), 0, "another instance sends");
    ledger.deliver();
    owner.0.store(true, Ordering::SeqCst);
    eventually("it is sent", || (receiver.count() == 1).then_some(())).await;
    ledger.rest().await;
}
