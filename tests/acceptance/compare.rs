//! Compares the event stream and the bucket with the log.

use std::collections::BTreeMap;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Info;
use async_nats::jetstream::{self, Context, Message};
use futures::StreamExt as _;
use ledger_contract::subjects::Subjects;
use ledger_domain::Position;
use ledger_engine::{Caller, Engine, OutboxItem};
use serde_json::{Value, json};

use crate::ledger::ask_as;
use crate::wait::eventually;

/// Waits until the stream and the bucket are as long as the log.
pub(crate) async fn wait_until_published(client: &async_nats::Client, head: u64) {
    let jetstream = jetstream::new(client.clone());
    let names = [Subjects::default().stream_name(), bucket_stream()];
    for name in names {
        eventually(&format!("{name} holds {head} events"), async || {
            let stream = jetstream.get_stream(&name).await.ok()?;
            (last_of(stream.cached_info()) >= head).then_some(())
        })
        .await;
    }
}

/// Returns how many messages a stream has had. A bucket that was made anew begins at the number
/// that its metadata says.
pub(crate) fn last_of(info: &Info) -> u64 {
    let base = info.config.metadata.get("ledger_base").map_or(Ok(0), |base| base.parse::<u64>());
    let own = info.config.name == bucket_stream();
    info.state.last_sequence - if own { base.expect("a number") } else { 0 }
}

/// Fails unless the stream holds each event of the log once and in order, and the bucket the
/// last states. Returns how many events there are.
pub(crate) async fn expect_equal(client: &async_nats::Client, engine: &Engine) -> u64 {
    let head = engine.head().get();
    wait_until_published(client, head).await;
    let jetstream = jetstream::new(client.clone());
    let messages = everything(&jetstream, &Subjects::default().stream_name()).await;
    let items = outbox(engine);
    assert_eq!(messages.len(), items.len(), "the stream is not as long as the log");
    let mut last = BTreeMap::new();
    for (message, item) in messages.iter().zip(&items) {
        expect_same(message, item);
        last.insert(message.subject.to_string(), &message.payload);
    }
    let bucket = everything(&jetstream, &bucket_stream()).await;
    let prefix = format!("$KV.{}.", Subjects::default().bucket_name());
    let states: BTreeMap<_, _> = bucket
        .iter()
        .map(|message| (message.subject.replace(&prefix, "ledger.events."), &message.payload))
        .collect();
    assert_eq!(states.len(), bucket.len(), "the bucket holds one value a key");
    assert!(states == last, "the bucket does not hold the last states");
    expect_last_states(states.values().map(|state| &state[..]), engine);
    head
}

fn expect_same(message: &Message, item: &OutboxItem) {
    let position = item.position.get();
    let info = message.info().expect("a stream's message");
    assert_eq!(info.stream_sequence, position, "sequence and position differ");
    let subject = Subjects::default().event(&item.workspace, &item.stream);
    assert_eq!(message.subject.as_str(), subject, "position {position}");
    let headers = message.headers.as_ref().expect("headers");
    let header = |name: &str| headers.get(name).map(ToString::to_string);
    assert_eq!(header("Ledger-Position"), Some(position.to_string()));
    assert_eq!(header("ce-id"), Some(item.event_id.to_string()));
    assert_eq!(header("ce-time"), Some(item.recorded_at.clone()));
    let told: Value = serde_json::from_slice(&message.payload).expect("JSON");
    let wanted: Value = serde_json::from_slice(&item.body).expect("JSON");
    assert_eq!(told, wanted, "position {position}");
    assert_eq!(header("Ledger-Incarnation").as_deref(), told["incarnation"].as_str());
}

/// What the bucket says of each connection is what a query says.
fn expect_last_states<'a>(states: impl Iterator<Item = &'a [u8]>, engine: &Engine) {
    for state in states {
        let told: Value = serde_json::from_slice(state).expect("JSON");
        let Some(id) = told["connection"]["id"].as_str() else { continue };
        let (caller, question) = (Caller::system("user:admin"), json!({"connection": id}));
        let answer = ask_as(engine, &caller, "_all", "get", &question).expect("it is there");
        assert_eq!(told["connection"], answer);
    }
}

fn outbox(engine: &Engine) -> Vec<OutboxItem> {
    let mut items: Vec<OutboxItem> = Vec::new();
    loop {
        let after = items.last().map_or(Position::ZERO, |item| item.position);
        let more = engine.outbox().read(after, 1_000).expect("the log can be read");
        if more.is_empty() {
            return items;
        }
        items.extend(more);
    }
}

/// Returns all messages of a stream.
pub(crate) async fn everything(jetstream: &Context, name: &str) -> Vec<Message> {
    let stream = jetstream.get_stream(name).await.expect("the stream is there");
    let count = usize::try_from(stream.cached_info().state.messages).expect("a small stream");
    let ordered = pull::OrderedConfig { deliver_policy: DeliverPolicy::All, ..Default::default() };
    let consumer = stream.create_consumer(ordered).await.expect("a consumer");
    let messages = consumer.messages().await.expect("messages");
    messages.take(count).map(|message| message.expect("a message")).collect().await
}

/// Returns the stream of the bucket that holds the last states.
pub(crate) fn bucket_stream() -> String {
    format!("KV_{}", Subjects::default().bucket_name())
}
