//! What the relay does not believe, and what it finds out by itself.

use async_nats::jetstream::{self, Context};
use ledger_domain::Position;
use serde_json::json;

use crate::bus::{start, started};
use crate::compare::expect_equal;
use crate::ledger::Ledger;
use crate::wait::eventually;

const STREAM: &str = "LEDGER_EVENTS";

pub(super) async fn delete_streams(jetstream: &Context) {
    for stream in ["KV_ledger-connections", STREAM] {
        jetstream.delete_stream(stream).await.expect("it can be deleted");
    }
}

fn id(ledger: &Ledger, position: u64) -> String {
    let position = Position::new(position);
    ledger.engine.event_id(position).expect("there is an event").to_string()
}

/// Stores a message with these ids in the event stream, and returns its place.
async fn store(client: &async_nats::Client, event_id: &str, message_id: &str) -> u64 {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("ce-id", event_id);
    headers.insert("Nats-Msg-Id", message_id);
    let jetstream = jetstream::new(client.clone());
    let sent = jetstream.publish_with_headers("ledger.events.default.x", headers, "{}".into());
    sent.await.expect("sent").await.expect("stored").sequence
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_with_the_message_ids_of_earlier_programs_is_continued() {
    let (server, ledger, bus) = started().await;
    bus.shutdown().await;
    let client = server.client().await;
    let published = expect_equal(&client, &ledger.engine).await;
    let alone = ledger.reopen();
    alone.create("one").await;
    let earlier = format!("{}/{}", alone.engine.ledger_id(), published + 1);
    store(&client, &id(&alone, published + 1), &earlier).await;

    let bus = start(&alone, &server).await;
    alone.create("two").await;
    eventually("the next event is published", async || {
        (alone.engine.published().get() == published + 2).then_some(())
    })
    .await;
    bus.shutdown().await;
}

/// The server takes a message for the event that has its id, wherever it is in the stream.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_id_is_in_the_stream_at_another_position_is_not_published() {
    let (server, ledger, bus) = started().await;
    bus.shutdown().await;
    let client = server.client().await;
    let published = expect_equal(&client, &ledger.engine).await;

    let alone = ledger.reopen();
    alone.create("one").await;
    alone.create("two").await;
    let [one, two] = [1, 2].map(|number| id(&alone, published + number));
    assert_eq!(store(&client, &one, &two).await, published + 1);

    let bus = start(&alone, &server).await;
    let status = alone.ask_at("_all", "status", &json!({})).expect("answered");
    assert_eq!(status["nats"]["owner"], false, "{status}");
    let refusal = status["nats"]["refusal"].as_str().expect("a reason");
    assert!(refusal.contains("is not the event at that position of this log"), "{refusal}");
    assert_eq!(alone.engine.published().get(), published);
    let refused = alone.refusal(crate::ledger::TestCommand::new(
        "create",
        &json!({"slug": "refused", "provider": "x"}),
    ));
    assert_eq!(refused.await.as_str(), "not_owner");
    bus.shutdown().await;
}
