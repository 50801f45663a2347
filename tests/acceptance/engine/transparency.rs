//! The tree over the log, and checkpoints of it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Incarnation, Position};
use ledger_engine::{LogFault, SeenAt};
use ledger_proof::{
    Bundle, Continuation, EntryBundle, Leaf, SignedCheckpoint, check_consistency, digest_of,
};
use ledger_store::tables::{log, tree};
use ledger_store::{Batch, Durability, testing};
use ring::digest::{Context, SHA256};
use serde_json::json;

use crate::ledger::{Ledger, Place, TestCommand, open};
use crate::wait::soon;

/// Enough for two complete tiles and a part of a third.
const EVENTS: u64 = 530;

pub(super) async fn long_ledger() -> Ledger {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    grow(&ledger, EVENTS).await;
    ledger
}

/// Adds events until the log has so many.
pub(super) async fn grow(ledger: &Ledger, until: u64) {
    while ledger.engine.head().get() < until {
        let reason = format!("round {}", ledger.engine.head());
        ledger.run("mark-degraded", json!({"connection": "main", "reason": reason})).await;
    }
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// The root of a list of records, after RFC 6962 and the form of an entry, and nothing of ours.
fn root(records: &[Vec<u8>]) -> Vec<u8> {
    fn of(leaves: &[Vec<u8>]) -> Vec<u8> {
        match leaves {
            [] => sha256(&[]),
            [leaf] => leaf.clone(),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                sha256(&[&[1], &of(left), &of(right)])
            }
        }
    }
    let leaves = records.iter().zip(1..).map(|(record, position)| {
        let digits = sha256(&[record]).iter().fold(String::new(), |mut digits, byte| {
            write!(digits, "{byte:02x}").expect("a string takes any text");
            digits
        });
        sha256(&[&[0], format!("connledger-event/1 {position} {digits}\n").as_bytes()])
    });
    of(&leaves.collect::<Vec<_>>())
}

fn records(place: &Place) -> Vec<Vec<u8>> {
    let store = place.store();
    log::scan(&store, Position::ZERO).map(|row| row.expect("readable").1.into_vec()).collect()
}

