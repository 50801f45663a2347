//! Whatever is derived from the log is rebuilt from it, however it was lost.

use ledger_contract::errors::Code;
use ledger_contract::subjects;
use ledger_domain::{
    CheckedText as _, ConnectionId, MessageId, Position, PrincipalName, Slug, Version,
    WorkspaceName,
};
use ledger_engine::EngineOptions;
use ledger_store::tables::{
    StreamKey, claims, connections, meta, model, receipts, snapshots, streams,
};
use ledger_store::{Batch, Durability, Store, testing};
use ledger_vault::Keyring;
use serde_json::{Value, json};

use super::replay::sight;
use crate::ledger::{ABROAD, Ledger, Place, TestCommand, open};

const MODELS: [&str; 3] = ["connections", "lists", "audit"];

/// Makes a ledger with some history, and returns it closed with everything a reader can see.
pub(super) async fn lived() -> (Place, [Value; 4], ConnectionId) {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    for slug in ["second", "third"] {
        ledger.create(slug).await;
    }
    for number in 0..40 {
        let reason = format!("round {number}");
        ledger.run("mark-degraded", json!({"connection": "main", "reason": reason})).await;
    }
    let principal = json!({"principal": "ada", "kind": "user", "grants": []});
    let create = TestCommand::new("create-principal", &principal).at(subjects::LEDGER);
    ledger.send(create).await.expect("accepted");
    ledger.run("archive", json!({"connection": "third"})).await;
    ledger.send(rotation()).await.expect("accepted");
    ledger.reveal("main", "api_key").await;
    ledger.run("grant-workspace", json!({"connection": "main", "grant_to": ABROAD})).await;
    let body = json!({"connection": id, "fields": ["api_key"], "reason": "as a guest"});
    ledger.send(TestCommand::new("reveal-secret", &body).at(ABROAD)).await.expect("revealed");
    let seen = sight(&ledger);
    (ledger.close(), seen, id.parse().expect("an id"))
}

pub(super) fn rotation() -> TestCommand {
    let body = json!({"connection": "main", "secrets": {"api_key": "sk-second-value"}});
    TestCommand::new("rotate-secret", &body).id("rotation-1")
}

/// Changes rows below the engine.
fn write(place: &Place, put: impl FnOnce(&mut Batch, &Store)) {
    let store = place.store();
    let mut batch = Batch::new();
    put(&mut batch, &store);
    store.commit(batch, Durability::Synced).expect("written");
}

