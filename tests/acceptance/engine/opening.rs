//! What a ledger refuses to be opened with, and that it leaves what it refuses alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::ReplayRequest;
use ledger_domain::Position;
use ledger_engine::{AdmissionLimits, Engine, EngineOptions, ReplayLimits};
use ledger_store::tables::{log, model};
use ledger_store::{Batch, Durability, FORMAT};
use ledger_vault::Keyring;
use serde_json::json;

use crate::ledger::{Ledger, Place, TestCommand, open};

/// Every file with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

fn code(options: impl Fn() -> EngineOptions) -> Code {
    open(options).expect_err("must be refused").code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opener_is_refused_and_told_who_is_first() {
    let ledger = Ledger::new().await;
    let problem = Problem::from(Engine::open(ledger.place.options()).expect_err("in use"));
    assert_eq!(problem.code, Code::DataDirInUse);
    assert!(problem.message.contains(&std::process::id().to_string()), "{problem}");
    ledger.create("main").await;
    ledger.reopen().get("main");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_is_refused() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let place = ledger.close();
    let wrong = || EngineOptions::new(place.path(), Keyring::generate(&mut rand::rng()));
    assert_eq!(code(wrong), Code::MasterKeyWrong);
    place.open().get("main");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_or_foreign_format_is_refused_and_left_alone() {
    let place = Ledger::new().await.close();
    let file = place.path().join("ledger-format");
    let own = fs::read_to_string(&file).expect("readable");
    let newer = format!("needs format {}", FORMAT + 1);
    let newer = own.replace(&format!("needs format {FORMAT}"), &newer);
    assert_ne!(newer, own);
    let cases = [
        (newer, Code::DataDirNewer),
        ("something else\n".to_owned(), Code::DataDirForeign),
        (String::new(), Code::DataDirForeign),
    ];
    for (text, wanted) in cases {
        fs::write(&file, &text).expect("writable");
        let before = contents(&place.path());
        let options = || EngineOptions { create: true, ..place.options() };
        assert_eq!(code(options), wanted, "{text}");
        assert_eq!(contents(&place.path()), before, "what was refused has been touched");
    }
    fs::write(&file, own).expect("writable");
    place.open();
}

#[test]
fn a_folder_of_something_else_is_not_made_a_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("thesis.tex"), "years of work").expect("writable");
    let options = |create| EngineOptions {
        create,
        ..EngineOptions::new(folder.path().to_owned(), Keyring::generate(&mut rand::rng()))
    };
    assert_eq!(code(|| options(false)), Code::DataDirMissing);
    assert_eq!(code(|| options(true)), Code::DataDirForeign);
    assert_eq!(contents(folder.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || EngineOptions {
        create: true,
        ..EngineOptions::new(folder.path().to_owned(), Keyring::generate(&mut rand::rng()))
    };
    Engine::open(options()).expect("made").shutdown();
    // The format file comes last, so without it the rest is what a cut leaves.
    fs::remove_file(folder.path().join("ledger-format")).expect("there");
    open(options).expect("made again, with another key").shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_a_part_is_refused_by_name_and_never_made_anew() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let place = ledger.close();
    let store = place.path().join("store");
    let current = fs::read_to_string(store.join("CURRENT")).expect("readable");
    let parts =
        [place.path().join("ledger-format"), store.join("CURRENT"), store.join(current.trim())];
    for part in parts {
        let kept = fs::read(&part).expect("readable");
        fs::remove_file(&part).expect("there");
        let before = contents(&place.path());
        for create in [false, true] {
            let options = || EngineOptions { create, ..place.options() };
            let problem = open(options).expect_err("must be refused");
            assert_eq!(problem.code, Code::DataDirIncomplete);
            let name = part.file_name().expect("a file").to_string_lossy();
            assert!(problem.message.contains(&*name), "{problem}");
            assert_eq!(contents(&place.path()), before, "what was refused has been touched");
        }
        fs::write(&part, kept).expect("writable");
    }
    place.open().get("main");
}

/// Puts bytes of ours where record `position` was.
fn overwrite(place: &Place, position: u64, bytes: &[u8]) {
    let store = place.store();
    let mut batch = Batch::new();
    log::put(&mut batch, &store, Position::new(position), bytes);
    store.commit(batch, Durability::Synced).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupted_record_is_reported_with_its_position() {
    let ledger = Ledger::new().await;
    for number in 0..10 {
        ledger.create(&format!("c-{number}")).await;
    }
    let place = ledger.close();
    overwrite(&place, 7, b"{\"position\":7,\"stream\":\"garbage");
    let ledger = place.open();
    assert_eq!(ledger.ask("list", &json!({}))["total"], 10, "what is not damaged is served");
    let problem = ledger.ask_at("_all", "history", &json!({})).expect_err("damaged");
    assert_eq!(problem.code, Code::RecordCorrupt);
    assert!(problem.message.contains("position 7"), "{problem}");
    let replay = ReplayRequest { projection: None, verify: false };
    let problem = Problem::from(ledger.engine.replay(&replay, &|_| {}).expect_err("damaged"));
    assert_eq!(problem.code, Code::RecordCorrupt);
    assert!(problem.message.contains("position 7"), "{problem}");
    let fault = ledger.engine.outbox().read(Position::ZERO, 100).expect_err("damaged");
    let problem = Problem::from(fault);
    assert!(problem.message.contains("position 7"), "{problem}");
    assert_eq!(ledger.ask("list", &json!({}))["total"], 10, "the failed replay changed nothing");
    ledger.create("later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_to_a_connection_that_was_never_made_is_reported() {
    for states in [2, 100] {
        let ledger =
            Ledger::with_replay(ReplayLimits { workers: 2, states, ..ReplayLimits::default() })
                .await;
        for number in 0..10 {
            ledger.create(&format!("c-{number}")).await;
        }
        let changed = ledger.run("disable", json!({"connection": "c-4"})).await.receipt;
        let position = changed.position;
        let place = ledger.close();
        let bytes = {
            let store = place.store();
            log::get(&store, Position::new(position)).expect("readable").expect("there")
        };
        let id = changed.connection.expect("a connection");
        let stranger = id.replace(&id[24..], "abcdefabcdef");
        let foreign = String::from_utf8(bytes).expect("text").replace(&id, &stranger);
        overwrite(&place, position, foreign.as_bytes());
        let ledger = place.open();
        let replay = ReplayRequest { projection: None, verify: false };
        let problem = Problem::from(ledger.engine.replay(&replay, &|_| {}).expect_err("damaged"));
        assert_eq!(problem.code, Code::RecordCorrupt, "{problem}");
        assert_eq!(ledger.ask("list", &json!({}))["total"], 10, "nothing was swapped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_at_the_wrong_place_is_reported() {
    let ledger = Ledger::new().await;
    ledger.create("a").await;
    let place = ledger.close();
    let bytes = {
        let store = place.store();
        log::get(&store, Position::new(3)).expect("readable").expect("there")
    };
    overwrite(&place, 2, &bytes);
    let problem = place.open().ask_at("_all", "history", &json!({})).expect_err("damaged");
    assert_eq!(problem.code, Code::RecordCorrupt);
    assert!(problem.message.contains("position 2"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replay_left_is_dropped_at_the_next_start() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let place = ledger.close();
    let left: Vec<_> = ["connections", "lists", "audit"].map(|name| model(name, 2)).into();
    {
        let store = place.store();
        for table in &left {
            store.create_table(table).expect("made");
        }
    }
    let ledger = place.open();
    ledger.expect_replay_equal();
    assert_eq!(ledger.replay(false).difference, None);
    ledger.expect_replay_equal();
    let place = ledger.close();
    let store = place.store();
    let models = |name: &&String| name.contains(".g");
    let names = store.table_names();
    assert_eq!(names.iter().filter(models).count(), 3, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_cut_off_in_the_middle_does_no_harm() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 20, ..ReplayLimits::default() })
            .await;
    for number in 0..50 {
        ledger.create(&format!("c-{number}")).await;
    }
    for verify in [true, false] {
        let left = Mutex::new(Vec::new());
        let request = ReplayRequest { projection: None, verify };
        let cut = |_| left.lock().expect("no panic").push(ledger.power_cut());
        ledger.engine.replay(&request, &cut).expect("replayed");
        let left = left.into_inner().expect("no panic");
        assert!(!left.is_empty(), "the replay told how far it is");
        for place in left {
            let ledger = place.open();
            assert_eq!(ledger.ask("list", &json!({}))["total"], 50);
            ledger.expect_replay_equal();
            ledger.create("later").await;
            ledger.replay(false);
            ledger.reopen().expect_replay_equal();
        }
    }
}

/// The end of the database's own log is where a power cut or a kill tears.
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_costs_only_what_was_not_whole() {
    let ledger = Ledger::new().await;
    for number in 0..20 {
        ledger.create(&format!("c-{number}")).await;
    }
    let head = ledger.engine.head().get();
    for torn in [1, 7, 100] {
        let place = ledger.power_cut();
        tear(&place.path().join("store"), torn);
        let ledger = place.open();
        assert_eq!(ledger.engine.head().get(), head - 1, "{torn} bytes are missing");
        assert_eq!(ledger.ask("list", &json!({}))["total"], 19);
        ledger.expect_replay_equal();
        ledger.create("c-19").await;
        ledger.reopen().expect_replay_equal();
    }
    let whole = ledger.power_cut().open();
    assert_eq!(whole.engine.head().get(), head, "what was answered is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_nothing_to_read_again_after_a_replay_too() {
    let ledger = Ledger::new().await;
    for round in 0..3 {
        ledger.create(&format!("c-{round}")).await;
        ledger.replay(false);
        ledger.create(&format!("d-{round}")).await;
    }
    let place = ledger.close();
    let files = fs::read_dir(place.path().join("store")).expect("readable");
    let files = files.map(|entry| entry.expect("readable"));
    let logs = files.filter(|file| file.file_name().to_string_lossy().ends_with(".log"));
    let left: u64 = logs.map(|file| file.metadata().expect("readable").len()).sum();
    assert_eq!(left, 0, "bytes in the database's own log");
    place.open().expect_replay_equal();
}

/// Cuts bytes off the newest log file of the database.
fn tear(store: &Path, bytes: u64) {
    let logs = fs::read_dir(store).expect("readable").map(|entry| entry.expect("readable").path());
    let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let newest = logs.max().expect("the database has a log");
    let file = fs::File::options().write(true).open(newest).expect("writable");
    let length = file.metadata().expect("readable").len();
    file.set_len(length - bytes).expect("cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_commands_than_can_wait_are_answered_busy() {
    let place = Ledger::new().await.close();
    let options = || EngineOptions {
        limits: AdmissionLimits { queued_max: 1, ..AdmissionLimits::default() },
        ..place.options()
    };
    let ledger = Ledger { engine: open(options).expect("opens"), place };
    let test_command = |number| {
        TestCommand::new("create", &json!({"slug": format!("c-{number}"), "provider": "x"}))
    };
    let answers = (0..500).map(|number| ledger.send(test_command(number)));
    let answers = futures::future::join_all(answers).await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(!refused.is_empty() && refused.iter().all(|problem| problem.code == Code::Busy));
    assert_eq!(ledger.ask("list", &json!({}))["total"], json!(accepted));
    ledger.send(test_command(1_000)).await.expect("there is room again");
}
