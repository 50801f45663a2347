//! What whoever has the master key and the disk can do to a log, and who finds it out: whoever has
//! kept a checkpoint.

use ledger_contract::errors::Problem;
use ledger_domain::Position;
use ledger_engine::{Engine, RecountReport};
use ledger_store::tables::{log, tree};
use ledger_store::{Batch, Durability, Store, testing};
use serde_json::{Value, json};

use super::transparency::{grow, long_ledger};
use crate::ledger::{Ledger, Place};
use crate::wait::soon;

/// Returns what a count against checkpoints says.
fn count(place: &Place, seen: &[Vec<u8>]) -> RecountReport {
    let counted = soon("the folder is free", || {
        match Engine::recount(&place.options(), seen, &|_| {}).map_err(Problem::from) {
            Err(problem) if problem.code.as_str() == "data_dir_in_use" => None,
            counted => Some(counted),
        }
    });
    counted.expect("counted").report
}

/// Changes a log as somebody who has the master key, so that every code in it is right.
fn tamper(place: &Place, change: impl FnOnce(&mut Batch, &Store, &dyn Fn(u64) -> Vec<u8>)) {
    let store = place.store();
    let record = |position| log::get(&store, Position::new(position)).unwrap().expect("there");
    let mut batch = Batch::new();
    change(&mut batch, &store, &record);
    store.commit(batch, Durability::Synced).expect("written");
}

fn put(batch: &mut Batch, store: &Store, position: u64, record: &[u8]) {
    log::put(batch, store, Position::new(position), record);
}

/// Returns a record as it would be at another place, or with another actor.
fn with(record: &[u8], name: &str, value: &Value) -> Vec<u8> {
    let text = String::from_utf8(record.to_vec()).expect("text");
    let parsed: Value = serde_json::from_slice(record).expect("JSON");
    let (was, is) = (format!("\"{name}\":{}", parsed[name]), format!("\"{name}\":{value}"));
    assert!(text.contains(&was), "{text}");
    text.replacen(&was, &is, 1).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_a_log_is_named_against_an_earlier_checkpoint() {
    let ledger = long_ledger().await;
    let seen = ledger.engine.sign_checkpoint().expect("signed").to_bytes();
    let head = ledger.engine.head().get();
    let untouched = ledger.power_cut();
    let copies: Vec<Place> = (0..6).map(|_| ledger.power_cut()).collect();
    drop(ledger);
    let report = count(&untouched, std::slice::from_ref(&seen));
    assert_eq!(report.findings, Vec::<String>::new());
    assert_eq!((report.position, report.agrees_at), (head, vec![head]));

    let [edited, removed, inserted, reordered, cut, by_stranger] = copies.as_slice() else {
        unreachable!("six copies");
    };
    tamper(edited, |batch, store, record| {
        put(batch, store, 300, &with(&record(300), "actor", &json!("user:somebody-else")));
    });
    let findings = count(edited, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("position 300 is another one"), "{findings:?}");
    assert!(findings[1].contains(&format!("first {head} events are not those")), "{findings:?}");
    // With the tree made anew, only the checkpoint knows.
    edited.replay(false).expect("made anew");
    assert_eq!(edited.replay(true).expect("compared").difference, None, "it contradicts nothing");
    let findings = count(edited, std::slice::from_ref(&seen)).findings;
    assert_eq!(findings, [format!("the first {head} events are not those of the checkpoint")]);

    tamper(removed, |batch, store, _| testing::delete_record(batch, store, Position::new(40)));
    let findings = count(removed, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("the record at position 40 is missing"), "{findings:?}");

    tamper(inserted, |batch, store, record| {
        for position in 50..=head {
            put(
                batch,
                store,
                position + 1,
                &with(&record(position), "position", &json!(position + 1)),
            );
        }
        put(batch, store, 50, &with(&record(49), "position", &json!(50)));
    });
    let findings = count(inserted, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("position 50 is another one"), "{findings:?}");
    assert!(findings.iter().any(|what| what.contains("not those of the checkpoint")));

    tamper(reordered, |batch, store, record| {
        put(batch, store, 60, &with(&record(61), "position", &json!(60)));
        put(batch, store, 61, &with(&record(60), "position", &json!(61)));
    });
    let findings = count(reordered, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("position 60 is another one"), "{findings:?}");
    assert!(findings[1].contains("position 61 is another one"), "{findings:?}");

    tamper(cut, |batch, store, _| {
        for position in head - 4..=head {
            testing::delete_record(batch, store, Position::new(position));
        }
    });
    let findings = count(cut, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("the last 5 are missing"), "{findings:?}");

    let store = by_stranger.strangers_store();
    let mut batch = Batch::new();
    put(&mut batch, &store, 70, b"{}");
    store.commit(batch, Durability::Synced).expect("written");
    drop(store);
    let findings = count(by_stranger, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("position 70 was altered without the master key"), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_copy_and_a_second_life_are_named() {
    let ledger = long_ledger().await;
    let earlier = ledger.power_cut();
    let other = ledger.power_cut();
    grow(&ledger, 540).await;
    let seen = ledger.engine.sign_checkpoint().expect("signed").to_bytes();
    drop(ledger);
    let findings = count(&earlier, std::slice::from_ref(&seen)).findings;
    assert!(findings[0].contains("the last 10 are missing"), "{findings:?}");
    let other = other.open();
    grow(&other, 545).await;
    let place = other.close();
    let findings = count(&place, std::slice::from_ref(&seen)).findings;
    assert_eq!(findings, ["the first 540 events are not those of the checkpoint"]);
    // A checkpoint of a stranger says nothing, and is told as such.
    let stranger = Ledger::new().await;
    let foreign = stranger.engine.sign_checkpoint().expect("signed").to_bytes();
    let findings = count(&place, &[foreign, b"no checkpoint".to_vec()]).findings;
    assert!(findings[0].contains("of another log"), "{findings:?}");
    assert!(findings[1].contains("not a signed checkpoint"), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_emptied_without_an_erasure_is_named() {
    let ledger = long_ledger().await;
    let seen = ledger.engine.sign_checkpoint().expect("signed").to_bytes();
    let place = ledger.power_cut();
    drop(ledger);
    tamper(&place, |batch, store, record| {
        let position = Position::new(200);
        let bytes = record(200);
        let digest = ledger_proof::digest_of(&bytes);
        let emptied = ledger_contract::records::emptied(position, &bytes, digest);
        put(batch, store, 200, &emptied.expect("readable").expect("a change of a connection"));
    });
    let report = count(&place, std::slice::from_ref(&seen));
    assert_eq!((report.emptied, report.agrees_at.len()), (1, 1), "the digest stays");
    assert!(report.findings[0].contains("no event says that it was erased"), "{report:?}");
    assert_eq!(tree::count(&place.store(), 0).expect("readable"), 2);
}
