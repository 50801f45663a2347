//! A stream that is behind the ledger, or filled again with the same history.

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use ledger_client::WatchScope;

use super::follower::Follower;
use super::stage::{STREAM, Stage};
use crate::wait::eventually;

/// Limits the number of messages in the stream, which takes no more than that, or ends the limit.
async fn limit(stage: &Stage, max_messages: i64) {
    let jetstream = stage.jetstream().await;
    let stream = jetstream.get_stream(STREAM).await.expect("it is there");
    let discard = if max_messages > 0 { DiscardPolicy::New } else { DiscardPolicy::Old };
    let config = Config { max_messages, discard, ..stream.cached_info().config.clone() };
    jetstream.update_stream(config).await.expect("it can be changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_stream_is_behind_the_states_come_from_the_ledger() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let published = stage.wait_until_published().await;
    limit(&stage, i64::try_from(published).expect("few")).await;
    let head = stage.create_some("waiting", 2).await;
    let mut follower = Follower::new(client.watch(WatchScope::Everything, None), None);
    follower.until("it is told that it may be behind", |seen| seen.interruptions > 0).await;
    let listed = [stage.listed("default").await, stage.listed("quiet").await];
    let mut listed = listed.concat();
    listed.sort_by_key(|view| view["id"].to_string());
    follower.until_equal_to(&listed).await;
    assert_eq!(follower.last.map(|point| point.position.get()), Some(head));

    limit(&stage, -1).await;
    let last = stage.create_some("after", 1).await;
    follower.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
    assert_eq!(follower.changes, [last], "what was in the states is not told again");
    assert!(follower.restarts.is_empty(), "{:?}", follower.restarts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_filled_again_with_the_same_history_repeats_nothing() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let mut follower = Follower::new(client.watch(WatchScope::Everything, None), None);
    follower.until_caught_up().await;
    let first = stage.create_some("before", 2).await - 1;
    stage.wait_until_published().await;
    follower.until("it follows", |seen| seen.changes.len() == 2).await;
    stage.delete_streams().await;
    follower.until("it is told that it may be behind", |seen| seen.interruptions > 0).await;
    let last = stage.create_some("after", 3).await;
    follower.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
    assert_eq!(follower.changes, (first..=last).collect::<Vec<_>>());
    assert!(follower.restarts.is_empty(), "{:?}", follower.restarts);
    eventually("everything is published", async || {
        let status = stage.status().await;
        (status["published"] == last).then_some(())
    })
    .await;
}
