//! Watchers of a stream that keeps the newest events only.

use std::time::Duration;

use async_nats::jetstream::stream::DiscardPolicy;
use ledger_client::WatchScope;

use super::follower::Follower;
use super::stage::{QUIET, STREAM, Stage};
use crate::wait::eventually;

/// Events that the stream keeps.
const WINDOW: i64 = 5;

/// Makes the stream forget all but the newest events.
async fn trim(stage: &Stage) {
    let jetstream = stage.jetstream().await;
    let stream = jetstream.get_stream(STREAM).await.expect("it is there");
    let mut config = stream.cached_info().config.clone();
    config.max_messages = WINDOW;
    config.discard = DiscardPolicy::Old;
    jetstream.update_stream(config).await.expect("it can be changed");
    eventually("the oldest events are gone", async || {
        let stream = jetstream.get_stream(STREAM).await.ok()?;
        (stream.cached_info().state.messages <= u64::try_from(WINDOW).ok()?).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_slept_longer_than_the_window_ends_equal_to_the_list() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let scope = || WatchScope::Workspace("default".to_owned());
    let mut first = Follower::new(client.watch(scope(), None), None);
    first.until_caught_up().await;
    let early = stage.create_some("early", 2).await;
    first.until("it follows", |seen| seen.changes.last() == Some(&early)).await;
    let slept_at = first.last;
    drop(first);

    stage.create_some("missed", 20).await;
    stage.wait_until_published().await;
    trim(&stage).await;
    let listed = stage.listed("default").await;
    let mut woken = Follower::new(client.watch(scope(), slept_at), slept_at);
    woken.until_equal_to(&listed).await;
    assert_eq!(woken.restarts, ["events_missed"]);

    // It goes on, and one that slept for less misses nothing and does not start anew.
    let last = stage.create_some("late", 1).await;
    woken.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
    let slept_at = woken.last;
    drop(woken);
    let last = stage.create_some("later", 3).await;
    let mut woken = Follower::new(client.watch(scope(), slept_at), slept_at);
    woken.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
    assert_eq!(woken.changes, [last - 2, last - 1, last]);
    assert!(woken.restarts.is_empty(), "{:?}", woken.restarts);
}

/// Nothing happened for longer than the stream keeps events.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_of_a_stream_that_holds_nothing_any_more_goes_on() {
    let stage = Stage::new().await;
    stage.create_some("old", 2).await;
    stage.wait_until_published().await;
    let jetstream = stage.jetstream().await;
    let stream = jetstream.get_stream(STREAM).await.expect("it is there");
    let mut config = stream.cached_info().config.clone();
    config.max_age = Duration::from_secs(2);
    config.duplicate_window = config.max_age;
    jetstream.update_stream(&config).await.expect("it can be changed");
    eventually("every event is gone", async || {
        let stream = jetstream.get_stream(STREAM).await.ok()?;
        (stream.cached_info().state.messages == 0).then_some(())
    })
    .await;
    let client = stage.client().await;
    let scopes = [WatchScope::Everything, WatchScope::Workspace("default".to_owned())];
    for (scope, name) in scopes.into_iter().zip(["new", "newer"]) {
        let mut watcher = Follower::new(client.watch(scope, None), None);
        watcher.until_caught_up().await;
        let last = stage.create_some(name, 1).await;
        watcher.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
        assert!(watcher.restarts.is_empty(), "{:?}", watcher.restarts);
    }
}

/// Somebody who takes some of the events, and the others when the stream has forgotten them.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_slower_than_the_window_is_told_and_ends_equal_to_the_list() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let scopes = [WatchScope::Everything, WatchScope::Workspace("default".to_owned())];
    let mut slow = scopes.map(|scope| Follower::new(client.watch(scope, None), None));
    for one in &mut slow {
        one.until_caught_up().await;
    }
    let first = stage.create_some("first", 1).await;
    for one in &mut slow {
        one.until("it follows", |seen| seen.changes.last() == Some(&first)).await;
    }
    // More than it requests at a time, and more than it requests again when it has taken some.
    stage.create_many(1_500).await;
    stage.wait_until_published().await;
    for one in &mut slow {
        one.until("it takes some", |seen| seen.changes.len() > 400).await;
    }
    trim(&stage).await;
    let default = stage.listed("default").await;
    let mut all = [stage.listed(QUIET).await, default.clone()].concat();
    all.sort_by_key(|view| view["id"].to_string());
    for (one, listed) in slow.iter_mut().zip([all, default]) {
        one.until_equal_to(&listed).await;
        assert_eq!(one.restarts, ["events_missed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_of_a_workspace_without_events_in_the_window_starts_and_follows() {
    let stage = Stage::new().await;
    stage.create_some("more", 10).await;
    stage.wait_until_published().await;
    trim(&stage).await;
    let client = stage.client().await;
    let scope = WatchScope::Workspace(QUIET.to_owned());
    let mut idle = Follower::new(client.watch(scope, None), None);
    idle.until_equal_to(&stage.listed(QUIET).await).await;
    let position = stage.create_in(QUIET, "second", "sk-some-value-1").await;
    idle.until("it follows", |seen| seen.changes == [position]).await;
    assert!(idle.restarts.is_empty(), "{:?}", idle.restarts);
}
