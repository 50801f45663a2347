//! Feeds and waits for events end when their reader loses the right to read.

use ledger_domain::Micros;
use ledger_engine::Clock;
use ledger_tokens::TokenOptions;
use reqwest::Method;
use serde_json::{Value, json};

use super::door::{Door, read};
use super::feed::{Event, Feed};
use crate::issuer::{AUDIENCE, Issuer, Signer, seconds};
use crate::ledger::{HOME, TestCommand, send};
use crate::matrix::cast::{govern, principal};
use crate::wait::PATIENCE;

/// The feed of the home workspace.
const FEED: &str = "/api/v1/workspaces/default/events";
/// How long a token is accepted beyond its end, in seconds.
const TOKEN_LEEWAY: i64 = 60;

/// Opens a feed and reads it up to the end of the log.
async fn at_end(door: &Door, credential: &str, path: &str) -> Feed {
    let mut feed = Feed::open_as(door, credential, path, None).await;
    assert_eq!(next(&mut feed).await.expect("an event").kind, "caught_up");
    feed
}

async fn next(feed: &mut Feed) -> Option<Event> {
    tokio::time::timeout(PATIENCE, feed.next()).await.expect("it goes on or ends")
}

/// Reads the last word of a feed on which nothing else comes.
#[track_caller]
fn expect_last(event: Option<Event>, code: &str) {
    let last = event.expect("a last word");
    assert_eq!((last.kind.as_str(), &last.data["code"]), ("closing", &json!(code)), "{last:?}");
    assert!(last.id.is_some() && last.data["detail"].is_string(), "{last:?}");
}

