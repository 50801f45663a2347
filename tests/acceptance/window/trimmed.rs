//! Events that leave the stream because of their age or size.

use std::time::Duration;

use async_nats::jetstream;
use futures::{StreamExt as _, TryStreamExt as _};
use ledger_bus::Window;
use serde_json::json;

use super::{STREAM, filled, info, info_of, owned, start_with, status};
use crate::compare::bucket_stream;
use crate::ledger::{Ledger, TestCommand};
use crate::nats_server::NatsServer;
use crate::wait::eventually;

const MIB: u64 = 1024 * 1024;
/// Four times what the relay reads at once.
const WINDOW_BYTES: u64 = 16 * MIB;
/// Connections whose events are several times as large.
const CONNECTIONS: u64 = 900;

/// A ledger of large connections whose events were never published.
async fn backlog() -> Ledger {
    let ledger = Ledger::new().await;
    let value = "v".repeat(2_000);
    let config: serde_json::Map<_, _> =
        (0..12).map(|number| (format!("field_{number}"), json!(value))).collect();
    let made = futures::stream::iter(0..CONNECTIONS).map(|number| {
        let body = json!({"slug": format!("c-{number}"), "provider": "x", "config": config});
        ledger.send(TestCommand::new("create", &body))
    });
    made.buffer_unordered(64).map_ok(drop).try_collect::<()>().await.expect("accepted");
    ledger
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_removes_has_reached_the_bucket_before() {
    let server = NatsServer::start().await;
    let ledger = backlog().await;
    let bus = start_with(&ledger, server.url(), |options| {
        options.window = Window { age: None, bytes: Some(WINDOW_BYTES) };
    })
    .await;
    filled(&server, &ledger).await;
    let stream = info_of(&server, STREAM).await;
    assert!(stream.state.bytes <= WINDOW_BYTES, "{:?}", stream.state);
    assert!(stream.state.first_sequence > CONNECTIONS / 3, "{:?}", stream.state);
    assert_eq!(stream.state.last_sequence, ledger.engine.head().get());
    let bucket = info_of(&server, &bucket_stream()).await;
    // Two workspaces have a state, too.
    assert_eq!(bucket.state.messages, CONNECTIONS + 2, "the bucket holds every state");
    let head = ledger.engine.head().get();
    eventually("the status tells the window", async || {
        let window = &status(&ledger)["window"];
        let is_told = window["bucket_position"] == head
            && window["first_position"] == stream.state.first_sequence
            && window["bytes"] == stream.state.bytes;
        is_told.then_some(())
    })
    .await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_last_event_is_too_old_is_continued() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let short = |options: &mut ledger_bus::BusOptions| {
        options.window = Window { age: Some(Duration::from_secs(1)), bytes: None };
    };
    let bus = start_with(&ledger, server.url(), short).await;
    ledger.create("before").await;
    filled(&server, &ledger).await;
    let created = info_of(&server, STREAM).await.created;
    bus.shutdown().await;
    let jetstream = jetstream::new(server.client().await);
    eventually("every event has left the stream", async || {
        (info(&jetstream, STREAM).await?.state.messages == 0).then_some(())
    })
    .await;

    let bus = start_with(&ledger, server.url(), short).await;
    owned(&ledger).await;
    ledger.create("after").await;
    filled(&server, &ledger).await;
    let stream = info_of(&server, STREAM).await;
    assert_eq!((stream.created, stream.state.last_sequence), (created, ledger.engine.head().get()));
    let bucket = info_of(&server, &bucket_stream()).await;
    assert_eq!(bucket.state.messages, 4, "two connections and two workspaces");
    bus.shutdown().await;
}