pub(super) fn claim() -> Vec<u8> {
    claims::key(&WorkspaceName::stored("default".into()), &Slug::stored("main".into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_needs_nothing_but_the_log_and_the_master_key() {
    let (place, seen, id) = lived().await;
    write(&place, |batch, store| {
        let rows = model("connections", 1);
        let home = WorkspaceName::stored("default".into());
        connections::put(batch, store, &rows, id, b"scrambled");
        connections::put_workspace(batch, store, &rows, &home, b"{");
        let ada = PrincipalName::stored("ada".into());
        connections::put_principal(batch, store, &rows, &ada, b"");
        snapshots::put(batch, store, id, Version::new(16), b"scrambled");
        claims::put(batch, store, &claim(), ConnectionId::from_bytes([7; 16]));
        streams::put(batch, store, StreamKey::connection(id), Version::new(2), Position::new(1));
        for name in ["lists", "audit"] {
            store.drop_table(&model(name, 1)).expect("dropped");
        }
    });
    assert_eq!(open(|| place.options()).expect_err("damaged").code, Code::RecordCorrupt);
    let difference = place.replay(true).expect("compared").difference;
    assert!(difference.is_some());
    place.replay(false).expect("rebuilt");
    assert_eq!(place.replay(true).expect("compared").difference, None);
    let ledger = place.open();
    assert_eq!(sight(&ledger), seen);
    ledger.expect_replay_equal();
    assert_eq!(ledger.reveal("main", "api_key").await, "sk-second-value");
    let again = ledger.send(rotation()).await.expect("remembered");
    assert!(again.repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_table_of_a_read_model_is_rebuilt_at_the_start() {
    let (mut place, seen, _) = lived().await;
    for lost in [&MODELS[..1], &MODELS[1..2], &MODELS[2..], &MODELS[..]] {
        {
            let store = place.store();
            for name in lost {
                let generation = meta::generation(&store, name).expect("readable");
                store.drop_table(&model(name, generation)).expect("dropped");
            }
        }
        let ledger = place.open();
        assert_eq!(sight(&ledger), seen, "{lost:?}");
        ledger.expect_replay_equal();
        place = ledger.close();
    }
    {
        let store = place.store();
        streams::clear(&store).expect("cleared");
    }
    let ledger = place.open();
    assert_eq!(sight(&ledger), seen);
    ledger.expect_replay_equal();
    ledger.create("later").await;
}

/// The first start creates the table anew and ends before it has filled it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_table_is_noted_before_a_start_can_end() {
    let (mut place, seen, _) = lived().await;
    for lost in ["claims", "streams"] {
        {
            let store = place.store();
            testing::lose_table(&store, lost).expect("dropped");
        }
        let stranger = || {
            let keyring = Keyring::generate(&mut rand::rng());
            EngineOptions { keyring, ..place.options() }
        };
        assert_eq!(open(stranger).expect_err("another key").code, Code::MasterKeyWrong);
        let ledger = place.open();
        assert_eq!(sight(&ledger), seen, "{lost}");
        let taken = json!({"slug": "main", "provider": "openai"});
        let refused = ledger.refusal(TestCommand::new("create", &taken)).await;
        assert_eq!(refused, Code::SlugTaken, "{lost}");
        ledger.expect_replay_equal();
        place = ledger.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_wrote_is_rebuilt_and_what_a_later_one_wrote_refused() {
    let (mut place, seen, id) = lived().await;
    for name in ["connections", "lists", "audit", "snapshots", "indexes"] {
        write(&place, |batch, store| {
            meta::put_version(batch, store, name, 0);
            let table = model("connections", meta::generation(store, "connections").expect("one"));
            match name {
                "connections" => connections::put(batch, store, &table, id, b"of an earlier form"),
                "snapshots" => snapshots::put(batch, store, id, Version::new(32), b"earlier"),
                "indexes" => claims::delete(batch, store, &claim()),
                _ => {}
            }
        });
        let ledger = place.open();
        assert_eq!(sight(&ledger), seen, "{name}");
        ledger.expect_replay_equal();
        place = ledger.close();
        write(&place, |batch, store| meta::put_version(batch, store, name, 99));
        let refused = open(|| place.options()).expect_err("newer");
        assert_eq!(refused.code, Code::DataDirNewer, "{name}");
        assert!(refused.message.contains(name), "{refused}");
        write(&place, |batch, store| meta::put_version(batch, store, name, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_covers_streams_claims_and_receipts() {
    let (mut place, ..) = lived().await;
    let home = WorkspaceName::stored("default".into());
    let key = receipts::key(&home, &MessageId::stored("rotation-1".into()));
    let unfounded = receipts::key(&home, &MessageId::stored("never-sent".into()));
    for table in ["streams", "claims", "receipts", "receipts, one too many", "receipts, one lost"] {
        write(&place, |batch, store| {
            let receipt = receipts::get(store, &key).expect("readable").expect("there");
            let moved = receipts::Receipt { position: Position::new(1), ..receipt };
            let stranger = StreamKey::connection(ConnectionId::from_bytes([7; 16]));
            match table {
                "streams" => {
                    streams::put(batch, store, stranger, Version::new(1), Position::new(1));
                }
                "claims" => claims::delete(batch, store, &claim()),
                "receipts" => receipts::put(batch, store, &key, &moved),
                "receipts, one too many" => receipts::put(batch, store, &unfounded, &receipt),
                _ => receipts::delete(batch, store, &key),
            }
        });
        let ledger = place.open();
        let difference = ledger.replay(true).difference.expect("a difference");
        let name = table.split(',').next().expect("a name");
        assert!(difference.starts_with(&format!("table {name}:")), "{table}: {difference}");
        place = ledger.close();
        assert_eq!(place.replay(true).expect("compared").difference, Some(difference));
        place.replay(false).expect("rebuilt");
        let ledger = place.open();
        ledger.expect_replay_equal();
        assert!(ledger.send(rotation()).await.expect("remembered").repeated, "{table}");
        place = ledger.close();
    }
}
