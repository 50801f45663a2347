//! What only lists and histories need is rebuilt while the ledger is served.

use ledger_contract::errors::Code;
use ledger_contract::operations::ReplayRequest;
use ledger_engine::{ReplayError, ReplayLimits};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability};
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, Place, TestCommand};
use crate::wait::soon;

/// Reads the whole log again for each connection, which takes a while.
const SLOW: ReplayLimits =
    ReplayLimits { workers: 1, states: 1, state_bytes: u64::MAX, events_at_start: 0 };
const CONNECTIONS: usize = 120;

/// Makes a ledger whose lists and audit an earlier version wrote.
async fn outdated() -> Place {
    let ledger = Ledger::with_replay(SLOW).await;
    for number in 0..CONNECTIONS {
        ledger.create(&format!("c-{number}")).await;
    }
    let place = ledger.close();
    let store = place.store();
    let mut batch = Batch::new();
    for name in ["lists", "audit"] {
        meta::put_version(&mut batch, &store, name, 0);
    }
    store.commit(batch, Durability::Synced).expect("written");
    drop(store);
    place
}

fn rebuilding(ledger: &Ledger) -> Option<Value> {
    let status = ledger.ask_at("_all", "status", &json!({})).expect("it has one");
    status.get("rebuilding").cloned()
}

fn expect_rebuilding(ledger: &Ledger) {
    for (query, body) in [("list", json!({})), ("history", json!({"actor": "user:admin"}))] {
        let refused = ledger.ask_at(HOME, query, &body).expect_err("not complete");
        assert_eq!(refused.code, Code::Rebuilding, "{query}: {refused}");
    }
    let shown = rebuilding(ledger).expect("it is shown");
    assert_eq!(shown["projections"], json!(["lists", "audit"]));
    assert!(shown["done"].as_u64() <= shown["total"].as_u64());
}

#[track_caller]
fn expect_rebuilt(ledger: &Ledger, connections: usize) {
    soon("everything is rebuilt", || rebuilding(ledger).is_none().then_some(()));
    assert_eq!(ledger.ask("list", &json!({}))["total"], connections);
    let request = ReplayRequest { projection: None, verify: true };
    let compared =
        soon("the rebuild has cleaned up", || match ledger.engine.replay(&request, &|_| {}) {
            Err(ReplayError::Running) => None,
            compared => Some(compared.expect("it runs to its end")),
        });
    assert_eq!(compared.difference, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_go_on_while_lists_and_audit_are_rebuilt() {
    let ledger = outdated().await.open();
    expect_rebuilding(&ledger);
    ledger.create("meanwhile").await;
    ledger.run("archive", json!({"connection": "c-7"})).await;
    ledger.run("mark-degraded", json!({"connection": "c-8", "reason": "meanwhile"})).await;
    assert_eq!(ledger.get("meanwhile")["slug"], "meanwhile");
    assert_eq!(ledger.reveal("c-9", "api_key").await, "sk-first-value-1");
    ledger.ask_at("_all", "history", &json!({})).expect("it needs no bitmaps");
    let principal = json!({"principal": "ada", "kind": "user", "grants": []});
    let create = TestCommand::new("create-principal", &principal);
    ledger.send(create.at(ledger_contract::subjects::LEDGER)).await.expect("accepted");
    expect_rebuilding(&ledger);
    expect_rebuilt(&ledger, CONNECTIONS);
    let ledger = ledger.reopen();
    assert_eq!(rebuilding(&ledger), None, "that is kept");
    expect_rebuilt(&ledger, CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_was_killed_begins_again() {
    let ledger = outdated().await.open();
    ledger.create("meanwhile").await;
    let killed = ledger.power_cut();
    expect_rebuilding(&ledger);
    // An orderly stop does not wait for the rebuild either.
    let stopped = ledger.close();
    for place in [killed, stopped] {
        let ledger = place.open();
        expect_rebuilding(&ledger);
        ledger.create("later").await;
        expect_rebuilt(&ledger, CONNECTIONS + 2);
        expect_rebuilt(&ledger.reopen(), CONNECTIONS + 2);
    }
}
