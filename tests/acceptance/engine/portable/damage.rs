//! What somebody can do to an export without the master key, and what accidents do.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Position;
use ledger_engine::{Engine, PORTABLE_VERSION, Until};
use ledger_store::tables::log;
use ledger_store::{Batch, Durability};
use serde_json::json;

use super::lines;
use crate::ledger::{Ledger, Place};
use crate::moved::{export, import, portable};

/// A small ledger: two workspaces, three connections and some changes; closed.
async fn small() -> Place {
    let ledger = Ledger::new().await;
    for slug in ["main", "second", "third"] {
        ledger.create(slug).await;
    }
    for reason in ["one", "two"] {
        ledger.run("mark-degraded", json!({"connection": "main", "reason": reason})).await;
    }
    ledger.close()
}

/// Fails unless an import is refused with a code and words, and leaves no ledger.
#[track_caller]
fn expect_refused(place: &Place, what: &str, text: &[u8], code: Code, words: &str) {
    let refused = import(place, Until::End, text).expect_err(what);
    assert_eq!(refused.code, code, "{what}: {refused}");
    assert!(refused.message.contains(words), "{what}: {refused}");
    assert!(!Engine::exists(&place.path()), "{what}");
}

/// The line of the event at a position, by its place among all lines.
fn event(lines: &[Vec<u8>], position: usize) -> usize {
    let first = lines.iter().position(|line| line.starts_with(b"{\"event\"")).expect("events");
    first + position - 1
}

fn without(lines: &[Vec<u8>], left_out: usize) -> Vec<u8> {
    let kept = lines.iter().enumerate().filter(|(number, _)| *number != left_out);
    kept.flat_map(|(_, line)| line.clone()).collect()
}

