//! What the relay does not believe, and what it finds out by itself.

use std::time::Duration;

use async_nats::jetstream::{self, Context};
use futures::StreamExt as _;
use ledger_bus::{Bus, BusOptions, ConnectOptions, connect};
use ledger_domain::Position;
use serde_json::json;
use tokio::time::Instant;

use crate::compare::expect_equal;
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::{PATIENCE, eventually};

const STREAM: &str = "LEDGER_EVENTS";

pub(super) async fn start(ledger: &Ledger, server: &NatsServer) -> Bus {
    let options = ConnectOptions { url: server.url(), ..ConnectOptions::default() };
    let client = connect(&options).await.expect("good options");
    let options = BusOptions::new(client, options);
    let bus = Bus::start(ledger.engine.clone(), options).await.expect("the bus starts");
    bus.settled(PATIENCE).await;
    bus
}

/// A new ledger that owns its name on a server of its own.
async fn started() -> (NatsServer, Ledger, Bus) {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = start(&ledger, &server).await;
    (server, ledger, bus)
}

pub(super) async fn delete_streams(jetstream: &Context) {
    for stream in ["KV_ledger-connections", STREAM] {
        jetstream.delete_stream(stream).await.expect("it can be deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgment_of_a_duplicate_is_not_believed() {
    let (server, ledger, bus) = started().await;
    ledger.create("before").await;
    let client = server.client().await;
    expect_equal(&client, &ledger.engine).await;

    // Without the stream, a forger is the only one who receives the next event.
    let jetstream = jetstream::new(client.clone());
    let mut heard = client.subscribe("ledger.events.>").await.expect("subscribed");
    client.flush().await.expect("the server is there");
    delete_streams(&jetstream).await;
    let forged_at = Instant::now();
    ledger.create("next").await;
    let next = ledger.engine.head().get();
    let reply = loop {
        let message = heard.next().await.expect("an event");
        if let Some(reply) = message.reply {
            break reply;
        }
    };
    heard.unsubscribe().await.expect("the server is there");
    let forged = json!({"stream": STREAM, "seq": next, "duplicate": true}).to_string();
    client.publish(reply, forged.into()).await.expect("sent");
    expect_equal(&client, &ledger.engine).await;
    // A look at an idle stream would come later.
    assert!(forged_at.elapsed() < Duration::from_secs(5), "{:?}", forged_at.elapsed());
    bus.shutdown().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_while_nothing_happens_is_filled_again() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    let client = server.client().await;
    expect_equal(&client, &ledger.engine).await;
    let jetstream = jetstream::new(client.clone());
    delete_streams(&jetstream).await;
    eventually("the stream is back", async || jetstream.get_stream(STREAM).await.ok()).await;
    expect_equal(&client, &ledger.engine).await;
    bus.shutdown().await;
}
