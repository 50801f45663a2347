//! Watchers and mirrors when the ledger gets another history.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_client::{Mirror, WatchScope};
use serde_json::json;

use super::follower::Follower;
use super::stage::{QUIET, Stage};
use crate::wait::eventually;

fn workspace(name: &str) -> WatchScope {
    WatchScope::Workspace(name.to_owned())
}

/// The ledger goes on by three events, and its copy by so many others from the same position.
async fn expect_a_new_start(others: usize) {
    let mut stage = Stage::new().await;
    let client = stage.client().await;
    let scopes = [WatchScope::Everything, workspace("default"), workspace(QUIET)];
    let mut followers: Vec<_> =
        scopes.iter().map(|scope| Follower::new(client.watch(scope.clone(), None), None)).collect();
    let mut asleep = Follower::new(client.watch(workspace("default"), None), None);
    for follower in followers.iter_mut().chain([&mut asleep]) {
        follower.until_caught_up().await;
    }

    let copy = stage.other_history().await;
    let before = stage.incarnation().await;
    let lost = stage.create_some("lost", 3).await;
    let [everything, busy, _] = &mut followers[..] else { panic!("three of them") };
    for follower in [everything, busy] {
        follower.until("it follows", |seen| seen.changes.last() == Some(&lost)).await;
    }
    stage.replace_by(copy).await;
    assert_ne!(stage.incarnation().await, before);
    let head = stage.create_some("other", others).await;
    assert_eq!(head > lost, others > 3);

    let (default, quiet) = (stage.listed("default").await, stage.listed(QUIET).await);
    let mut all = [default.clone(), quiet.clone()].concat();
    all.sort_by_key(|view| view["id"].to_string());
    let [everything, busy, idle] = &mut followers[..] else { panic!("three of them") };
    everything.until_equal_to(&all).await;
    everything.until("it is there", |seen| position(seen) == head).await;
    busy.until_equal_to(&default).await;
    // One that slept meanwhile, and one whose workspace did not change, learn of it as well.
    asleep.until("it is told", |seen| !seen.restarts.is_empty()).await;
    asleep.until_equal_to(&default).await;
    idle.until("it is told", |seen| !seen.restarts.is_empty()).await;
    idle.until_equal_to(&quiet).await;
    let now = stage.incarnation().await;
    for follower in followers.iter().chain([&asleep]) {
        assert_eq!(follower.restarts, ["history_changed"]);
        let incarnation = follower.last.and_then(|point| point.incarnation);
        assert_eq!(incarnation.map(|name| name.to_string()).as_deref(), Some(now.as_str()));
    }
}

fn position(follower: &Follower) -> u64 {
    follower.last.map_or(0, |point| point.position.get())
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_start_anew_in_another_history_and_end_equal_to_the_list() {
    // A shorter history, and a longer one with other events at the same positions.
    tokio::join!(Box::pin(expect_a_new_start(1)), Box::pin(expect_a_new_start(6)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_follows_into_another_history_and_so_do_its_secrets() {
    let mut stage = Stage::new().await;
    let mirror = Arc::new(Mirror::follow(stage.client().await, "default"));
    mirror.ready().await.expect("it watches");
    let copy = stage.other_history().await;
    let rotate = |value: &str| json!({ "secrets": { "api_key": value } });
    stage.change("rotate-secret", &rotate("sk-lost-value-2")).await;
    stage.create_some("lost", 2).await;
    eventually("it follows", async || mirror.connection("lost-1")).await;
    let value = async || {
        let seen = mirror.connection("shared").expect("it is never missing");
        mirror.secret(&seen, "api_key", "to test").await.expect("it is served").value().to_owned()
    };
    assert_eq!(value().await, "sk-lost-value-2");

    let stop = Arc::new(AtomicBool::new(false));
    let (looked_at, stopped) = (Arc::clone(&mirror), Arc::clone(&stop));
    let looking = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            assert!(looked_at.connection("shared").is_some(), "it is missing for a moment");
            tokio::task::yield_now().await;
        }
    });
    stage.replace_by(copy).await;
    // The same generation is another value in this history.
    stage.change("rotate-secret", &rotate("sk-other-value-2")).await;
    stage.create_some("other", 1).await;
    let listed = stage.listed("default").await;
    eventually("the mirror is equal to the list", async || {
        let mut seen = mirror.connections();
        seen.sort_by(|one, other| one.id.cmp(&other.id));
        let seen = seen.iter().map(|one| json!([one.id, one.slug, one.version, one.generations]));
        let generation = json!({ "api_key": 0 });
        let wanted = listed.iter().map(|view| {
            let mut generations = generation.clone();
            generations["api_key"] = view["secrets"]["api_key"]["generation"].clone();
            json!([view["id"], view["slug"], view["version"], generations])
        });
        seen.eq(wanted).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    looking.await.expect("it was never missing");
    assert_eq!(value().await, "sk-other-value-2");
    assert!(mirror.connection("lost-1").is_none(), "what is not in the list is gone");
    let point = mirror.points().borrow().expect("it has caught up");
    let now = stage.incarnation().await;
    assert_eq!(point.incarnation.map(|name| name.to_string()), Some(now));
}
