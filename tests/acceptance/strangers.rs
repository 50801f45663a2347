//! Floods of refused requests: what they cost others, and what the audit journal says of them.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::HeaderMap;
use ledger_client::Client;
use serde_json::{Value, json};

use crate::service::{Service, nats_client};
use crate::wait::eventually;

/// The requests of one flood.
const FLOOD: u64 = 2_000;
/// The kinds of entries about wrong keys.
const KINDS: [&str; 3] = ["credential_invalid", "credential_lockout", "rate_limited"];

fn wrong_key() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Authorization", "Bearer sk_live_aaaaaaaaaaaa_wrong");
    headers
}

async fn asked(client: &Client, name: &str, query: &Value) -> Value {
    let answer = client.query("_all", name, query).await.expect("answered");
    serde_json::from_slice(&answer).expect("JSON")
}

/// Returns the code of the refusal of a wrong key, and the seconds to wait.
async fn refused(nats: &async_nats::Client) -> (String, Option<u64>) {
    let subject = "ledger.query._all.whoami";
    let message = nats.request_with_headers(subject, wrong_key(), "{}".into()).await;
    let body: Value = serde_json::from_slice(&message.expect("answered").payload).expect("JSON");
    let error = &body["error"];
    (error["code"].as_str().expect("a code").to_owned(), error["retry_after_seconds"].as_u64())
}

/// Sends wrong keys, each with an inbox of its own.
async fn flood(nats: &async_nats::Client) {
    for number in 0..FLOOD {
        let inbox = format!("_INBOX.made-up-{number:0>20}.1");
        let subject = "ledger.query._all.whoami";
        let sent = nats.publish_with_reply_and_headers(subject, inbox, wrong_key(), "{}".into());
        sent.await.expect("sent");
    }
    nats.flush().await.expect("NATS is there");
}

/// Returns the entries about wrong keys, and how many requests they stand for.
async fn recorded(client: &Client) -> (usize, u64) {
    let page = asked(client, "audit", &json!({"kind": KINDS, "page_size": 500})).await;
    let entries = page["entries"].as_array().expect("entries");
    let counts = entries.iter().map(|entry| entry["count"].as_u64().expect("a count"));
    (entries.len(), counts.sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_over_nats_are_refused_early_and_shut_nobody_else_out() {
    let mut service =
        Service::start(&["--nats", "managed", "--nats-rate-of-strangers", "20"]).await;
    let known = service.client().await;
    asked(&known, "whoami", &json!({})).await;
    let stranger = nats_client(&service).await;
    let (sent, looked) = (AtomicU64::new(0), "the connection is locked out");
    let wait = eventually(looked, async || {
        sent.fetch_add(1, Ordering::Relaxed);
        let (code, wait) = refused(&stranger).await;
        assert!(KINDS.contains(&code.as_str()), "{code}");
        wait.filter(|_| code == "credential_lockout")
    });
    assert!(wait.await >= 1);
    assert!(sent.load(Ordering::Relaxed) > 10, "ten wrong keys are told what is wrong");

    flood(&stranger).await;
    for _ in 0..50 {
        asked(&known, "whoami", &json!({})).await;
    }
    let sent = sent.load(Ordering::Relaxed) + FLOOD;
    let entries = eventually("every request is counted once", async || {
        let (entries, count) = recorded(&known).await;
        assert!(count <= sent, "{count} of {sent}");
        (count == sent).then_some(entries)
    })
    .await;
    assert!(entries <= KINDS.len() * 9 * 2, "{entries} entries for {sent} requests");
    let status = asked(&known, "status", &json!({})).await;
    let counted = |name: &str| status["nats"][name].as_u64().expect("a count");
    let checked = status["refused"]["credential_invalid"].as_u64().expect("a count");
    let unchecked = counted("requests_rate_limited") + counted("requests_locked_out");
    assert_eq!(checked + unchecked, sent, "{status}");
    assert!(unchecked > FLOOD / 2, "{status}");
    // Who comes now waits as long as is said, and is answered.
    let newcomer = service.client().await;
    asked(&newcomer, "whoami", &json!({})).await;
    assert!(service.stop().await.success());
}
