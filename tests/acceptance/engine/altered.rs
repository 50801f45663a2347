//! Rows that were changed by somebody who can write to the data directory but lacks the master key.

use std::fs;
use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::ReplayRequest;
use ledger_domain::{
    CheckedText as _, ConnectionId, LedgerId, MessageId, Micros, Position, PrincipalName, Version,
    WorkspaceName,
};
use ledger_store::tables::founding::{KEY_CHECK, MAC_KEY};
use ledger_store::tables::{
    StreamKey, claims, connections, keys, log, meta, model, receipts, snapshots, streams,
};
use ledger_store::{Batch, Changes, Durability, Postings, Store, Term};
use serde_json::json;

use super::derived::{claim, lived, rotation};
use super::replay::sight;
use crate::ledger::{ABROAD, Ledger, Place, TestCommand, open, unkeyed};

/// A change to one row.
struct Edit {
    table: &'static str,
    /// What an error calls the row.
    place: &'static str,
    put: fn(&mut Batch, &Store, ConnectionId),
    /// Whether a start reads the row.
    at_start: bool,
    /// Whether an offline replay writes it anew.
    mends: bool,
}

const ROWS: &str = "connections.g1";

fn rows() -> ledger_store::Table {
    model("connections", 1)
}

fn home() -> WorkspaceName {
    WorkspaceName::stored("default".into())
}

fn receipt_key() -> Vec<u8> {
    receipts::key(&home(), &MessageId::stored("rotation-1".into()))
}

/// A change that no start reads and a replay mends.
fn edit(
    table: &'static str,
    place: &'static str,
    put: fn(&mut Batch, &Store, ConnectionId),
) -> Edit {
    Edit { table, place, put, at_start: false, mends: true }
}

/// Changes to rows that follow from the log, one of each kind.
fn derived() -> [Edit; 8] {
    let receipt = |batch: &mut Batch, store: &Store, id| {
        let receipt = receipts::Receipt {
            connection: Some(id),
            version: Version::new(9),
            position: Position::new(1),
            recorded_at: Micros::new(0),
            fingerprint: [0; 16],
        };
        receipts::put(batch, store, &receipt_key(), &receipt);
    };
    let principal = edit(ROWS, "principal ada", |batch, store, _| {
        let ada = PrincipalName::stored("ada".into());
        connections::put_principal(batch, store, &rows(), &ada, b"{}");
    });
    let workspace = edit(ROWS, "workspace default", |batch, store, _| {
        connections::put_workspace(batch, store, &rows(), &home(), b"{}");
    });
    [
        edit("receipts.mac", "command rotation-1 in workspace default", receipt),
        edit("claims.mac", "slug main in workspace default", |batch, store, _| {
            claims::put(batch, store, &claim(), ConnectionId::from_bytes([7; 16]));
        }),
        edit("streams.mac", "version 2 of connection ", |batch, store, id| {
            let stream = StreamKey::connection(id);
            streams::put(batch, store, stream, Version::new(2), Position::new(1));
        }),
        edit("snapshots.mac", " at version 32", |batch, store, id| {
            snapshots::put(batch, store, id, Version::new(32), b"{}");
        }),
        edit(ROWS, "connection ", |batch, store, id| {
            connections::put(batch, store, &rows(), id, b"{}");
        }),
        edit(ROWS, "ordinal 0", |batch, store, id| {
            connections::put_ordinal(batch, store, &rows(), 0, id);
        }),
        Edit { at_start: true, ..principal },
        Edit { at_start: true, ..workspace },
    ]
}

/// Changes to rows that nothing can rebuild.
fn only_here() -> [Edit; 4] {
    let of_log = edit("log.mac", "position 9", |batch, store, _| {
        log::put(batch, store, Position::new(9), b"{}");
    });
    let last = edit("log.mac", "position ", |batch, store, _| {
        let head = log::scan(store, Position::ZERO).count();
        let head = Position::new(u64::try_from(head).expect("few"));
        log::put(batch, store, head, b"{}");
    });
    let key = edit("keys.mac", "connection ", |batch, store, id| {
        keys::put(batch, store, id, b"another key");
    });
    let epoch = edit("meta.mac", "epoch", |batch, store, _| meta::put_epoch(batch, store, 1));
    [
        Edit { mends: false, ..of_log },
        Edit { mends: false, at_start: true, ..last },
        Edit { mends: false, ..key },
        Edit { mends: false, at_start: true, ..epoch },
    ]
}

