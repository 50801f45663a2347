//! Positions that are handed back: over HTTP, over NATS, and at the command line.

use std::process::Stdio;

use futures::StreamExt as _;
use ledger_client::{ResumePoint, WatchItem, WatchScope};
use ledger_contract::queries::ListQuery;
use ledger_domain::{Incarnation, Position};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::stage::Stage;
use crate::http::door::{self, Door};
use crate::ledger::{Ledger, TestCommand};
use crate::wait::PATIENCE;

/// No ledger has this history.
const FOREIGN: Incarnation = Incarnation::from_bytes([7; 16]);

fn foreign(position: u64) -> ResumePoint {
    ResumePoint::new(Position::new(position), FOREIGN)
}

fn bare(position: u64) -> ResumePoint {
    ResumePoint::in_any_history(Position::new(position))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_ahead_or_of_another_history_is_answered_at_once() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let head = stage.wait_until_published().await;
    let scopes = [WatchScope::Everything, WatchScope::Workspace("default".to_owned())];
    for (after, word) in [
        (bare(head + 1), "position_unknown"),
        (bare(1_000), "position_unknown"),
        (foreign(1), "history_changed"),
        (foreign(head), "history_changed"),
        (foreign(1_000), "history_changed"),
    ] {
        for scope in &scopes {
            let mut items = client.watch(scope.clone(), Some(after));
            let first = tokio::time::timeout(PATIENCE, items.next()).await.expect("at once");
            let Some(WatchItem::Restarted { reason }) = first else {
                panic!("{after} {scope:?}: {first:?}")
            };
            assert_eq!(reason.as_str(), word, "{after} {scope:?}");
            let next = items.next().await;
            assert!(matches!(next, Some(WatchItem::Initial(_))), "{after} {scope:?}: {next:?}");
        }
        let told = first_lines(&stage, &after.to_string()).await;
        assert_eq!((&told[0]["item"], &told[0]["cause"]), (&json!("restarted"), &json!(word)));
        assert_eq!(told[1]["item"], "initial", "{told:?}");
        let (status, problem) = stage.get(&format!("/events?after={after}")).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!(word)));
        assert_eq!(problem["position"], head);
        assert_eq!(problem["incarnation"], stage.incarnation().await);
    }
}

/// Returns what `watch --json` tells first when it goes on after a point.
async fn first_lines(stage: &Stage, after: &str) -> Vec<Value> {
    let mut command = stage.service.command(&["watch", "--json", "--after", after]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.expect("connledger starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut told = Vec::new();
    while told.len() < 2 {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time");
        let line = line.expect("readable").expect("it goes on");
        told.push(serde_json::from_str(&line).expect("JSON"));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_hands_out_is_taken_back() {
    let door = Door::open().await;
    door.create(&json!({ "slug": "main", "provider": "x" })).await;
    let list = door.get(door::CONNECTIONS).await.json();
    let point = list["resume_after"].as_str().expect("a point").to_owned();
    let incarnation = door.ledger.engine.identity().incarnation;
    assert_eq!(point, format!("{}@{incarnation}", list["position"]));
    door.create(&json!({ "slug": "next", "provider": "x" })).await;
    let poll = |after: &str| {
        let path = format!("/api/v1/events?after={after}");
        door::read(door.ask(Method::GET, &path).header("accept", "application/json"))
    };
    let page = poll(&point).await.json();
    assert_eq!(page["events"][0]["connection"]["slug"], "next");
    assert_eq!(page["events"][0]["incarnation"], incarnation.to_string());
    let end = page["resume_after"].as_str().expect("a point");
    assert_eq!(poll(end).await.json()["events"], json!([]));
    let ready = door.get("/readyz").await.json();
    assert_eq!(ready, json!({ "status": "ready", "incarnation": incarnation.to_string() }));
    poll("1@x").await.expect_problem(400, "field_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_another_history_is_told_the_present_one() {
    let door = Door::open().await;
    let incarnation = door.ledger.engine.identity().incarnation.to_string();
    let after = door.ask(Method::GET, &format!("/api/v1/events?after={}", foreign(1)));
    let last_id =
        door.ask(Method::GET, "/api/v1/events").header("last-event-id", foreign(1).to_string());
    for request in [after, last_id] {
        let refused = door::read(request).await;
        refused.expect_problem(409, "history_changed");
        assert_eq!(refused.json()["incarnation"], incarnation);
        assert_eq!(refused.json()["position"], door.ledger.engine.head().get());
    }
}

/// Returns the cursors that queries of every kind return for a first page of one row.
fn cursors(ledger: &Ledger) -> Vec<(&'static str, Value, String)> {
    let names = ["list", "history", "audit", "workspaces", "principals"];
    let queries = names.map(|name| (name, json!({ "page_size": 1 })));
    let by_update = json!({ "page_size": 1, "sort": "updated" });
    let mut found = Vec::new();
    for (name, query) in queries.into_iter().chain([("list", by_update)]) {
        let page = ledger.ask_at("_all", name, &query).expect("answered");
        let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("{name}: {page}"));
        found.push((name, query, cursor.to_owned()));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_of_another_history_are_refused_and_receipts_name_the_present_one() {
    let ledger = Ledger::new().await;
    for name in ["one", "two"] {
        ledger.create(name).await;
        let create = json!({ "principal": name, "kind": "user", "grants": [] });
        ledger
            .send(TestCommand::new("create-principal", &create).at("_ledger"))
            .await
            .expect("new");
    }
    // Two readings are two entries of the audit journal.
    for name in ["history", "audit"] {
        ledger.ask_at("_all", name, &json!({})).expect("answered");
    }
    let once = || {
        let body = json!({ "slug": "once", "provider": "x" });
        TestCommand::new("create", &body).id("only-once")
    };
    let first = ledger.send(once()).await.expect("accepted");
    let cursors = cursors(&ledger);
    let ledger = ledger.with_another_history();
    for (name, mut query, cursor) in cursors {
        query["cursor"] = json!(cursor);
        let problem = ledger.ask_at("_all", name, &query).expect_err("another history");
        assert_eq!(problem.code.as_str(), "history_changed", "{name}");
        let body = problem.body().error;
        assert_eq!(body.position, Some(ledger.engine.head().get()));
        assert_eq!(body.incarnation, Some(ledger.engine.identity().incarnation.to_string()));
    }
    let again = ledger.send(once()).await.expect("accepted");
    assert!(again.repeated);
    assert_eq!(again.receipt.position, first.receipt.position);
    let now = ledger.engine.identity().incarnation.to_string();
    assert_eq!(again.receipt.incarnation, now);
    assert_ne!(first.receipt.incarnation, now);
    let query = serde_json::to_value(ListQuery::default()).expect("JSON");
    let list = ledger.ask("list", &query);
    assert_eq!(list["resume_after"], json!(ledger.engine.end()));
}
