//! Streams of this ledger that hold another history: refused by name, and made anew when told so.

use async_nats::jetstream;
use ledger_bus::BusOptions;
use serde_json::json;

use super::{
    STREAM, adopting, filled, info, info_of, owned, restored, start_with, started, status,
};
use crate::compare::{bucket_stream, everything, expect_equal};
use crate::ledger::{Ledger, Place, TestCommand};
use crate::nats_server::NatsServer;
use crate::wait::{PATIENCE, eventually};

/// Waits for the sentence with which the streams are refused.
async fn refused(ledger: &Ledger, part: &str) -> String {
    let refusal = eventually(&format!("it is refused: {part}"), async || {
        let refusal = status(ledger)["refusal"].as_str()?.to_owned();
        refusal.contains(part).then_some(refusal)
    })
    .await;
    assert_eq!(status(ledger)["owner"], false);
    refusal
}

/// Checks that every message of the stream is of the ledger's present history.
async fn expect_of_this_history(server: &NatsServer, ledger: &Ledger) {
    let client = server.client().await;
    expect_equal(&client, &ledger.engine).await;
    let own = ledger.engine.identity().incarnation.to_string();
    let jetstream = jetstream::new(client);
    for name in [STREAM.to_owned(), bucket_stream()] {
        for message in everything(&jetstream, &name).await {
            let headers = message.headers.as_ref().expect("headers");
            assert_eq!(
                headers.get("Ledger-Incarnation").map(ToString::to_string).as_ref(),
                Some(&own)
            );
        }
        let metadata = info_of(server, &name).await.config.metadata;
        assert_eq!(metadata.get("ledger_incarnation"), Some(&own), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_history_is_refused_by_name_until_it_is_adopted() {
    let (server, ledger, bus) = started().await;
    for number in 0..5 {
        ledger.create(&format!("c-{number}")).await;
    }
    filled(&server, &ledger).await;
    let old = ledger.engine.identity().incarnation.to_string();
    let old_bucket = info_of(&server, &bucket_stream()).await;
    let ledger = restored(ledger, bus).await;
    let created = info_of(&server, STREAM).await.created;

    let bus = start_with(&ledger, server.url(), |_| {}).await;
    let refusal = refused(&ledger, "holds another history of this ledger").await;
    for part in [old.as_str(), "--adopt-stream", "connledger explain stream_differs"] {
        assert!(refusal.contains(part), "{refusal}");
    }
    let create = TestCommand::new("create", &json!({"slug": "no", "provider": "x"}));
    assert_eq!(ledger.refusal(create).await.as_str(), "not_owner");
    assert_eq!(info_of(&server, STREAM).await.created, created, "nothing was touched");
    bus.shutdown().await;

    let bus = start_with(&ledger, server.url(), adopting).await;
    owned(&ledger).await;
    ledger.create("after").await;
    expect_of_this_history(&server, &ledger).await;
    let new_bucket = info_of(&server, &bucket_stream()).await;
    assert!(
        new_bucket.state.first_sequence > old_bucket.state.last_sequence,
        "whoever watches the bucket finds all of it after what was seen"
    );
    bus.shutdown().await;
}

/// Returns an older copy of a ledger, a server with what the ledger published since, and the last
/// position of that.
async fn older_copy() -> (NatsServer, Place, u64) {
    let (server, ledger, bus) = started().await;
    ledger.create("both").await;
    filled(&server, &ledger).await;
    let older = ledger.power_cut();
    ledger.create("only-here").await;
    filled(&server, &ledger).await;
    let ahead = ledger.engine.head().get();
    bus.shutdown().await;
    ledger.close();
    (server, older, ahead)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ahead_of_an_older_copy_is_adopted_by_the_copy_that_is_told_to() {
    let (server, older, ahead) = older_copy().await;
    let older = older.open();
    let former = older.engine.identity();
    let bus = start_with(&older, server.url(), |_| {}).await;
    refused(&older, &format!("the stream LEDGER_EVENTS ends at {ahead} and this ledger at")).await;
    bus.shutdown().await;
    // Both histories have the same name, so the copy begins another one first.
    let created = info_of(&server, STREAM).await.created;
    let bus = start_with(&older, server.url(), adopting).await;
    tokio::time::timeout(PATIENCE, bus.until_history_begun()).await.expect("in time");
    refused(&older, "starts again with another history").await;
    bus.shutdown().await;
    assert_eq!(info_of(&server, STREAM).await.created, created, "nothing was touched");
    let older = older.reopen();
    assert_eq!(older.engine.identity().ledger, former.ledger);
    assert_ne!(older.engine.identity().incarnation, former.incarnation);
    let bus = start_with(&older, server.url(), adopting).await;
    owned(&older).await;
    older.create("went-on").await;
    expect_of_this_history(&server, &older).await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_that_finds_only_a_bucket_ahead_of_it_is_refused_until_it_adopts() {
    let (server, older, ahead) = older_copy().await;
    let jetstream = jetstream::new(server.client().await);
    jetstream.delete_stream(STREAM).await.expect("it can be deleted");
    let created = info_of(&server, &bucket_stream()).await.created;

    let older = older.open();
    let bus = start_with(&older, server.url(), |_| {}).await;
    let refusal = refused(&older, &format!("was filled up to {ahead}, while this ledger")).await;
    assert!(refusal.contains("--adopt-stream"), "{refusal}");
    bus.shutdown().await;
    assert!(info(&jetstream, STREAM).await.is_none(), "nothing was made");
    assert_eq!(info_of(&server, &bucket_stream()).await.created, created, "nothing was touched");

    let bus = start_with(&older, server.url(), adopting).await;
    tokio::time::timeout(PATIENCE, bus.until_history_begun()).await.expect("in time");
    bus.shutdown().await;
    let older = older.reopen();
    let bus = start_with(&older, server.url(), adopting).await;
    owned(&older).await;
    older.create("went-on").await;
    expect_of_this_history(&server, &older).await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adopting_leaves_a_stream_that_fits_as_it_is_and_happens_once() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    filled(&server, &ledger).await;
    let created = info_of(&server, STREAM).await.created;
    bus.shutdown().await;
    let bus = start_with(&ledger, server.url(), adopting).await;
    owned(&ledger).await;
    assert_eq!(info_of(&server, STREAM).await.created, created);

    // From here on the streams of another history are no longer expected.
    let stranger = "00000000-0000-7000-8000-000000000000";
    super::edit(&server, STREAM, |config| {
        config.metadata.insert("ledger_incarnation".to_owned(), stranger.to_owned());
    })
    .await;
    let mut nats = server;
    nats.stop().await;
    nats.start_again().await;
    refused(&ledger, stranger).await;
    assert_eq!(info_of(&nats, STREAM).await.created, created);
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_ledger_is_never_adopted() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let created = info_of(&server, STREAM).await.created;
    let other = Ledger::new().await;
    let bus = start_with(&other, server.url(), adopting).await;
    let id = ledger.engine.ledger_id();
    refused(&other, &format!("belongs to another ledger ({id})")).await;
    assert_eq!(info_of(&server, STREAM).await.created, created);
    bus.shutdown().await;
}

/// What a power cut in the middle of an adoption leaves is completed by the next start.
#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_that_was_interrupted_is_completed() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    filled(&server, &ledger).await;
    let mut ledger = restored(ledger, bus).await;
    for deleted in [vec![bucket_stream()], vec![bucket_stream(), STREAM.to_owned()]] {
        let jetstream = jetstream::new(server.client().await);
        for name in &deleted {
            jetstream.delete_stream(name).await.expect("it can be deleted");
        }
        let bus = start_with(&ledger, server.url(), adopting).await;
        owned(&ledger).await;
        expect_of_this_history(&server, &ledger).await;
        ledger = restored(ledger, bus).await;
    }
    // Without being told to adopt, a stream that is gone is simply made.
    let jetstream = jetstream::new(server.client().await);
    for name in [bucket_stream(), STREAM.to_owned()] {
        jetstream.delete_stream(&name).await.expect("it can be deleted");
    }
    let bus = start_with(&ledger, server.url(), |_: &mut BusOptions| {}).await;
    owned(&ledger).await;
    expect_of_this_history(&server, &ledger).await;
    bus.shutdown().await;
}
