//! Whole exports of ledgers with some history.

use ledger_contract::errors::Code;
use ledger_contract::records::Via;
use ledger_contract::reply::Receipt;
use ledger_domain::Position;
use ledger_domain::connection::Environment;
use ledger_engine::{Attempt, EngineOptions, Origin, Until};
use ledger_store::tables::{claims, journal, keys, log, meta, receipts, streams, uses};
use ledger_store::{Batch, Durability, Rows, Store};
use serde_json::json;

use crate::engine::derived::{lived, rotation};
use crate::engine::replay::sight;
use crate::ledger::{Ledger, Place, TestCommand, open};
use crate::moved::{export, import, portable};

/// Everything stored that is not rebuilt, and what is rebuilt in place.
fn stored(place: &Place) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    let store = place.store();
    let all = |rows: Rows<'_>| rows.map(|row| row.expect("authentic")).map(owned).collect();
    let records = log::scan(&store, Position::new(1)).map(|row| row.expect("authentic"));
    let records = records.map(|(position, record)| numbered(position.get(), &record));
    let receipts = receipts::all(&store).map(|row| row.expect("authentic"));
    let receipts = receipts.map(|(key, receipt)| (key.into(), receipt.expect("whole").encode()));
    let entries = journal::all(&store).map(|row| row.expect("authentic"));
    let entries = entries.map(|(number, entry)| numbered(number, &entry));
    vec![
        records.collect(),
        all(keys::rows(&store)),
        receipts.collect(),
        all(streams::rows(&store)),
        all(claims::rows(&store)),
        entries.collect(),
        used(&store),
    ]
}

fn owned((key, value): (Box<[u8]>, Box<[u8]>)) -> (Vec<u8>, Vec<u8>) {
    (key.into(), value.into())
}

fn numbered(number: u64, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (number.to_be_bytes().to_vec(), bytes.to_vec())
}

fn used(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = uses::all(store).map(|used| used.expect("readable"));
    all.map(|(key, at)| (key.as_str().into(), at.get().to_be_bytes().to_vec())).collect()
}

