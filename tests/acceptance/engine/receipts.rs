//! Which commands have receipts, and that lost ones come back whole.

use ledger_contract::errors::Code;
use ledger_contract::records::{Frame, Repeats};
use ledger_domain::{CheckedText as _, MessageId, Position, WorkspaceName};
use ledger_store::tables::{Receipt, log, meta, receipts};
use ledger_store::{Batch, Durability, Store};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Place, TestCommand};

/// Ids of commands that a test sends, one to each of as many connections.
const IDS: [&str; 4] = ["one", "two", "three", "four"];

fn create(id: &str) -> TestCommand {
    TestCommand::new("create", &json!({"slug": id, "provider": "x"})).id(id)
}

fn key(id: &str) -> Vec<u8> {
    receipts::key(&WorkspaceName::stored("default".into()), &MessageId::stored(id.into()))
}

/// Makes a ledger whose commands with ids are [`IDS`], among others without.
async fn lived() -> Ledger {
    let ledger = Ledger::new().await;
    for id in IDS {
        ledger.send(create(id)).await.expect("accepted");
        ledger.run("disable", json!({"connection": id})).await;
    }
    ledger
}

fn rows(store: &Store) -> Vec<(Box<[u8]>, Option<Receipt>)> {
    receipts::all(store).map(|row| row.expect("authentic")).collect()
}

/// Changes rows below the engine.
fn write(place: &Place, put: impl FnOnce(&mut Batch, &Store)) {
    let store = place.store();
    let mut batch = Batch::new();
    put(&mut batch, &store);
    store.commit(batch, Durability::Synced).expect("written");
}

/// Fails unless every command with an id is remembered together with its body.
async fn expect_remembered(ledger: &Ledger) {
    let head = ledger.engine.head();
    for id in IDS {
        assert!(ledger.send(create(id)).await.expect("answered").repeated, "{id}");
        let other = create("another").id(id);
        assert_eq!(ledger.refusal(other).await, Code::CommandIdReused, "{id}");
    }
    assert_eq!(ledger.engine.head(), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_command_with_an_id_of_the_callers_has_a_receipt() {
    let ledger = lived().await;
    ledger.create("main").await;
    ledger.reveal("main", "api_key").await;
    let body = json!({"connection": "main", "reason": "a drill"});
    ledger.send(TestCommand::new("reveal-secret", &body).id("shown")).await.expect("revealed");
    let principal = json!({"principal": "ada", "kind": "user", "grants": []});
    ledger.send(TestCommand::new("create-principal", &principal).at("_ledger")).await.expect("new");
    let place = ledger.close();
    let store = place.store();
    let mut found: Vec<_> = rows(&store).into_iter().map(|(key, _)| key.into_vec()).collect();
    let mut due = IDS.map(key);
    due.sort();
    found.sort();
    assert_eq!(found, due);
    // The records say the same.
    let repeatable = log::scan(&store, Position::new(1)).filter(|row| {
        let (position, record) = row.as_ref().expect("readable");
        let repeats = Frame::read(*position, record).expect("a record").repeats;
        assert_ne!(repeats, Repeats::Unknown);
        repeats != Repeats::Never
    });
    assert_eq!(repeatable.count(), IDS.len());
}

/// What the ledger once made as an id, a caller may still choose.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_the_ledger_made_is_free_for_a_caller() {
    let ledger = lived().await;
    let made = ledger.ask("history", &json!({"connection": "one"}))["events"][0].clone();
    let id = made["command_id"].as_str().expect("an id");
    assert_eq!(ledger.ask("history", &json!({"command_id": id}))["total"], 0);
    let chosen = create("five").id(id);
    assert!(!ledger.send(chosen.clone()).await.expect("accepted").repeated);
    assert!(ledger.send(chosen.clone()).await.expect("answered").repeated);
    assert_eq!(ledger.ask("history", &json!({"command_id": id}))["total"], 1);
    let place = ledger.close();
    write(&place, |batch, store| receipts::delete(batch, store, &key(id)));
    place.replay(false).expect("rebuilt");
    let ledger = place.open();
    ledger.expect_replay_equal();
    assert!(ledger.send(chosen).await.expect("answered").repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_receipts_come_back_with_their_fingerprints() {
    let place = lived().await.close();
    let before = rows(&place.store());
    write(&place, |batch, store| {
        for id in IDS {
            receipts::delete(batch, store, &key(id));
        }
    });
    assert_eq!(rows(&place.store()).len(), 0);
    let difference = place.replay(true).expect("compared").difference.expect("a difference");
    assert_eq!(difference, "table receipts: it has 0 rows, but 4 follow from the log");
    place.replay(false).expect("rebuilt");
    assert_eq!(rows(&place.store()), before);
    let ledger = place.open();
    ledger.expect_replay_equal();
    expect_remembered(&ledger).await;
}

/// A rebuild that was killed has marked the tables as incomplete and written some rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_rebuild_costs_no_fingerprint() {
    let mut place = lived().await.close();
    let before = rows(&place.store());
    for lost in [&IDS[..1], &IDS[2..], &IDS[..]] {
        write(&place, |batch, store| {
            meta::put_version(batch, store, "indexes", 0);
            for id in lost {
                receipts::delete(batch, store, &key(id));
            }
        });
        let ledger = place.open();
        expect_remembered(&ledger).await;
        ledger.expect_replay_equal();
        place = ledger.close();
        assert_eq!(rows(&place.store()), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_leaves_records_and_receipts_that_agree() {
    let ledger = lived().await;
    let place = ledger.power_cut();
    assert_eq!(place.replay(true).expect("compared").difference, None);
    expect_remembered(&place.open()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_sees_a_wrong_fingerprint_and_a_receipt_that_nothing_explains() {
    let place = lived().await.close();
    let before = rows(&place.store());
    let of = |store: &Store, id| receipts::get(store, &key(id)).expect("readable").expect("there");
    let made = {
        let store = place.store();
        let record = log::get(&store, Position::new(4)).expect("readable").expect("there");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        record["command_id"].as_str().expect("an id").to_owned()
    };
    for wrong in ["a fingerprint", "one for another", "one of a command without an id"] {
        write(&place, |batch, store| {
            let one = of(store, "one");
            let other = Receipt { fingerprint: [7; 16], ..one };
            let moved = Receipt { position: Position::new(4), ..one };
            if wrong == "a fingerprint" {
                return receipts::put(batch, store, &key("one"), &other);
            }
            if wrong == "one for another" {
                receipts::delete(batch, store, &key("one"));
            }
            receipts::put(batch, store, &key(&made), &moved);
        });
        let difference = place.replay(true).expect("compared").difference.expect(wrong);
        assert!(difference.starts_with("table receipts: "), "{wrong}: {difference}");
        place.replay(false).expect("rebuilt");
        assert_eq!(place.replay(true).expect("compared").difference, None, "{wrong}");
        assert_eq!(rows(&place.store()), before, "{wrong}");
    }
    expect_remembered(&place.open()).await;
}