fn digest(ledger: &Ledger) -> (u64, String) {
    let (position, root) = ledger.engine.log_digest().expect("whole");
    (position.get(), root)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_is_that_of_the_records_whatever_was_erased_and_killed() {
    let ledger = long_ledger().await;
    let seen = digest(&ledger);
    assert_eq!(seen.0, ledger.engine.head().get());
    let killed = ledger.power_cut();
    let place = ledger.close();
    let written = records(&place);
    assert_eq!(seen.1, STANDARD.encode(root(&written)), "with an implementation of its own");
    assert_eq!(digest(&killed.open()), seen, "after a kill");

    let ledger = place.open();
    assert_eq!(digest(&ledger), seen, "after a stop");
    for size in [1, 255, 256, 257, 512, 513] {
        let at = ledger.engine.log_digest_at(Position::new(size)).expect("there");
        assert_eq!(at, STANDARD.encode(root(&written[..usize::try_from(size).unwrap()])), "{size}");
    }
    let id = ledger.get("main")["id"].as_str().expect("an id").to_owned();
    ledger.run("archive", json!({"connection": "main"})).await;
    let erase = TestCommand::new("erase", &json!({"connection": id, "reason": "contract ended"}));
    ledger.send(erase).await.expect("accepted");
    soon("the erasure is carried out", || {
        let state = ledger.ask("erasure", &json!({"connection": id}));
        (state["state"] == "complete").then_some(())
    });
    let erased = digest(&ledger);
    let at = ledger.engine.log_digest_at(Position::new(seen.0)).expect("there");
    assert_eq!(at, seen.1, "what is left of an event has its leaf");
    ledger.expect_replay_equal();
    let place = ledger.close();
    assert_ne!(records(&place)[..written.len()], written[..], "the records are others now");
    let ledger = place.open();
    assert_eq!(digest(&ledger), erased, "read from what is left");
    let place = ledger.close();
    place.replay(false).expect("made anew");
    assert_eq!(place.replay(true).expect("compared").difference, None);
    assert_eq!(digest(&place.open()), erased, "made of what is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_was_lost_or_altered_is_noticed_and_made_again() {
    let ledger = long_ledger().await;
    let seen = digest(&ledger);
    let place = ledger.close();
    {
        // As a directory of a program that had no tree.
        let store = place.store();
        tree::clear(&store).expect("cleared");
    }
    let difference = place.replay(true).expect("compared").difference.expect("noticed");
    assert!(difference.contains("table tree"), "{difference}");
    let ledger = place.open();
    assert_eq!(digest(&ledger), seen, "it is made at the start");
    let place = ledger.close();
    assert_eq!(place.replay(true).expect("compared").difference, None);
    {
        let store = place.store();
        let mut tile = tree::get(&store, 0, 1).expect("readable").expect("there");
        tile[40] ^= 1;
        let mut batch = Batch::new();
        tree::put(&mut batch, &store, 0, 1, &tile);
        store.commit(batch, Durability::Synced).expect("written");
    }
    let difference = place.replay(true).expect("compared").difference.expect("noticed");
    assert!(difference.contains("tile 1 of level 0"), "{difference}");
    place.replay(false).expect("made anew");
    assert_eq!(place.replay(true).expect("compared").difference, None);
    assert_eq!(digest(&place.open()), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_holds_under_the_key_of_the_log_and_tiles_have_what_it_needs() {
    let ledger = long_ledger().await;
    let key = ledger.engine.log_key();
    let place = ledger.power_cut();
    let written = records(&place);
    for position in [1, 256, 257, 512, EVENTS] {
        let answer = ledger.ask_at("_all", "proof", &json!({"position": position}));
        let bundle = Bundle::parse(answer.expect("proved").to_string().as_bytes()).expect("whole");
        let (leaf, checkpoint) = bundle.check(&key).expect("it holds");
        let record = &written[usize::try_from(position - 1).unwrap()];
        assert_eq!(leaf, Leaf { position, digest: digest_of(record) });
        assert_eq!(checkpoint.checkpoint().size, EVENTS);
    }
    let event: serde_json::Value = serde_json::from_slice(&written[299]).expect("JSON");
    let by_id = ledger.ask_at("_all", "proof", &json!({"event": event["event_id"]}));
    assert_eq!(by_id.expect("found")["position"], 300);
    let refused = |query| ledger.ask_at("_all", "proof", &query).expect_err("refused").code;
    let unknown = "01994e3a-7c1e-7000-8000-5a1f0c2d3e4f";
    assert_eq!(refused(json!({"event": unknown})), Code::EventUnknown);
    assert_eq!(refused(json!({"event": "x"})), Code::FieldInvalid);
    assert_eq!(refused(json!({})), Code::FieldInvalid);
    assert_eq!(refused(json!({"position": 1, "event": unknown})), Code::FieldInvalid);
    assert_eq!(refused(json!({"position": 0})), Code::PositionUnknown);
    assert_eq!(refused(json!({"position": EVENTS + 1})), Code::PositionUnknown);

    let tile = |name: &str| ledger.engine.log_tile(&name.parse().expect("a name"));
    let entries = EntryBundle::read(&tile("entries/002.p/18").expect("there")).expect("entries");
    assert_eq!(entries.last().map(|leaf| leaf.position), Some(EVENTS));
    assert_eq!(tile("0/001").expect("there").len(), 8_192);
    assert_eq!(tile("1/000.p/2").expect("there").len(), 64);
    assert_eq!(tile("0/002.p/1").expect("there"), tile("0/002.p/18").expect("there")[..32]);
    for none in ["0/002", "0/002.p/19", "1/000", "1/000.p/3", "2/000.p/1", "entries/003.p/1"] {
        assert!(matches!(tile(none), Err(LogFault::Unknown)), "{none}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_contradicts_a_checkpoint_signs_no_other() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let early = ledger.engine.sign_checkpoint().expect("signed");
    assert_eq!(ledger.engine.sign_checkpoint().expect("the same").to_bytes(), early.to_bytes());
    let earlier_copy = ledger.power_cut();
    grow(&ledger, 20).await;
    let late = ledger.engine.sign_checkpoint().expect("signed");
    let proof = ledger.engine.prove_continued(late.head().0, early.head().0).expect("proved");
    check_consistency(&proof, late.head(), early.head()).expect("continued");
    let remembering = ledger.power_cut();

    // An earlier copy that is served while somebody knows the later checkpoint.
    let copy = earlier_copy.open();
    copy.engine.compare_checkpoint(&early.to_bytes(), SeenAt::Nats).expect("it is its own");
    let refused = copy.engine.compare_checkpoint(&late.to_bytes(), SeenAt::Nats);
    assert!(matches!(refused, Err(LogFault::Refused(_))), "{refused:?}");
    for refused in [copy.engine.sign_checkpoint(), copy.engine.published_checkpoint()] {
        let problem = Problem::from(refused.expect_err("refused"));
        assert_eq!(problem.code, Code::CheckpointRefused);
        assert!(problem.message.contains("earlier copy"), "{problem}");
    }
    let status = copy.ask_at("_all", "status", &json!({})).expect("shown");
    assert!(status["log"]["refusal"].as_str().expect("told").contains("the NATS server"));
    copy.create("commands-go-on").await;

    // Two that go on from one copy.
    grow(&copy, 20).await;
    let copy = copy.reopen();
    copy.engine.compare_checkpoint(&late.to_bytes(), SeenAt::Witness("w")).expect_err("another");
    let text = copy.engine.sign_checkpoint().expect_err("refused").to_string();
    assert!(text.contains("others than those of a checkpoint in the witness w"), "{text}");

    // The end cut off beneath what the directory remembers.
    {
        let store = remembering.store();
        let mut batch = Batch::new();
        let last = Position::new(20);
        testing::delete_record(&mut batch, &store, last);
        store.commit(batch, Durability::Synced).expect("written");
    }
    let cut = open(|| remembering.options()).expect("it opens");
    let text = cut.sign_checkpoint().expect_err("refused").to_string();
    assert!(text.contains("ends at position 19") && text.contains("the data directory"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_history_has_its_key_and_says_which_events_it_has_from_the_former() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (former_key, seen) = (ledger.engine.log_key(), ledger.engine.sign_checkpoint().unwrap());
    assert!(ledger.engine.log_history().expect("readable").is_none(), "it is the first");
    grow(&ledger, 12).await;
    ledger.engine.begin_history().expect("noted");
    let ledger = ledger.reopen();
    let key = ledger.engine.log_key();
    assert_ne!(key.to_string(), former_key.to_string());
    assert_ne!(key.origin(), former_key.origin());
    assert!(ledger.engine.checkpoint().is_none(), "nothing is signed of this history yet");
    grow(&ledger, 20).await;
    let note = ledger.engine.log_history().expect("readable").expect("it was restored");
    let history = Continuation::verified(&note, &key).expect("signed");
    assert_eq!((history.size, history.former.to_string()), (12, former_key.to_string()));
    assert!(Continuation::verified(&note, &former_key).is_err(), "by the new key alone");
    let present = ledger.engine.sign_checkpoint().expect("signed");
    let proof = ledger.engine.prove_continued(20, seen.head().0).expect("proved");
    check_consistency(&proof, present.head(), seen.head()).expect("it begins with the former");
    assert!(SignedCheckpoint::verified(&present.to_bytes(), &former_key).is_err());
    let at = ledger.engine.log_digest_at(Position::new(12)).expect("there");
    assert_eq!(history.root.to_string(), at);
    let incarnation: Incarnation = ledger.engine.identity().incarnation;
    assert!(key.origin().ends_with(&incarnation.to_string()), "{}", key.origin());
}