/// A ledger with some history, a used key and some entries in its journal.
async fn lived_with_journal() -> Place {
    let ledger = lived().await.0.open();
    let key = ledger.engine.issue_admin_key(Environment::Test).await.expect("issued");
    ledger.engine.authenticate_key(&key).expect("a good key");
    for address in 1..=3_u32 {
        let address = std::net::Ipv4Addr::from(address).into();
        let attempt = Attempt::new(Via::Http, "list").from_address(Some(address));
        ledger.engine.refused(Code::CredentialInvalid, &attempt);
    }
    ledger.close()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_made_of_an_export_answers_as_the_first_did() {
    let first = lived_with_journal().await;
    let second = first.empty();
    let text = export(&first);
    let restored = import(&second, Until::End, &text).expect("restored");
    let (before, after) = (stored(&first), stored(&second));
    assert!(before.iter().filter(|table| !table.is_empty()).count() >= 6, "{before:?}");
    assert!(before == after, "a table differs");
    let (first, second) = (first.open(), second.open());
    assert_eq!(restored.position, first.engine.head());
    assert_eq!(sight(&second), sight(&first));
    let principals =
        |ledger: &Ledger| ledger.ask_at("_all", "principals", &json!({})).expect("told");
    assert_eq!(principals(&second), principals(&first));
    let status = |ledger: &Ledger| ledger.engine.requires_sealed().expect("readable");
    assert_eq!((status(&second), second.engine.xkey()), (status(&first), first.engine.xkey()));
    second.expect_replay_equal();
    let (one, other) = (first.send(rotation()).await, second.send(rotation()).await);
    let (one, other) = (one.expect("remembered"), other.expect("remembered"));
    assert!(one.repeated && other.repeated);
    let incarnation = restored.identity.incarnation.to_string();
    let expected = Receipt { incarnation, ..one.receipt };
    assert_eq!(other.receipt, expected, "a repeated command has the same answer");
    assert_eq!(second.reveal("main", "api_key").await, "sk-second-value");
    second.create("later").await;
    second.reopen().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_written_while_it_is_served_as_it_is_when_closed() {
    let place = lived_with_journal().await;
    let events = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).expect("text");
        let events = text.lines().filter(|line| line.starts_with(r#"{"event":"#));
        events.map(str::to_owned).collect::<Vec<_>>()
    };
    let closed = events(&export(&place));
    let ledger = place.open();
    let portable = ledger.engine.portable();
    // What comes later is not in it.
    ledger.create("later").await;
    let mut text = Vec::new();
    let written = portable.write_whole(&mut text, &|_| {}).expect("written");
    assert_eq!(events(&text), closed);
    assert_eq!(portable.position().get() + 1, ledger.engine.head().get());
    let expected = u64::try_from(closed.len()).expect("few");
    assert_eq!((written.events.events, written.events.keys), (expected, 3));
    assert_eq!((written.events.connections, written.state.left_out), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_ledger_is_a_new_history_that_knows_the_former() {
    let first = lived().await.0;
    let text = export(&first);
    let made = [first.empty(), first.empty()].map(|place| {
        let until = Until::Position(Position::new(9));
        (import(&place, until, &text).expect("restored"), place)
    });
    let ledger = first.open();
    let former = ledger.engine.identity();
    assert_eq!(ledger.engine.origin().expect("readable"), None);
    let [(one, place), (other, _)] = made;
    assert_eq!(one.identity.ledger, former.ledger);
    assert_ne!(one.identity.incarnation, other.identity.incarnation, "no name is drawn twice");
    assert_ne!(one.identity.incarnation, former.incarnation);
    assert_eq!(one.former, former.incarnation);
    // The first ledger was opened once more since its export.
    assert_eq!(one.identity.epoch, former.epoch);
    assert_eq!(meta::published(&place.store()).expect("readable"), Position::ZERO);
    let restored = place.open();
    let origin = Origin { incarnation: former.incarnation, position: Position::new(9) };
    assert_eq!(restored.engine.origin().expect("readable"), Some(origin));
    assert_eq!(restored.engine.identity().incarnation, one.identity.incarnation);
    let place = restored.reopen().close();
    let again = place.empty();
    let twice = import(&again, Until::End, &export(&place)).expect("restored");
    assert_eq!(twice.former, one.identity.incarnation);
    let origin = again.open().engine.origin().expect("readable").expect("restored");
    assert_eq!(origin.incarnation, one.identity.incarnation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_ledger_without_events_can_be_moved() {
    let place = Ledger::new().await.close().empty();
    let engine = open(|| EngineOptions { create: true, ..place.options() }).expect("made");
    engine.shutdown();
    drop(engine);
    let moved = place.empty();
    let restored = import(&moved, Until::End, &export(&place)).expect("restored");
    assert_eq!((restored.position, restored.recorded_at), (Position::ZERO, None));
    let moved = moved.open();
    let home = TestCommand::new("create-workspace", &json!({}));
    moved.send(home).await.expect("it goes on");
    moved.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_curve_key_moves_with_the_ledger() {
    let ledger = lived().await.0.open();
    ledger.engine.rotate_curve_key(std::time::Duration::from_hours(1)).expect("rotated");
    let keys = |ledger: &Ledger| (ledger.engine.xkey(), ledger.engine.former_xkey());
    let before = keys(&ledger);
    assert!(before.1.is_some());
    let place = ledger.close();
    let moved = place.empty();
    import(&moved, Until::End, &export(&place)).expect("restored");
    assert_eq!(keys(&moved.open()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_the_journal_that_was_altered_is_left_out_and_counted() {
    let place = lived_with_journal().await;
    let numbers = |place: &Place| -> Vec<u64> {
        let store = place.store();
        journal::all(&store).filter_map(|row| Some(row.ok()?.0)).collect()
    };
    let before = numbers(&place);
    let (first, rest) = before.split_first().expect("an entry");
    {
        let store = place.strangers_store();
        let mut batch = Batch::new();
        journal::put(&mut batch, &store, *first, b"{}");
        store.commit(batch, Durability::Synced).expect("written");
    }
    let mut text = Vec::new();
    let written = portable(&place).write_whole(&mut text, &|_| {}).expect("written");
    assert_eq!(written.state.left_out, 1);
    let moved = place.empty();
    import(&moved, Until::End, &text).expect("restored");
    assert_eq!(numbers(&moved), rest);
}
