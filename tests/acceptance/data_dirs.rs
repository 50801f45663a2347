//! Data directories that earlier versions made, kept in `tests/data-dirs` and opened by this one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use chrono::DateTime;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::ReplayRequest;
use ledger_contract::subjects::LEDGER;
use ledger_domain::{CheckedText as _, LedgerId, MessageId, WorkspaceName};
use ledger_engine::{EngineOptions, Portable, Until};
use ledger_store::tables::founding::{LEDGER_ID, MAC_KEY};
use ledger_store::tables::{Receipt, lists, meta, receipts};
use ledger_store::{Batch, Durability, FORMAT, Store};
use ledger_vault::{KeyFile, Keyring};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Place, TestCommand, open, send, unkeyed};
use crate::moved::{export, import};

/// The first format whose rows have MACs.
const WITH_MACS: u32 = 3;
/// The first kept format whose records all have the fingerprints of receipts.
const WITH_FINGERPRINTS: u32 = 4;

/// A kept data directory with everything beside it.
#[derive(Debug)]
struct Kept(PathBuf);

impl Kept {
    /// Returns every one there is, with the number of its format.
    fn all() -> Vec<(u32, Self)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data-dirs");
        let entries = fs::read_dir(folder).expect("there is a folder");
        let paths = entries.map(|entry| entry.expect("readable").path());
        let folders = paths.filter(|path| path.is_dir());
        let with_format = folders.map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("text");
            (name.parse().expect("a folder is named after its format"), Self(path.clone()))
        });
        with_format.collect()
    }

    /// Opens a copy at the second of its last event.
    fn open(&self) -> Ledger {
        Place::copy_of(&self.0.join("data"), self.text("master.key")).open_at(&self.second())
    }

    /// Returns the second of the last event: what was used up of a day's quota is an answer of that
    /// day alone, and what ends at a time has not ended.
    fn second(&self) -> Arc<AtomicI64> {
        let events = self.lines("history.jsonl");
        let times = events.iter().filter_map(|event| event["recorded_at"].as_str());
        let last = DateTime::parse_from_rfc3339(times.max().expect("there are events"));
        Arc::new(AtomicI64::new(last.expect("a time").timestamp()))
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = self.text(name);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Fails unless the rows of an answer say all that they said to the version of that time.
    #[track_caller]
    fn expect_still_said(&self, file: &str, rows: &Value) {
        let expected = self.lines(file);
        let rows = rows.as_array().expect("rows");
        assert_eq!(rows.len(), expected.len(), "{file}: rows");
        for (row, expected) in rows.iter().zip(&expected) {
            assert!(says_all_of(row, expected), "{file}: {row}\ndoes not say all of {expected}");
        }
    }
}

/// Tells whether a value is another one, but for members that were added to its objects, and for
/// the masks and hints of secrets, which may show less than they did, but nothing else.
fn says_all_of(value: &Value, earlier: &Value) -> bool {
    match (value, earlier) {
        (Value::Object(members), Value::Object(earlier)) => {
            earlier.iter().all(|(name, earlier)| match members.get(name) {
                Some(member) => {
                    says_all_of(member, earlier) || (name == "masked" && member == "********")
                }
                None => name == "hint",
            })
        }
        (Value::Array(items), Value::Array(earlier)) => {
            let mut pairs = items.iter().zip(earlier);
            items.len() == earlier.len() && pairs.all(|(item, earlier)| says_all_of(item, earlier))
        }
        (value, earlier) => value == earlier,
    }
}

