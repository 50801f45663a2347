//! Streams that somebody deleted or emptied while the ledger runs.

use async_nats::jetstream;
use tokio::time::Instant;

use super::{STREAM, cut, edit, filled, info, info_of, named, started, status};
use crate::bus::start;
use crate::compare::{bucket_stream, expect_equal};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_or_bucket_that_is_deleted_while_nothing_happens_is_filled_again_at_once() {
    let (server, ledger, bus) = started().await;
    for number in 0..20 {
        ledger.create(&format!("c-{number}")).await;
    }
    let client = server.client().await;
    let jetstream = jetstream::new(client.clone());
    let both = vec![STREAM.to_owned(), bucket_stream()];
    for deleted in [vec![STREAM.to_owned()], vec![bucket_stream()], both] {
        expect_equal(&client, &ledger.engine).await;
        for name in &deleted {
            jetstream.delete_stream(name).await.expect("it can be deleted");
        }
        let since = Instant::now();
        for name in &deleted {
            eventually("it is back", async || info(&jetstream, name).await).await;
        }
        filled(&server, &ledger).await;
        println!("{deleted:?} back and filled after {:?}", since.elapsed());
    }
    expect_equal(&client, &ledger.engine).await;
    assert_eq!(status(&ledger)["owner"], true);
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_stream_is_a_shorter_window_and_goes_on() {
    let (server, ledger, bus) = started().await;
    ledger.create("one").await;
    filled(&server, &ledger).await;
    let created = info_of(&server, STREAM).await.created;
    cut(&server, STREAM).await;
    let last = ledger.engine.head().get();
    eventually("the status tells the window", async || {
        let window = &status(&ledger)["window"];
        (window["first_position"] == last && window["bucket_position"] == last).then_some(())
    })
    .await;
    ledger.create("two").await;
    filled(&server, &ledger).await;
    let stream = info_of(&server, STREAM).await;
    assert_eq!((stream.created, stream.state.first_sequence), (created, last));
    assert_eq!(status(&ledger)["drift"].as_array(), None);
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_deleted_after_the_window_moved_is_filled_from_the_first_event() {
    let (server, ledger, bus) = started().await;
    for number in 0..5 {
        ledger.create(&format!("c-{number}")).await;
    }
    filled(&server, &ledger).await;
    cut(&server, STREAM).await;
    let old = info_of(&server, &bucket_stream()).await;
    let jetstream = jetstream::new(server.client().await);
    jetstream.delete_stream(bucket_stream()).await.expect("it can be deleted");
    eventually("it is back", async || info(&jetstream, &bucket_stream()).await).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    let new = info_of(&server, &bucket_stream()).await;
    assert!(new.state.first_sequence > old.state.last_sequence);
    bus.shutdown().await;
}

/// Whoever watches the bucket goes on after the last number that was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_made_after_both_were_deleted_begins_after_all_its_predecessors() {
    let (server, ledger, bus) = started().await;
    for number in 0..5 {
        ledger.create(&format!("c-{number}")).await;
    }
    filled(&server, &ledger).await;
    cut(&server, STREAM).await;
    let jetstream = jetstream::new(server.client().await);
    jetstream.delete_stream(bucket_stream()).await.expect("it can be deleted");
    eventually("it is back", async || info(&jetstream, &bucket_stream()).await).await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let former = info_of(&server, &bucket_stream()).await;
    assert!(former.state.first_sequence > 1, "it is not the first one");
    for name in [STREAM.to_owned(), bucket_stream()] {
        jetstream.delete_stream(name).await.expect("it can be deleted");
    }
    let bus = start(&ledger, &server).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    let new = info_of(&server, &bucket_stream()).await;
    let (begins, ended) = (new.state.first_sequence, former.state.last_sequence);
    assert!(begins > ended, "{begins} after {ended}");
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_lost_states_is_filled_again_once_nobody_limits_it() {
    let (server, ledger, bus) = started().await;
    for number in 0..5 {
        ledger.create(&format!("c-{number}")).await;
    }
    filled(&server, &ledger).await;
    edit(&server, &bucket_stream(), |config| config.max_messages = 6).await;
    named(&ledger, "KV_ledger-connections: max_msgs was changed").await;
    // There are two workspaces.
    named(&ledger, "holds 6 states, and there are 7 connections and workspaces").await;
    assert_eq!(info_of(&server, &bucket_stream()).await.state.messages, 6, "it is left as it is");

    let created = info_of(&server, &bucket_stream()).await.created;
    edit(&server, &bucket_stream(), |config| config.max_messages = -1).await;
    let jetstream = jetstream::new(server.client().await);
    eventually("the bucket is another one", async || {
        (info(&jetstream, &bucket_stream()).await?.created != created).then_some(())
    })
    .await;
    expect_equal(&server.client().await, &ledger.engine).await;
    eventually("nothing differs", async || status(&ledger)["drift"].is_null().then_some(())).await;
    bus.shutdown().await;
}
