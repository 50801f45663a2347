//! A ledger that keeps no bucket.

use async_nats::jetstream;

use super::{STREAM, cut, filled, info, info_of, owned, start_with, started, status};
use crate::compare::{bucket_stream, expect_equal};
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_an_old_one_is_removed_and_with_one_it_is_complete_again() {
    let (server, ledger, bus) = started().await;
    for number in 0..3 {
        ledger.create(&format!("c-{number}")).await;
    }
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let jetstream = jetstream::new(server.client().await);

    let bus = start_with(&ledger, server.url(), |options| options.bucket = false).await;
    owned(&ledger).await;
    assert!(info(&jetstream, &bucket_stream()).await.is_none());
    ledger.create("without").await;
    let head = ledger.engine.head().get();
    eventually("the stream goes on, and the status tells of no bucket", async || {
        let status = status(&ledger);
        let window = &status["window"];
        (window["last_position"] == head && window["bucket_position"].is_null()).then_some(status)
    })
    .await;
    assert!(status(&ledger)["drift"].is_null());
    cut(&server, STREAM).await;
    bus.shutdown().await;

    let bus = start_with(&ledger, server.url(), |_| {}).await;
    owned(&ledger).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    assert_eq!(info_of(&server, STREAM).await.state.first_sequence, 1);
    bus.shutdown().await;
}