#[test]
fn every_format_up_to_todays_has_a_kept_data_directory() {
    let kept: BTreeSet<u32> = Kept::all().into_iter().map(|(format, _)| format).collect();
    assert_eq!(kept, (1..=FORMAT).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_data_directory_answers_as_it_did() {
    for (_, kept) in Kept::all() {
        let ledger = kept.open();
        let ask = |name: &str, body: Value| ledger.ask_at("_all", name, &body).expect("answered");
        let list = ask("list", json!({"lifecycle": "any", "page_size": 500}));
        kept.expect_still_said("list.jsonl", &list["connections"]);
        let history = ask("history", json!({"page_size": 500}));
        kept.expect_still_said("history.jsonl", &history["events"]);
        kept.expect_still_said("principals.jsonl", &ask("principals", json!({}))["principals"]);
        kept.expect_still_said("workspaces.jsonl", &ask("workspaces", json!({}))["workspaces"]);
        ledger.expect_replay_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_data_directory_moves_to_another_master_key() {
    for (format, kept) in Kept::all() {
        let place = Place::copy_of(&kept.0.join("data"), kept.text("master.key"));
        let key_file = place.path().with_file_name("master.key");
        place.keyring().create_file(&key_file).expect("created");
        let keys = || Keyring::read_file(&key_file).expect("a key file");
        let options = || EngineOptions {
            key_source: Some(Arc::new(KeyFile::new(&key_file))),
            ..EngineOptions::new(place.path(), keys())
        };
        let engine = open(options).expect("it opens");
        let new = Keyring::add_to_file(&key_file, &mut rand::rng()).expect("added");
        let rotate = TestCommand::new("rotate-master-key", &json!({})).at(LEDGER);
        send(&engine, rotate).await.expect("rotated");
        let report = engine.rewrap(&|_| {}).expect("wrapped anew");
        let with_key = |connection: &&Value| connection["lifecycle"] != "erased";
        let connections = kept.lines("list.jsonl").iter().filter(with_key).count() as u64;
        assert_eq!((report.failed, report.data_keys), (0, connections), "format {format}");
        engine.shutdown();
        drop(engine);
        let alone = keys().without(|key| key != new);
        fs::remove_file(&key_file).expect("removed");
        alone.create_file(&key_file).expect("created");
        let engine = open(options).expect("with the new key alone");
        let request = ReplayRequest { projection: None, verify: true };
        let report = engine.replay(&request, &|_| {}).expect("compared");
        assert_eq!(report.difference, None, "format {format}");
        engine.shutdown();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_an_earlier_version_are_rebuilt_once() {
    let lists_of = |place: &Place| {
        let store = place.store();
        let generation = meta::generation(&store, lists::MODEL).expect("readable");
        (meta::version(&store, lists::MODEL).expect("readable"), generation)
    };
    let place = Ledger::new().await.close();
    let made = lists_of(&place);
    assert_eq!(lists_of(&place.open().close()), made, "a new ledger has nothing to rebuild");
    let (today, _) = made;
    for (format, kept) in Kept::all() {
        let place = Place::copy_of(&kept.0.join("data"), kept.text("master.key"));
        // Before its upgrade, nothing but the program can read a directory whose rows have no MACs.
        let before = (format >= WITH_MACS).then(|| lists_of(&place));
        let place = place.open().close();
        let rebuilt = lists_of(&place);
        assert_eq!(rebuilt.0, today);
        if let Some((version, generation)) = before {
            assert_eq!(rebuilt.1, generation + u32::from(version != today));
        }
        let place = place.open().close();
        assert_eq!(lists_of(&place), rebuilt, "only once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_earlier_format_get_their_macs_once_and_a_comparison_waits_for_it() {
    for (_, kept) in Kept::all().into_iter().filter(|(format, _)| *format < WITH_MACS) {
        let place = Place::copy_of(&kept.0.join("data"), kept.text("master.key"));
        let file = place.path().join("ledger-format");
        let format = fs::read_to_string(&file).expect("readable");
        let difference = place.replay(true).expect("compared").difference.expect("a difference");
        assert!(difference.contains("the next start adds them"), "{difference}");
        assert_eq!(fs::read_to_string(&file).expect("readable"), format, "nothing was upgraded");
        // A start that was killed had stored the key of the MACs.
        let rng = &mut rand::rng();
        let store = unkeyed(&place.path());
        let id = store.founding(LEDGER_ID).expect("readable").expect("there");
        let ledger = LedgerId::from_bytes(id.try_into().expect("16 bytes"));
        let (_, wrapped) = place.keyring().new_mac_key(rng, ledger);
        store.put_founding(&[(MAC_KEY, &wrapped)]).expect("stored");
        drop(store);
        let place = place.open().close();
        assert_eq!(place.replay(true).expect("compared").difference, None);
        drop(place.store());
        place.open().expect_replay_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_data_directory_opens_its_secrets_and_knows_its_keys() {
    for (_, kept) in Kept::all() {
        let ledger = kept.open();
        assert_eq!(ledger.reveal("openai-prod", "api_key").await, "sk-not-a-real-key-0002");
        assert_eq!(ledger.reveal("openai-prod", "org_key").await, "org-not-a-real-key-0001");
        let authenticate = |file: &str| ledger.engine.authenticate_key(kept.text(file).trim());
        let gateway = authenticate("gateway.key").expect("a good key");
        assert_eq!(gateway.actor().to_string(), "gateway:eu-1");
        authenticate("admin.key").expect("a good key");
        let revoked = authenticate("revoked.key").expect_err("revoked");
        assert_eq!(revoked.code(), Code::CredentialRevoked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_data_directory_can_be_exported_and_imported() {
    for (format, kept) in Kept::all() {
        let mut place = Place::copy_of(&kept.0.join("data"), kept.text("master.key"));
        if format < WITH_MACS {
            let refused = Portable::open(&place.path(), &place.keyring()).expect_err("no MACs");
            assert_eq!(Problem::from(refused).code, Code::DataDirOlder);
            place = place.open_at(&kept.second()).close();
        }
        let moved = place.empty();
        import(&moved, Until::End, &export(&place)).expect("restored");
        let ledger = moved.open_at(&kept.second());
        let list = json!({"lifecycle": "any", "page_size": 500});
        let list = ledger.ask_at("_all", "list", &list).expect("answered");
        kept.expect_still_said("list.jsonl", &list["connections"]);
        let history = ledger.ask_at("_all", "history", &json!({"page_size": 500}));
        kept.expect_still_said("history.jsonl", &history.expect("answered")["events"]);
        assert_eq!(ledger.reveal("openai-prod", "api_key").await, "sk-not-a-real-key-0002");
        let gateway = ledger.engine.authenticate_key(kept.text("gateway.key").trim());
        assert_eq!(gateway.expect("a good key").actor().to_string(), "gateway:eu-1");
        // Of records of earlier versions, the fingerprint is in the receipt alone.
        let body = json!({"connection": "openai-prod",
                          "secrets": {"api_key": "sk-not-a-real-key-0002"}});
        let rotation = TestCommand::new("rotate-secret", &body).id("rotate-1");
        assert!(ledger.send(rotation).await.expect("remembered").repeated, "{format}");
        ledger.expect_replay_equal();
    }
}

/// Their records do not have the fingerprints of receipts, and those of today do.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_receipt_of_an_earlier_version_comes_back_without_its_fingerprint() {
    let receipt = |id: &str| {
        receipts::key(&WorkspaceName::stored("default".into()), &MessageId::stored(id.into()))
    };
    let (earlier, today) = (receipt("rotate-1"), receipt("later"));
    let body = json!({"slug": "later", "provider": "x"});
    let later = TestCommand::new("create", &body).id("later");
    for (format, kept) in Kept::all() {
        let ledger = kept.open();
        ledger.send(later.clone()).await.expect("accepted");
        let place = ledger.close();
        let write = |put: &dyn Fn(&mut Batch, &Store)| {
            let store = place.store();
            let mut batch = Batch::new();
            put(&mut batch, &store);
            store.commit(batch, Durability::Synced).expect("written");
        };
        let altered = |key: &[u8]| {
            write(&|batch, store| {
                let receipt = receipts::get(store, key).expect("readable").expect("there");
                let other = Receipt { fingerprint: [7; 16], ..receipt };
                receipts::put(batch, store, key, &other);
            });
            place.replay(true).expect("compared").difference
        };
        let has_fingerprints = format >= WITH_FINGERPRINTS;
        assert_eq!(altered(&earlier).is_some(), has_fingerprints, "{format}: records say it");
        assert!(altered(&today).is_some(), "{format}");
        write(&|batch, store| {
            for key in [&earlier, &today] {
                receipts::delete(batch, store, key);
            }
        });
        assert!(place.replay(true).expect("compared").difference.is_some(), "{format}");
        place.replay(false).expect("rebuilt");
        let ledger = place.open();
        ledger.expect_replay_equal();
        assert!(ledger.send(later.clone()).await.expect("remembered").repeated, "{format}");
        let body = json!({"connection": "openai-prod",
                          "secrets": {"api_key": "sk-not-a-real-key-0002"}});
        let rotation = TestCommand::new("rotate-secret", &body).id("rotate-1");
        if has_fingerprints {
            assert!(ledger.send(rotation).await.expect("remembered").repeated, "{format}");
        } else {
            assert_eq!(ledger.refusal(rotation).await, Code::CommandIdReused, "{format}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kept_data_directory_goes_on() {
    for (_, kept) in Kept::all() {
        let ledger = kept.open();
        let (head, before) = (ledger.engine.head(), ledger.get("openai-prod"));
        let rotation =
            |value: &str| json!({"connection": "openai-prod", "secrets": {"api_key": value}});
        // Receipts of that time are remembered, also those with a digest of the bytes.
        let body = rotation("sk-not-a-real-key-0002");
        let same = ledger.send(TestCommand::new("rotate-secret", &body).id("rotate-1")).await;
        assert!(same.expect("answered").repeated);
        assert_eq!(ledger.engine.head(), head);
        let repeated =
            TestCommand::new("rotate-secret", &rotation("sk-another-0003")).id("rotate-1");
        assert_eq!(ledger.refusal(repeated).await, Code::CommandIdReused);
        let receipt = ledger.run("rotate-secret", rotation("sk-another-0003")).await.receipt;
        assert_eq!(receipt.position, head.get() + 1);
        assert_eq!(json!(receipt.version - 1), before["version"]);
        let ledger = ledger.reopen();
        assert_eq!(ledger.reveal("openai-prod", "api_key").await, "sk-another-0003");
        ledger.replay(false);
        ledger.expect_replay_equal();
    }
}