impl Edit {
    fn apply(&self, place: &Place, id: ConnectionId) {
        let store = place.strangers_store();
        let mut batch = Batch::new();
        (self.put)(&mut batch, &store, id);
        store.commit(batch, Durability::Synced).expect("written");
    }

    #[track_caller]
    fn expect_named(&self, problem: &Problem) {
        let Self { table, place, .. } = self;
        assert_eq!(problem.code, Code::RecordAltered, "{table} {place}: {problem}");
        assert!(problem.message.contains(&format!("table {table} ")), "{place}: {problem}");
        assert!(problem.message.contains(place), "{table}: {problem}");
    }
}

fn verified(ledger: &Ledger) -> Result<Option<String>, Problem> {
    let request = ReplayRequest { projection: None, verify: true };
    let report = ledger.engine.replay(&request, &|_| {});
    report.map(|report| report.difference).map_err(Problem::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_altered_row_is_named_by_a_comparison_and_refused_by_a_start_that_reads_it() {
    for edit in derived().iter().chain(&only_here()) {
        let (place, _, id) = lived().await;
        edit.apply(&place, id);
        edit.expect_named(&place.replay(true).expect_err("altered"));
        if edit.at_start {
            edit.expect_named(&open(|| place.options()).expect_err("altered"));
            continue;
        }
        let ledger = place.open();
        edit.expect_named(&verified(&ledger).expect_err("altered"));
        ledger.create("later").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_mends_what_follows_from_the_log_and_nothing_else() {
    for edit in derived().iter().chain(&only_here()) {
        let (place, seen, id) = lived().await;
        edit.apply(&place, id);
        let replayed = place.replay(false);
        if edit.mends {
            replayed.expect("rebuilt");
            let ledger = place.open();
            assert_eq!(sight(&ledger), seen, "{} {}", edit.table, edit.place);
            ledger.expect_replay_equal();
        } else if let Err(problem) = replayed {
            edit.expect_named(&problem);
        } else {
            edit.expect_named(&place.replay(true).expect_err("still altered"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_meets_an_altered_row_is_told_and_others_go_on() {
    let (place, _, id) = lived().await;
    for edit in derived().iter().chain(&only_here()).filter(|edit| !edit.at_start) {
        edit.apply(&place, id);
    }
    let ledger = place.open();
    let ask = |name: &str, connection: &str| {
        ledger.ask_at("default", name, &json!({"connection": connection})).expect_err("altered")
    };
    let text = id.to_string();
    for (problem, words) in [
        (ask("get", "main"), "slug main"),
        (ask("get", &text), "connection "),
        (ask("history", &text), "version 2 of connection "),
    ] {
        assert_eq!(problem.code, Code::RecordAltered, "{words}: {problem}");
        assert!(problem.message.contains(words), "{words}: {problem}");
    }
    ledger.create("later").await;
    ledger.get("second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_meets_an_altered_record_names_it() {
    let (place, _, id) = lived().await;
    let [of_log, ..] = only_here();
    of_log.apply(&place, id);
    let ledger = place.open();
    of_log.expect_named(&ledger.ask_at("_all", "history", &json!({})).expect_err("altered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_data_key_opens_nothing_and_an_altered_receipt_answers_nothing() {
    let (place, _, id) = lived().await;
    let [receipt, ..] = derived();
    receipt.apply(&place, id);
    let ledger = place.open();
    receipt.expect_named(&ledger.send(rotation()).await.expect_err("altered"));
    let (place, _, id) = lived().await;
    let [_, _, key, _] = only_here();
    key.apply(&place, id);
    let ledger = place.open();
    let body = json!({"connection": "main", "fields": ["api_key"], "reason": "a test"});
    let refused = ledger.send(TestCommand::new("reveal-secret", &body)).await;
    key.expect_named(&refused.expect_err("altered"));
    assert_eq!(ledger.get("main")["slug"], "main");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_from_an_altered_record_on() {
    let (place, _, id) = lived().await;
    let [record, ..] = only_here();
    record.apply(&place, id);
    let ledger = place.open();
    ledger.create("later").await;
    let mut outbox = ledger.engine.outbox();
    let before = outbox.read(Position::ZERO, 8).expect("authentic");
    assert_eq!(before.last().map(|item| item.position), Some(Position::new(8)));
    for _ in 0..2 {
        let fault = outbox.read(Position::new(8), 100).expect_err("altered");
        record.expect_named(&Problem::from(fault));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_not_blessed_by_claiming_an_earlier_format_or_another_key() {
    let (place, ..) = lived().await;
    let [.., principal, _] = derived();
    let other = Ledger::new().await.close();
    let founding = |place: &Place, name: &str| {
        unkeyed(&place.path()).founding(name).expect("readable").expect("there")
    };
    let own = [MAC_KEY, KEY_CHECK].map(|name| (name, founding(&place, name)));
    principal.apply(&place, ConnectionId::from_bytes([0; 16]));

    // The format file is only a hint.
    let format = place.path().join("ledger-format");
    for text in ["format 1", "format 2, needs format 2"] {
        let text = format!("connection-ledger data directory, {text}\n");
        fs::write(&format, text).expect("writable");
        principal.expect_named(&open(|| place.options()).expect_err("altered"));
    }
    // A key of one's own is not wrapped under the master key, and that of another ledger is bound
    // to it. Even a MAC key that was made for this ledger is not the one that the check names.
    let rng = &mut rand::rng();
    let stranger = place.keyring().new_mac_key(rng, LedgerId::from_bytes([1; 16])).1;
    let id = founding(&place, "ledger_id").try_into().expect("16 bytes");
    let second = place.keyring().new_mac_key(rng, LedgerId::from_bytes(id)).1;
    for (name, value, code) in [
        (MAC_KEY, Vec::new(), Code::RecordAltered),
        (MAC_KEY, stranger, Code::RecordAltered),
        (MAC_KEY, second, Code::RecordAltered),
        (MAC_KEY, founding(&other, MAC_KEY), Code::MasterKeyWrong),
        (KEY_CHECK, founding(&other, KEY_CHECK), Code::MasterKeyWrong),
        (KEY_CHECK, Vec::new(), Code::MasterKeyWrong),
    ] {
        unkeyed(&place.path()).put_founding(&[(name, &value)]).expect("written");
        let problem = open(|| place.options()).expect_err("refused");
        assert_eq!(problem.code, code, "{name}: {problem}");
        let own = own.iter().map(|(name, value)| (*name, value.as_slice())).collect::<Vec<_>>();
        unkeyed(&place.path()).put_founding(&own).expect("written");
    }
    principal.expect_named(&open(|| place.options()).expect_err("altered"));
    place.replay(false).expect("rebuilt");
    place.open().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_bitmap_shows_nobody_what_is_not_theirs() {
    let ledger = Ledger::new().await;
    ledger.create("mine").await;
    let body = json!({"slug": "theirs", "provider": "openai"});
    let theirs = ledger.send(TestCommand::new("create", &body).at(ABROAD)).await.expect("accepted");
    let (place, position) = (ledger.close(), theirs.receipt.position);
    let store = Arc::new(place.strangers_store());
    // The numbers of the fields that name a workspace, in lists and in history.
    for (model_name, field, number) in [("lists", 1, 1), ("audit", 3, position)] {
        let bitmaps = Postings::new(store.clone(), model(model_name, 1));
        let mut changes = Changes::default();
        changes.insert(Term::new(field, "default"), number);
        bitmaps.apply(changes).expect("readable");
        bitmaps.flush(Position::new(position)).expect("written");
    }
    drop(store);
    let store = place.store();
    let mut batch = Batch::new();
    for name in ["lists", "audit"] {
        meta::put_checkpoint(&mut batch, &store, &model(name, 1), Position::new(position));
    }
    store.commit(batch, Durability::Synced).expect("written");
    drop(store);
    let ledger = place.open();
    let list = ledger.ask("list", &json!({}));
    assert_eq!(list["total"], 2, "the bitmap was edited");
    let slugs: Vec<_> = list["connections"].as_array().expect("rows").iter().collect();
    assert!(slugs.len() == 1 && slugs[0]["slug"] == "mine", "{slugs:?}");
    let history = ledger.ask("history", &json!({}));
    assert_eq!(history["total"], 3, "the bitmap was edited");
    let events = history["events"].as_array().expect("events");
    assert!(events.iter().all(|event| event["workspace"] == "default"), "{events:?}");
    assert_eq!(events.len(), 2);
}