/// Feeds of the workspace and of everything, and a wait for events, end with this code when
/// `change` is made to the principal `one` and its key; those of others go on.
async fn expect_end(verb: &str, change: impl Fn(&str) -> Value, status: u16, code: &str) {
    let door = Door::open().await;
    let engine = &door.ledger.engine;
    let one = principal(engine, "one", &json!([{ "role": "viewer" }])).await;
    let other = principal(engine, "other", &json!([{ "role": "viewer" }])).await;
    let mut home = at_end(&door, &one.key, FEED).await;
    let mut all = at_end(&door, &one.key, "/api/v1/events").await;
    let mut others = at_end(&door, &other.key, FEED).await;
    let wait = format!("{FEED}?wait=60s&after={}", engine.head().get());
    let wait = door.ask_as(&one.key, Method::GET, &wait).header("accept", "application/json");
    let (waited, ()) = tokio::join!(read(wait), async {
        govern(engine, verb, &change(&one.id)).await;
        expect_last(next(&mut home).await, code);
        expect_last(next(&mut all).await, code);
    });
    // A request that arrives too late to wait gets the same refusal.
    waited.expect_problem(status, code);
    assert!(home.next().await.is_none() && all.next().await.is_none(), "it is closed");
    door.create(&json!({ "slug": "later", "provider": "x" })).await;
    assert_eq!(next(&mut others).await.expect("an event").kind, "connection_created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_when_its_key_is_revoked() {
    let revoke = |key: &str| json!({ "principal": "one", "key": key });
    expect_end("revoke-key", revoke, 401, "credential_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_when_its_principal_is_disabled() {
    let disable = |_: &str| json!({ "principal": "one" });
    expect_end("disable-principal", disable, 401, "credential_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_when_its_principal_may_not_read_there_any_more() {
    let elsewhere = |_: &str| {
        let grants = json!([{ "role": "viewer", "workspaces": ["other"] }]);
        json!({ "principal": "one", "grants": grants })
    };
    expect_end("update-principal", elsewhere, 403, "forbidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_goes_on_when_what_changed_leaves_its_reader_the_right() {
    let door = Door::open().await;
    let engine = &door.ledger.engine;
    let one = principal(engine, "one", &json!([{ "role": "viewer" }])).await;
    let second = json!({ "principal": "one" });
    let second = govern(engine, "issue-key", &second).await.api_key.expect("a key");
    let mut home = at_end(&door, &one.key, FEED).await;
    let mut all = at_end(&door, &one.key, "/api/v1/events").await;
    govern(engine, "revoke-key", &json!({ "principal": "one", "key": second.id })).await;
    let grants = json!([{ "role": "auditor", "workspaces": [HOME] }]);
    govern(engine, "update-principal", &json!({ "principal": "one", "grants": grants })).await;
    let last = loop {
        match next(&mut all).await.expect("an event") {
            event if event.kind == "api_key_revoked" => {}
            event => break event,
        }
    };
    expect_last(Some(last), "forbidden");
    door.create(&json!({ "slug": "later", "provider": "x" })).await;
    assert_eq!(next(&mut home).await.expect("an event").kind, "connection_created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_when_its_key_or_token_expires() {
    let door = Door::open().await;
    let engine = &door.ledger.engine;
    let mut issuer = Issuer::nowhere_yet();
    let signer = Signer::new("1");
    issuer.publish(&[&signer]);
    issuer.start().await;
    let tokens = TokenOptions::new(issuer.url(), AUDIENCE).prepare().expect("good options");
    let tokens = tokens.start(Clock::new(|| Micros::new(seconds() * 1_000_000)));
    engine.set_token_verifier(tokens.verifier());
    assert!(tokens.wait_for_keys(PATIENCE).await);

    principal(engine, "one", &json!([{ "role": "viewer" }])).await;
    let end = seconds() + 4;
    let expires_at = ledger_contract::time::format(Micros::new(end * 1_000_000));
    let key = json!({ "principal": "one", "expires_at": expires_at });
    let key = govern(engine, "issue-key", &key).await.api_key.expect("a key").key.clone();
    let token = signer.token(&json!({
        "iss": issuer.url(), "aud": AUDIENCE, "sub": "anna", "scope": "integrations:list",
        "exp": end - TOKEN_LEEWAY,
    }));
    let mut feeds = Vec::new();
    let mut waits = Vec::new();
    for credential in [&key, &token] {
        feeds.push(at_end(&door, credential, FEED).await);
        let wait = door.ask_as(credential, Method::GET, &format!("{FEED}?wait=60s"));
        waits.push(read(wait.header("accept", "application/json")));
    }
    let waited = futures::future::join_all(waits);
    let ended = async {
        for feed in &mut feeds {
            expect_last(next(feed).await, "credential_expired");
        }
    };
    let (waited, ()) = tokio::join!(waited, ended);
    for answer in waited {
        answer.expect_problem(401, "credential_expired");
    }
    assert!(seconds() >= end, "not before its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_ends_when_its_token_or_the_subject_is_blocked() {
    let door = Door::open().await;
    let engine = &door.ledger.engine;
    let mut issuer = Issuer::nowhere_yet();
    let signer = Signer::new("1");
    issuer.publish(&[&signer]);
    issuer.start().await;
    let tokens = TokenOptions::new(issuer.url(), AUDIENCE).prepare().expect("good options");
    let tokens = tokens.start(Clock::new(|| Micros::new(seconds() * 1_000_000)));
    engine.set_token_verifier(tokens.verifier());
    assert!(tokens.wait_for_keys(PATIENCE).await);
    let token = |id: &str| {
        signer.token(&json!({
            "iss": issuer.url(), "aud": AUDIENCE, "sub": "anna", "scope": "integrations:list",
            "exp": seconds() + 600, "jti": id,
        }))
    };
    let mut one = at_end(&door, &token("1"), FEED).await;
    let mut other = at_end(&door, &token("2"), FEED).await;
    govern(engine, "block-token", &json!({ "token_id": "1" })).await;
    expect_last(next(&mut one).await, "credential_revoked");
    door.create(&json!({ "slug": "later", "provider": "x" })).await;
    assert_eq!(next(&mut other).await.expect("an event").kind, "connection_created");
    govern(engine, "block-token", &json!({ "subject": "anna" })).await;
    expect_last(next(&mut other).await, "credential_revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_an_event_that_came_after_they_lost_the_right() {
    const ROUNDS: usize = 12;
    let door = Door::open().await;
    let engine = door.ledger.engine.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = tokio::spawn(async move {
        while !*stopped.borrow() {
            let made = send(&engine, TestCommand::new("create", &json!({ "provider": "x" }))).await;
            made.expect("accepted");
        }
    });
    let engine = &door.ledger.engine;
    for round in 0..ROUNDS {
        let name = format!("reader-{round}");
        let key = principal(engine, &name, &json!([{ "role": "viewer" }])).await;
        let mut feed = Feed::open_as(&door, &key.key, FEED, None).await;
        while next(&mut feed).await.expect("an event").kind != "connection_created" {}
        let revoke = json!({ "principal": name, "key": key.id });
        let revoked_at = govern(engine, "revoke-key", &revoke).await.receipt.position;
        let mut last = 0;
        let closing = loop {
            match next(&mut feed).await.expect("an event") {
                event if event.kind == "closing" => break event,
                event => last = event.id.unwrap_or(last),
            }
        };
        assert!(last < revoked_at, "position {last} came after {revoked_at}");
        assert!(closing.id.is_some_and(|id| id >= last), "{closing:?}");
        expect_last(Some(closing), "credential_revoked");
    }
    stop.send_replace(true);
    load.await.expect("the load ends well");
}
