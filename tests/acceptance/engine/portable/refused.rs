//! What is refused before anything is written, and what an interrupted restore leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Micros, Position};
use ledger_engine::{Engine, EngineOptions, Restoration, RestoreOptions, Taken, Until};
use ledger_vault::Keyring;

use super::lines;
use crate::engine::derived::lived;
use crate::ledger::open;
use crate::moved::{export, import};

/// The names and bytes of all files in a folder but the database's own lock.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(contents(&path));
        } else if !name.ends_with("LOCK") && !name.ends_with("ledger.lock") {
            files.insert(name, fs::read(&path).expect("readable"));
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_with_another_key_into_a_full_folder_or_for_an_unknown_target() {
    let first = lived().await.0;
    let (text, place) = (export(&first), first.empty());
    let (path, end) = (place.path(), u64::MAX);
    let refused = |until, code: Code, words: &str| {
        let problem = import(&place, until, &text).expect_err("refused");
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.message.contains(words), "{problem}");
        assert!(!path.exists(), "nothing was written");
    };
    let (unknown, position) = (Code::RestoreTargetUnknown, |at| Until::Position(Position::new(at)));
    refused(position(0), unknown, "no position 0");
    refused(position(end), unknown, "beyond the end, which is position");
    refused(Until::Time(Micros::new(0)), unknown, "before the first event, which is of 20");
    let stranger = Keyring::generate(&mut rand::rng());
    let options = RestoreOptions::new(&path, &stranger);
    let wrong = Engine::import(options, &mut text.as_slice(), &|_, _| {}).expect_err("another key");
    assert_eq!(Problem::from(wrong).code, Code::MasterKeyWrong);
    assert!(!path.exists());

    fs::create_dir_all(path.join("nats")).expect("made");
    fs::write(path.join("nats/nats.conf"), "of a managed server").expect("written");
    fs::write(path.join("notes.txt"), "mine").expect("written");
    let before = contents(&path);
    let problem = import(&place, Until::End, &text).expect_err("it is not empty");
    assert_eq!(problem.code, Code::DataDirNotEmpty);
    assert!(problem.message.contains("notes.txt"), "{problem}");
    assert_eq!(contents(&path), before);
    let before = contents(&first.path());
    let problem = import(&first, Until::End, &text).expect_err("a ledger");
    assert_eq!(problem.code, Code::DataDirNotEmpty);
    assert!(problem.message.contains("holds a ledger"), "{problem}");
    assert!(contents(&first.path()) == before, "the ledger is as it was");

    fs::remove_file(path.join("notes.txt")).expect("there");
    import(&place, Until::End, &text).expect("restored beside the folder of NATS");
    let kept = fs::read_to_string(path.join("nats/nats.conf")).expect("kept");
    assert_eq!(kept, "of a managed server");
}

/// Dropping a restore leaves what a kill would.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_is_no_ledger_and_is_begun_again_in_the_same_folder() {
    let first = lived().await.0;
    let (text, place) = (export(&first), first.empty());
    let (path, keyring) = (place.path(), place.keyring());
    let lines = lines(&text);
    let state = lines.iter().position(|line| line.starts_with(b"{\"event\"")).expect("events");
    for events in [0, 1, 20] {
        let options = RestoreOptions::new(&path, &keyring);
        let mut begun = Restoration::begin(options, &mut lines[..state].concat().as_slice());
        let begun = begun.as_mut().expect("begun");
        let some = lines[state..state + events].concat();
        assert_eq!(begun.take_events(&mut some.as_slice()).expect("taken"), Taken::More);
    }
    assert!(!Engine::exists(&path));
    for create in [false, true] {
        let refused = open(|| EngineOptions { create, ..place.options() }).expect_err("no ledger");
        assert_eq!(refused.code, Code::RestoreUnfinished, "{refused}");
    }
    let checked = Problem::from(Engine::check(&path).expect_err("no ledger"));
    assert_eq!(checked.code, Code::RestoreUnfinished);
    let replayed = place.replay(false).expect_err("no ledger");
    assert_eq!(replayed.code, Code::RestoreUnfinished);
    import(&place, Until::End, &text).expect("restored");
    place.open().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_or_failed_restore_leaves_nothing_but_the_lock() {
    let first = lived().await.0;
    let (text, place) = (export(&first), first.empty());
    let (path, keyring) = (place.path(), place.keyring());
    let lines = lines(&text);
    let names = || -> Vec<String> {
        let entries = fs::read_dir(&path).expect("there").map(|entry| entry.expect("readable"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let begin = || {
        let options = RestoreOptions::new(&path, &keyring);
        Restoration::begin(options, &mut text.as_slice()).expect("begun")
    };
    begin().abandon();
    assert_eq!(names(), ["ledger.lock"]);
    let early = begin().finish(&|_| {}).expect_err("no events");
    assert_eq!(Problem::from(early).code, Code::PortableCutOff);
    assert_eq!(names(), ["ledger.lock"]);
    let half = lines[..lines.len() / 2].concat();
    import(&place, Until::End, &half).expect_err("cut off");
    assert_eq!(names(), ["ledger.lock"]);
}