fn replaced(lines: &[Vec<u8>], number: usize, line: &[u8]) -> Vec<u8> {
    let mut lines = lines.to_vec();
    lines[number] = line.to_vec();
    lines.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_an_export_is_named_and_leaves_no_ledger() {
    let first = small().await;
    let (text, place) = (export(&first), first.empty());
    let lines = lines(&text);
    let (fifth, sixth) = (event(&lines, 5), event(&lines, 6));
    let refused = |what: &str, text: &[u8], code, words: &str| {
        expect_refused(&place, what, text, code, words);
    };
    let altered = Code::PortableAltered;
    let mut wrong = lines[0].clone();
    for place_of_byte in (0..wrong.len() - 1).step_by(17) {
        wrong[place_of_byte] ^= 1;
        let text = replaced(&lines, 0, &wrong);
        let code = import(&place, Until::End, &text).expect_err("the header").code;
        // Its keys are opened before its code can be checked.
        let codes = [altered, Code::PortableForeign, Code::PortableNewer, Code::MasterKeyWrong];
        assert!(codes.contains(&code), "byte {place_of_byte}: {code}");
        assert!(!place.path().exists(), "byte {place_of_byte}");
        wrong[place_of_byte] ^= 1;
    }
    for (number, line) in lines.iter().enumerate().skip(1) {
        let mut wrong = line.clone();
        wrong[line.len() / 2] ^= 1;
        let words = format!("line {}", number + 1);
        refused("one byte", &replaced(&lines, number, &wrong), altered, &words);
    }
    let (gone, again) = (without(&lines, fifth), replaced(&lines, sixth, &lines[fifth]));
    refused("a missing line", &gone, altered, "event 6 where event 5 belongs");
    refused("a doubled line", &again, altered, "event 5 where event 6 belongs");
    let mut swapped = lines.clone();
    swapped.swap(fifth, sixth);
    refused("swapped lines", &swapped.concat(), altered, "event 6 where event 5 belongs");
    let windows = String::from_utf8(text.clone()).expect("text").replace('\n', "\r\n");
    refused("other line ends", windows.as_bytes(), altered, "line 1");
    for cut in 1..lines.len() {
        let what = format!("cut before line {}", cut + 1);
        refused(&what, &lines[..cut].concat(), Code::PortableCutOff, "the lines end before");
    }
    let half = [lines[..fifth].concat().as_slice(), &lines[fifth][..40]].concat();
    refused("half a line", &half, Code::PortableCutOff, "is cut off");
    refused("nothing", b"", Code::PortableCutOff, "before the header");
    let more = [text.as_slice(), b"{}\n"].concat();
    refused("one line more", &more, Code::PortableForeign, &format!("line {}", lines.len() + 1));
    let others = b"{\"slug\": \"main\", \"provider\": \"openai\"}\n";
    refused("another file", others, Code::PortableForeign, "line 1");
    let long = vec![b'x'; 1024 * 1024];
    refused("a long line", &long, Code::PortableForeign, "line 1");
    let newer = String::from_utf8(text.clone()).expect("text");
    let today = format!("\"portable_ledger\":{PORTABLE_VERSION}");
    let newer = newer.replacen(&today, "\"portable_ledger\":7", 1);
    let words = format!("version 7; this program knows versions up to {PORTABLE_VERSION}");
    refused("a newer form", newer.as_bytes(), Code::PortableNewer, &words);
    // The folder is as good as it was.
    import(&place, Until::End, &text).expect("restored");
    place.open().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_moved_to_another_connection_or_taken_away() {
    let first = small().await;
    let (text, place) = (export(&first), first.empty());
    let lines = lines(&text);
    let key = |number: usize| {
        let line = String::from_utf8(lines[number].clone()).expect("text");
        let (_, rest) = line.split_once(r#","key":""#).expect("it creates a connection");
        rest.split_once('"').expect("it ends").0.to_owned()
    };
    let (one, other) = (event(&lines, 3), event(&lines, 4));
    let line = String::from_utf8(lines[one].clone()).expect("text");
    let moved = line.replace(&key(one), &key(other));
    let taken = line.replace(&format!(r#","key":"{}""#, key(one)), "");
    assert!(moved != line && taken != line);
    for wrong in [moved, taken] {
        let text = replaced(&lines, one, wrong.as_bytes());
        expect_refused(&place, "a key", &text, Code::PortableAltered, "event 3");
    }
}

/// All lines of both are authentic.
#[tokio::test(flavor = "multi_thread")]
async fn two_exports_of_a_ledger_are_not_mixed() {
    let first = small().await;
    let early = export(&first);
    let ledger = first.open();
    ledger.create("fourth").await;
    let first = ledger.close();
    let (late, place) = (export(&first), first.empty());
    let (early, late) = (lines(&early), lines(&late));
    let state = |lines: &[Vec<u8>]| lines[..event(lines, 1)].concat();
    let rest = |lines: &[Vec<u8>]| lines[event(lines, 1)..].concat();
    let mixed = [state(&early), rest(&late)].concat();
    let words = "the whole of the lines before";
    expect_refused(&place, "an earlier state", &mixed, Code::PortableAltered, words);
    let mixed = [state(&late), rest(&early)].concat();
    let refused = import(&place, Until::End, &mixed).expect_err("a later state");
    assert_eq!(refused.code, Code::PortableAltered, "{refused}");
    let shortened = [late[..late.len() - 2].concat(), early[early.len() - 1].clone()].concat();
    expect_refused(&place, "without the last event", &shortened, Code::PortableAltered, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_record_is_named_and_not_exported() {
    let place = small().await;
    let record = {
        let store = place.store();
        let position = Position::new(4);
        log::get(&store, position).expect("readable").expect("there")
    };
    {
        let store = place.strangers_store();
        let mut batch = Batch::new();
        let position = Position::new(4);
        log::put(&mut batch, &store, position, &record);
        store.commit(batch, Durability::Synced).expect("written");
    }
    let mut text = Vec::new();
    let written = portable(&place).write_whole(&mut text, &|_| {});
    let problem = Problem::from(written.expect_err("altered"));
    assert_eq!(problem.code, Code::RecordAltered);
    assert!(problem.message.contains("position 4"), "{problem}");
}
