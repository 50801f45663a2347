//! Limits that somebody set by hand, below what the relay needs.

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::{STREAM, edit, filled, named, owned, published, started, status};
use crate::bus::start;
use crate::compare::{bucket_stream, expect_equal};
use crate::ledger::{Ledger, TestCommand};

/// Opens a ledger whose bus was stopped again, and makes several times as many connections as the
/// relay sends at once.
async fn with_many(ledger: Ledger, name: &str, count: usize) -> Ledger {
    let ledger = ledger.reopen();
    let made = futures::stream::iter(0..count).map(|number| {
        let body = json!({"slug": format!("{name}-{number}"), "provider": "x"});
        ledger.send(TestCommand::new("create", &body))
    });
    made.buffer_unordered(64).map_ok(drop).try_collect::<()>().await.expect("accepted");
    ledger
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_holds_less_than_a_batch_does_not_stop_publishing() {
    let (server, ledger, bus) = started().await;
    ledger.create("first").await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    edit(&server, STREAM, |config| config.max_messages = 5).await;
    let ledger = with_many(ledger, "many", 1_500).await;

    let bus = start(&ledger, &server).await;
    published(&server, &ledger).await;
    named(&ledger, "LEDGER_EVENTS: max_msgs was changed").await;
    ledger.create("after").await;
    published(&server, &ledger).await;
    assert_eq!(status(&ledger)["owner"], true);
    bus.shutdown().await;

    // Once nobody limits it, the bucket has every state.
    edit(&server, STREAM, |config| config.max_messages = -1).await;
    let bus = start(&ledger, &server).await;
    owned(&ledger).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    bus.shutdown().await;
}

/// The bucket lacks more events than the relay sends without waiting for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_limit_kept_from_the_bucket_is_told_and_not_waited_for() {
    let (server, ledger, bus) = started().await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let mut sources = None;
    edit(&server, &bucket_stream(), |config| sources = config.sources.take()).await;
    let ledger = with_many(ledger, "lost", 600).await;
    let bus = start(&ledger, &server).await;
    published(&server, &ledger).await;
    bus.shutdown().await;
    edit(&server, STREAM, |config| config.max_messages = 1).await;
    edit(&server, STREAM, |config| config.max_messages = 1_024).await;
    edit(&server, &bucket_stream(), |config| config.sources = sources).await;

    let ledger = with_many(ledger, "many", 1_500).await;
    let bus = start(&ledger, &server).await;
    published(&server, &ledger).await;
    named(&ledger, "the bucket KV_ledger-connections lacks events").await;
    named(&ledger, "LEDGER_EVENTS: max_msgs was changed").await;
    assert_eq!(status(&ledger)["owner"], true);
    bus.shutdown().await;
}
