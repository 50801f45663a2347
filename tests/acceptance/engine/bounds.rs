//! The size of a connection's state is limited, and earlier states cost little.

use ledger_contract::errors::Code;
use ledger_contract::operations::ReplayRequest;
use ledger_domain::{ConnectionId, Position, Version, limits};
use ledger_store::tables::{log, snapshots};
use ledger_store::{Batch, Durability};
use serde_json::{Value, json};

use crate::ledger::{Ledger, TestCommand};

/// An update that adds 50 KB.
fn grown(number: usize) -> Value {
    json!({"connection": "big", "annotations": {format!("part-{number}"): "x".repeat(50_000)}})
}

/// Grows a connection until it is refused. Returns the number of accepted updates.
async fn grow(ledger: &Ledger) -> usize {
    ledger.create("big").await;
    for number in 0..64 {
        if let Err(problem) = ledger.send(TestCommand::new("update", &grown(number))).await {
            assert_eq!(problem.code, Code::ConnectionTooLarge);
            assert!(problem.message.contains("524288"), "{problem}");
            return number;
        }
    }
    panic!("64 updates of 50 KB were accepted");
}

fn bodies(ledger: &Ledger) -> Vec<Value> {
    let items = ledger.engine.outbox().read(Position::ZERO, 1_000).expect("readable");
    items.iter().map(|item| serde_json::from_slice(&item.body).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_grows_to_its_limit_and_still_can_be_marked_disabled_and_made_smaller() {
    let ledger = Ledger::new().await;
    let accepted = grow(&ledger).await;
    assert_eq!(accepted, limits::CONNECTION_BYTES / 50_100, "all that fits");
    let before = ledger.get("big");
    ledger.run("mark-failed", json!({"connection": "big", "reason": "y".repeat(1_000)})).await;
    ledger.run("disable", json!({"connection": "big"})).await;
    ledger.run("enable", json!({"connection": "big"})).await;
    assert_eq!(ledger.get("big")["annotations"], before["annotations"], "nothing is lost");
    let full = TestCommand::new("update", &grown(63));
    assert_eq!(ledger.refusal(full.clone()).await, Code::ConnectionTooLarge);
    ledger.run("update", json!({"connection": "big", "annotations": {"part-0": null}})).await;
    ledger.send(full).await.expect("there is room again");
    let items = ledger.engine.outbox().read(Position::ZERO, 1_000).expect("readable");
    assert!(items.iter().all(|item| item.body.len() <= limits::NOTIFICATION_BYTES));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_too_large_already_is_published_without_it_and_may_only_shrink() {
    let ledger = Ledger::new().await;
    grow(&ledger).await;
    ledger.create("other").await;
    let last = ledger
        .run("update", json!({"connection": "big", "description": "grown"}))
        .await
        .receipt
        .position;
    let place = ledger.close();
    {
        // The limit did not exist when this was written.
        let store = place.store();
        let bytes = log::get(&store, Position::new(last)).expect("readable").expect("there");
        let text = String::from_utf8(bytes).expect("text");
        let text = text.replace("\"grown\"", &format!("\"{}\"", "z".repeat(400_000)));
        let mut batch = Batch::new();
        log::put(&mut batch, &store, Position::new(last), text.as_bytes());
        store.commit(batch, Durability::Synced).expect("written");
    }
    let ledger = place.open();
    ledger.replay(false);
    ledger.run("update", json!({"connection": "other", "description": "later"})).await;
    let told = bodies(&ledger);
    let omitted: Vec<_> = told
        .iter()
        .filter(|body| body["state_omitted"] == true)
        .map(|body| &body["position"])
        .collect();
    assert_eq!(omitted, [&json!(last)]);
    let reduced = told.iter().find(|body| body["position"] == last).expect("published");
    assert!(reduced.get("connection").is_none());
    assert_eq!(reduced["event"]["type"], "connection_updated");
    assert_eq!(told.last().expect("events")["connection"]["description"], "later");

    assert_eq!(
        ledger.refusal(TestCommand::new("update", &grown(63))).await,
        Code::ConnectionTooLarge
    );
    ledger.run("mark-degraded", json!({"connection": "big"})).await;
    ledger.run("update", json!({"connection": "big", "description": "short"})).await;
    assert_eq!(bodies(&ledger).last().expect("events")["connection"]["description"], "short");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_far_behind_leaves_out_states_that_have_passed() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let made = ledger.engine.head();
    for number in 0..9 {
        let about = json!({"connection": "main", "description": format!("{number}")});
        ledger.run("update", about).await;
    }
    // What was just written is in memory, with its states.
    let ledger = ledger.reopen();
    let late = |behind: u64| -> Vec<Value> {
        let items = ledger.engine.outbox_leaving_out(behind).read(made, 100).expect("readable");
        items.iter().map(|item| serde_json::from_slice(&item.body).expect("JSON")).collect()
    };
    let descriptions = |told: Vec<Value>| -> Vec<Option<String>> {
        let shown = told.iter().map(|body| {
            assert_eq!(body["event"]["type"], "connection_updated");
            assert_eq!(body.get("connection").is_none(), body["state_omitted"] == true, "{body}");
            body["connection"]["description"].as_str().map(str::to_owned)
        });
        shown.collect()
    };
    let all: Vec<_> = (0..9).map(|number| Some(format!("{number}"))).collect();
    assert_eq!(descriptions(late(9)), all, "none is so far behind");
    let some: Vec<_> = (0..9).map(|n| (n >= 5).then(|| format!("{n}"))).collect();
    assert_eq!(descriptions(late(4)), some, "of the newest ones, all are there");
    let last: Vec<_> = (0..9).map(|n| (n == 8).then(|| format!("{n}"))).collect();
    assert_eq!(descriptions(late(0)), last, "the last state is always there");
    // Whoever reads from the first event on carries the states, and leaves out none.
    let mut reader = ledger.engine.outbox_leaving_out(0);
    let items = reader.read(Position::ZERO, 100).expect("readable");
    let whole = |body: &[u8]| !String::from_utf8_lossy(body).contains("state_omitted");
    assert!(items.iter().all(|item| whole(&item.body)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_at_each_version_is_the_same_with_and_without_snapshots() {
    let ledger = Ledger::new().await;
    let id = ledger.create("c").await;
    let mut states = vec![ledger.get("c")];
    for number in 0..70 {
        ledger.run("update", json!({"connection": "c", "description": format!("{number}")})).await;
        states.push(ledger.get("c"));
    }
    let place = ledger.close();
    let connection: ConnectionId = id.parse().expect("an id");
    {
        let store = place.store();
        for version in 1..=71 {
            let row = snapshots::get(&store, connection, Version::new(version)).expect("readable");
            assert_eq!(row.is_some(), version % snapshots::INTERVAL == 0, "version {version}");
        }
        // Ledgers of earlier programs have none.
        let mut batch = Batch::new();
        for version in 1..=71 {
            snapshots::delete(&mut batch, &store, connection, Version::new(version));
        }
        store.commit(batch, Durability::Synced).expect("written");
    }
    let ledger = place.open();
    for _ in 0..2 {
        for (index, wanted) in states.iter().enumerate().rev().skip(1) {
            let told = bodies(&ledger);
            let told = told.iter().find(|body| body["connection"]["version"] == index + 1);
            assert_eq!(told.map(|body| &body["connection"]), Some(wanted), "version {}", index + 1);
        }
        ledger.run("revert", json!({"connection": "c", "to_version": 35})).await;
        assert_eq!(ledger.get("c")["description"], "33");
        ledger.expect_replay_equal();
        ledger.run("update", json!({"connection": "c", "description": "again"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_differs_from_the_log_is_found_and_replaced() {
    let ledger = Ledger::new().await;
    let id = ledger.create("c").await;
    for number in 0..40 {
        ledger.run("update", json!({"connection": "c", "description": format!("{number}")})).await;
    }
    let place = ledger.close();
    let connection: ConnectionId = id.parse().expect("an id");
    {
        let store = place.store();
        let version = Version::new(32);
        let row = snapshots::get(&store, connection, version).expect("readable").expect("there");
        let row = String::from_utf8(row).expect("text").replace("\"30\"", "\"forged\"");
        let mut batch = Batch::new();
        snapshots::put(&mut batch, &store, connection, version, row.as_bytes());
        store.commit(batch, Durability::Synced).expect("written");
    }
    let ledger = place.open();
    let verify = ReplayRequest { projection: None, verify: true };
    let report = ledger.engine.replay(&verify, &|_| {}).expect("it runs");
    let difference = report.difference.expect("it differs");
    assert!(difference.contains(&id) && difference.contains("version 32"), "{difference}");
    ledger.replay(false);
    ledger.expect_replay_equal();
}
