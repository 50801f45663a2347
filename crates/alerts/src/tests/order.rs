//! Which events arrive, in which order, and what happens to those that are not taken.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::eventually;
use super::ledger::Ledger;
use super::receiver::{Heard, Receiver, Reply};

/// Returns the reasons of each connection in the order in which they arrived first.
fn by_connection(heard: &[Heard]) -> BTreeMap<String, Vec<String>> {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for heard in heard {
        let (slug, reason) = heard.failed();
        let reasons = seen.entry(slug).or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_delays_only_its_connection() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    receiver.answers(|heard| match heard.failed() {
        (slug, reason) if slug == "bad" && reason == "number 1" => Reply::Status(500),
        _ => Reply::Status(200),
    });
    ledger.pace.retries = vec![Duration::from_millis(300); 2];
    ledger.alert(&receiver.url(), &["marked_failed"]).await;
    for slug in ["bad", "good"] {
        ledger.connect(slug).await;
    }
    for number in 1..=3 {
        ledger.fail("bad", number).await;
        ledger.fail("good", number).await;
    }
    ledger.deliver();
    let dead = || Some(ledger.letters()).filter(|letters| letters.len() == 1);
    let letters = eventually("a dead letter", dead).await;
    let all = || (by_connection(&receiver.heard())["bad"].len() == 3).then_some(());
    eventually("those behind it arrive", all).await;
    let seen = by_connection(&receiver.heard());
    assert_eq!(seen["good"], ["number 1", "number 2", "number 3"]);
    assert_eq!(seen["bad"], ["number 1", "number 2", "number 3"]);
    let heard = receiver.heard();
    let tries = |heard: &Heard| heard.failed() == ("bad".to_owned(), "number 1".to_owned());
    assert_eq!(heard.iter().filter(|heard| tries(heard)).count(), 3, "and then no more");
    let ids: std::collections::BTreeSet<_> =
        heard.iter().filter(|heard| tries(heard)).map(|heard| heard.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "the id stays");
    let good_first = heard.iter().position(|heard| heard.failed().1 == "number 3").unwrap();
    let bad_second =
        heard.iter().position(|heard| heard.failed() == ("bad".to_owned(), "number 2".to_owned()));
    assert!(good_first < bad_second.unwrap(), "others do not wait");

    receiver.answers(|_| Reply::Status(200));
    ledger.run("replay-alert", json!({ "alert": "ops", "position": letters[0].0 })).await;
    eventually("it is taken", || ledger.letters().is_empty().then_some(())).await;
    assert!(tries(receiver.heard().last().unwrap()));
    ledger.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_away_gets_all_that_waited_and_nothing_is_given_up() {
    const EVENTS: u64 = 300;
    const CONNECTIONS: u64 = 12;
    let mut ledger = Ledger::new().await;
    let mut receiver = Receiver::start();
    receiver.go_away().await;
    ledger.alert(&receiver.url(), &["marked_failed"]).await;
    for number in 0..CONNECTIONS {
        ledger.connect(&format!("c{number}")).await;
    }
    for number in 0..EVENTS {
        ledger.fail(&format!("c{}", number % CONNECTIONS), number).await;
    }
    ledger.pace.pause_max = Duration::from_millis(50);
    ledger.deliver();
    eventually("it was tried often", || (ledger.shown().delivery.failed > 8).then_some(())).await;
    let shown = ledger.shown().delivery;
    assert_eq!((shown.delivered, shown.dead_letters), (0, 0), "an outage costs no event");
    assert!(shown.down_since.is_some() && shown.behind > 0);
    // The server is restarted while the receiver is away.
    ledger.rest().await;
    ledger.deliver();
    receiver.come_back();
    eventually("all arrived", || {
        let seen = by_connection(&receiver.heard());
        (seen.values().map(Vec::len).sum::<usize>() == usize::try_from(EVENTS).unwrap())
            .then_some(())
    })
    .await;
    for (slug, reasons) in by_connection(&receiver.heard()) {
        let numbers: Vec<u64> = reasons
            .iter()
            .map(|reason| reason.strip_prefix("number ").unwrap().parse().unwrap())
            .collect();
        assert!(numbers.is_sorted(), "{slug}: {numbers:?}");
    }
    eventually("all is done", || {
        let delivery = ledger.shown().delivery;
        (delivery.behind == 0 && delivery.waiting == 0 && delivery.down_since.is_none())
            .then_some(())
    })
    .await;
    ledger.rest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_no_other_kind_connection_or_workspace_are_told() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    let body = json!({
        "alert": "ops",
        "url": receiver.url(),
        "on": ["health_changed", "secret_compromised"],
        "provider": "openai",
        "labels": { "team": "mine" },
    });
    ledger.run("create-alert", body).await;
    ledger.connect("other").await;
    ledger.connect("mine").await;
    ledger.fail("other", 1).await;
    ledger.fail("mine", 1).await;
    // The same state with another reason is no change of it.
    ledger.fail("mine", 2).await;
    for (value, compromised) in [("sk-next", false), ("sk-last", true)] {
        let secrets = json!({ "api_key": value });
        let body = json!({ "connection": "mine", "secrets": secrets, "compromised": compromised });
        ledger.run("rotate-secret", body).await;
    }
    ledger.run("mark-operational", json!({ "connection": "mine" })).await;
    ledger.deliver();
    eventually("it is done", || (ledger.shown().delivery.behind == 0).then_some(())).await;
    ledger.rest().await;
    let types: Vec<_> = receiver
        .heard()
        .iter()
        .map(|heard| heard.body["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["marked_failed", "secret_rotated", "marked_operational"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_while_they_overlap() {
    let mut ledger = Ledger::new().await;
    let receiver = Receiver::start();
    ledger.alert(&receiver.url(), &["health_changed"]).await;
    ledger.deliver();
    let test = json!({ "alert": "ops" });
    let mut signatures = Vec::new();
    for (rotation, expected) in [(None, 1), (Some(60), 2), (Some(0), 1)] {
        if let Some(seconds) = rotation {
            let body =
                json!({ "alert": "ops", "overlap_seconds": seconds, "signature": "ed25519" });
            let rotated = ledger.run("rotate-alert-secret", body).await;
            assert!(rotated.signing.unwrap().public_key.clone().unwrap().starts_with("whpk_"));
        }
        ledger.run("test-alert", test.clone()).await;
        let count = signatures.len() + 1;
        eventually("it is told", || (receiver.count() == count).then_some(())).await;
        let heard = receiver.heard().pop().unwrap();
        let signature = heard.header("webhook-signature").to_owned();
        assert_eq!(signature.split(' ').count(), expected, "{signature}");
        signatures.push(signature);
    }
    assert!(signatures[0].starts_with("v1,"), "{signatures:?}");
    assert!(signatures[1].starts_with("v1a,") && signatures[1].contains(" v1,"), "{signatures:?}");
    assert!(signatures[2].starts_with("v1a,"), "{signatures:?}");
    ledger.rest().await;
}
