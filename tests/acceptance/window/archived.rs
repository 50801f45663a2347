//! Archived connections leave the bucket.

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use futures::StreamExt as _;
use ledger_bus::Window;
use serde_json::{Value, json};

use super::{STREAM, filled, info_of, start_with, status};
use crate::ledger::{HOME, Ledger};
use crate::nats_server::NatsServer;
use crate::wait::eventually;

/// The last message of a connection's key, whatever it does to the key.
async fn entry(store: &kv::Store, connection: &str) -> Option<kv::Entry> {
    store.entry(format!("{HOME}.{connection}")).await.expect("answered")
}

async fn bucket(server: &NatsServer) -> kv::Store {
    let jetstream = jetstream::new(server.client().await);
    jetstream.get_key_value("ledger-connections").await.expect("it is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_connection_is_deleted_at_once_and_appears_again_when_it_is_restored() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = start_with(&ledger, server.url(), |_| {}).await;
    let connection = ledger.create("main").await;
    filled(&server, &ledger).await;
    let store = bucket(&server).await;
    let mut watcher = store.watch(format!("{HOME}.{connection}")).await.expect("a watch");
    ledger.run("archive", json!({"connection": connection})).await;
    let told = watcher.next().await.expect("a change").expect("readable");
    assert_eq!(told.operation, kv::Operation::Delete);
    let body: Value = serde_json::from_slice(&told.value).expect("it still is a notification");
    assert_eq!(body["connection"]["lifecycle"], "archived");
    let key = format!("{HOME}.{connection}");
    assert_eq!(store.get(&key).await.expect("answered"), None, "it counts as deleted");

    ledger.run("restore", json!({"connection": connection})).await;
    let told = watcher.next().await.expect("a change").expect("readable");
    assert_eq!(told.operation, kv::Operation::Put);
    assert!(store.get(&key).await.expect("answered").is_some());
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_connection_leaves_the_bucket_with_the_window_and_no_other_does() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = start_with(&ledger, server.url(), |options| {
        options.window = Window { age: Some(Duration::from_secs(3)), bytes: None };
    })
    .await;
    let stays = ledger.create("stays").await;
    let leaves = ledger.create("leaves").await;
    let returns = ledger.create("returns").await;
    for connection in [&leaves, &returns] {
        ledger.run("archive", json!({"connection": connection})).await;
    }
    ledger.run("restore", json!({"connection": returns})).await;
    filled(&server, &ledger).await;
    let store = bucket(&server).await;
    eventually("the archived connection has left", async || {
        entry(&store, &leaves).await.is_none().then_some(())
    })
    .await;
    for connection in [&stays, &returns] {
        let entry = entry(&store, connection).await.expect("it is there");
        assert_eq!(entry.operation, kv::Operation::Put);
    }
    ledger.run("restore", json!({"connection": leaves, "slug": "again"})).await;
    eventually("it appears again", async || entry(&store, &leaves).await).await;
    bus.shutdown().await;
}

/// Who continues within a window finds everything of its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_becomes_longer_once_everything_that_lasts_shorter_has_left() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let within = async |seconds| {
        start_with(&ledger, server.url(), |options| {
            options.window = Window { age: Some(Duration::from_secs(seconds)), bytes: None };
        })
        .await
    };
    let bus = within(3).await;
    let early = ledger.create("early").await;
    let archived = ledger.run("archive", json!({"connection": early})).await.receipt.position;
    filled(&server, &ledger).await;
    bus.shutdown().await;

    let bus = within(3_600).await;
    let stream = eventually("the window is longer", async || {
        let stream = info_of(&server, STREAM).await;
        (stream.config.max_age == Duration::from_hours(1)).then_some(stream)
    })
    .await;
    assert!(stream.state.first_sequence > archived, "{:?}", stream.state);
    assert!(status(&ledger)["drift"].is_null());
    let late = ledger.create("late").await;
    ledger.run("archive", json!({"connection": late})).await;
    filled(&server, &ledger).await;
    let stream = jetstream::new(server.client().await).get_stream(STREAM).await.expect("there");
    let last = stream.get_raw_message(ledger.engine.head().get()).await.expect("it is there");
    assert_eq!(last.headers.get("Nats-TTL").map(ToString::to_string).as_deref(), Some("3600s"));
    bus.shutdown().await;
}
