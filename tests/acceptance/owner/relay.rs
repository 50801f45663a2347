//! What the relay does not believe, and what it finds out by itself.

use async_nats::jetstream::{self, Context};
use ledger_domain::Position;

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

/// Stores a message in the event stream as earlier programs did, with an id for the server.
async fn store(client: &async_nats::Client, event_id: &str, message_id: &str) {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("ce-id", event_id);
    headers.insert("Nats-Msg-Id", message_id);
    let jetstream = jetstream::new(client.clone());
    let sent = jetstream.publish_with_headers("ledger.events.default.x", headers, "{}".into());
    sent.await.expect("sent").await.expect("stored");
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
