//! Erasing connections: what is gone, what stays, and what comes in between.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ledger_contract::errors::Code;
use ledger_domain::ConnectionId;
use ledger_store::tables::{keys, receipts};
use serde_json::{Value, json};

use super::master_keys::Keyed;
use crate::ledger::{HOME, Ledger, Place, TestCommand, ask_as};
use crate::wait::soon;

/// Values that must be nowhere afterwards. Random ends keep them from being compressed away.
const SECRET: &str = "sk-canary-5d0c71f2a9";
const SETTING: &str = "https://canary-b83e02d7c6.example/v1";
const LABEL: &str = "canary-label-47aa90be15";
const NAME: &str = "canary-name-c05b2e9d38";
const REASON: &str = "canary-reason-e1f7638a24";
const CANARIES: [&str; 5] = [SECRET, SETTING, LABEL, NAME, REASON];

/// Makes a connection that has a canary in everything, and changes it so often that it has
/// snapshots. Returns its id.
async fn canary(ledger: &Ledger, slug: &str, versions: usize) -> String {
    let body = json!({
        "slug": slug, "provider": "openai", "display_name": NAME, "description": REASON,
        "secrets": {"api_key": SECRET}, "config": {"base_url": SETTING}, "labels": {"owner": LABEL},
        "tags": [LABEL],
    });
    let id = ledger.run("create", body).await.receipt.connection.expect("made");
    for number in 1..versions {
        let body = match number % 2 {
            0 => json!({"connection": id, "reason": format!("{REASON} {number}")}),
            _ => json!({"connection": id, "secrets": {"api_key": format!("{SECRET}-{number}")}}),
        };
        let verb = if number % 2 == 0 { "mark-degraded" } else { "rotate-secret" };
        ledger.run(verb, body).await;
    }
    id
}

fn erase(id: &str) -> TestCommand {
    TestCommand::new("erase", &json!({"connection": id, "reason": "contract ended"}))
}

fn state(ledger: &Ledger, id: &str) -> Value {
    ledger.ask("erasure", &json!({"connection": id}))
}

fn completed(ledger: &Ledger, id: &str) {
    soon("the erasure is carried out", || (state(ledger, id)["state"] == "complete").then_some(()));
}

/// Returns which of some texts are in files of a folder.
fn found<'a>(folder: &Path, texts: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            found.extend(self::found(&path, texts));
            continue;
        }
        let content = fs::read(&path).unwrap_or_default();
        let has = |text: &&[u8]| content.windows(text.len()).any(|part| part == *text);
        found.extend(texts.iter().copied().filter(has));
    }
    found
}

#[track_caller]
fn expect_gone(place: &Place, texts: &[&[u8]]) {
    let left = found(&place.path(), texts);
    let left: Vec<_> = left.iter().map(|text| String::from_utf8_lossy(text)).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Returns the stored data key of a connection.
fn key_of(place: &Place, id: &str) -> Option<Vec<u8>> {
    let id: ConnectionId = id.parse().expect("an id");
    keys::get(&place.store(), id).expect("readable")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_erased_connection_said_is_in_any_file() {
    let ledger = Ledger::new().await;
    let other = ledger.create("other").await;
    let live = canary(&ledger, "live", 40).await;
    let archived = canary(&ledger, "archived", 20).await;
    ledger.run("archive", json!({"connection": archived})).await;
    let before = ledger.power_cut();
    let wrapped = key_of(&before, &live).expect("it has a key");
    let tail = &wrapped[wrapped.len() - 32..];
    let texts: Vec<&[u8]> = CANARIES.map(str::as_bytes).into_iter().skip(1).chain([tail]).collect();
    let shown = found(&before.path(), &texts);
    // Some texts are not there as they are, because files are compressed.
    assert!(shown.contains(&tail) && shown.len() > 1, "the test finds what is there");

    for id in [&live, &archived] {
        let erased = ledger.send(erase(id)).await.expect("erased");
        let view = ledger.get(id);
        assert_eq!(view["lifecycle"], "erased", "{view}");
        assert_eq!(view["version"], json!(erased.receipt.version));
        assert!(view["erased_at"].is_string() && view["secrets"] == json!({}), "{view}");
        completed(&ledger, id);
    }
    let answer = state(&ledger, &live);
    assert_eq!(answer["position"], ledger.get(&live)["position"], "{answer}");
    assert_eq!(answer["master_keys"], json!([before.keyring().active_id().to_string()]));
    ledger.expect_replay_equal();
    assert_eq!(ledger.reveal(&other, "api_key").await, "sk-first-value-1", "others stay");
    let history = history(&ledger, &live);
    let place = ledger.close();
    // The list of files may have names by which rows are sorted, until the next start.
    let is_unlisted = |text: &&[u8]| *text != NAME.as_bytes() && *text != LABEL.as_bytes();
    let unlisted: Vec<&[u8]> = texts.iter().copied().filter(is_unlisted).collect();
    expect_gone(&place, &unlisted);
    let place = place.open().close();
    expect_gone(&place, &texts);
    assert_eq!(key_of(&place, &live), None);
    assert_eq!(place.replay(true).expect("compared").difference, None);
    let ledger = place.open();
    assert_eq!(self::history(&ledger, &live), history, "the same after a start");

    // Whoever has a copy of before and the master key still opens it, as the answer said.
    let copy = before.open();
    assert!(copy.reveal(&live, "api_key").await.starts_with(SECRET));
}

fn history(ledger: &Ledger, id: &str) -> Value {
    ledger.ask("history", &json!({"connection": id, "oldest_first": true, "page_size": 100}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_tells_who_did_what_and_when_without_values() {
    let ledger = Ledger::new().await;
    let id = canary(&ledger, "main", 5).await;
    let before = history(&ledger, &id);
    ledger.send(erase(&id)).await.expect("erased");
    completed(&ledger, &id);
    let after = history(&ledger, &id);
    let (before, after) = (before["events"].as_array(), after["events"].as_array());
    let (before, after) = (before.expect("events"), after.expect("events"));
    assert_eq!(after.len(), before.len() + 1);
    for (before, after) in before.iter().zip(after) {
        for field in ["position", "event_id", "type", "actor", "recorded_at", "command_id", "via"] {
            assert_eq!(before[field], after[field], "{field}");
        }
        assert_eq!(after["schema"], 0);
        let digest = after["data"]["sha256"].as_str().expect("a digest");
        assert_eq!(digest.len(), 64);
    }
    let fields = after[0]["data"]["fields"].as_array().expect("names");
    for name in ["details.config.base_url", "secrets.api_key", "details.labels"] {
        assert!(fields.contains(&json!(name)), "{fields:?}");
    }
    let last = &after[before.len()];
    assert_eq!(last["type"], "connection_erased");
    assert_eq!(last["data"], json!({"slug": "main", "reason": "contract ended"}));
    let text = format!("{after:?}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_possible_and_the_name_is_free() {
    let ledger = Ledger::new().await;
    let id = canary(&ledger, "main", 3).await;
    ledger.run("link-dependent", json!({"connection": id, "kind": "tool", "id": "t"})).await;
    assert_eq!(ledger.refusal(erase(&id)).await, Code::ConnectionInUse);
    let forced = json!({"connection": id, "reason": "contract ended", "force": true});
    let forced = TestCommand::new("erase", &forced).id("once");
    assert_eq!(ledger.refusal(forced.clone().version(2)).await, Code::VersionConflict);
    let done = ledger.send(forced.clone()).await.expect("erased");
    let again = ledger.send(forced).await.expect("the first answer");
    assert!(again.repeated && again.receipt == done.receipt);
    let named = |more: Value| {
        let mut body = more;
        body["connection"] = json!(id);
        body
    };
    for (verb, body) in [
        ("erase", json!({"reason": "again"})),
        ("update", json!({"display_name": "x"})),
        ("rotate-secret", json!({"secrets": {"api_key": "sk-other-value"}})),
        ("reveal-secret", json!({"reason": "a look"})),
        ("confirm-secret", json!({"consumer": "eu", "generations": {"api_key": 1}})),
        ("archive", json!({})),
        ("restore", json!({})),
        ("enable", json!({})),
        ("revert", json!({"to_version": 1})),
        ("unlink-dependent", json!({"kind": "tool", "id": "t"})),
    ] {
        let refused = ledger.refusal(TestCommand::new(verb, &named(body))).await;
        assert_eq!(refused, Code::ConnectionErased, "{verb}");
    }
    completed(&ledger, &id);
    let count = |filter: Value| ledger.ask("list", &filter)["total"].as_u64().expect("a number");
    assert_eq!(count(json!({})), 0);
    assert_eq!(count(json!({"lifecycle": "archived"})), 0);
    assert_eq!(count(json!({"lifecycle": "erased"})), 1);
    assert_eq!(count(json!({"lifecycle": "any"})), 1);
    for filter in [
        json!({"text": NAME}),
        json!({"label": [format!("owner={LABEL}")]}),
        json!({"tag": [LABEL]}),
        json!({"provider": ["openai"]}),
    ] {
        let mut filter = filter;
        filter["lifecycle"] = json!("any");
        assert_eq!(count(filter.clone()), 0, "{filter}");
    }
    let new = ledger.create("main").await;
    assert_ne!(new, id);
    assert_eq!(ledger.reveal("main", "api_key").await, "sk-first-value-1");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_before_is_known_but_tells_nothing() {
    let ledger = Ledger::new().await;
    let body = json!({"slug": "main", "provider": "x", "secrets": {"k": SECRET}});
    let create = TestCommand::new("create", &body).id("create-1");
    let id = ledger.send(create.clone()).await.expect("made").receipt.connection.expect("an id");
    ledger.send(erase(&id)).await.expect("erased");
    completed(&ledger, &id);
    let code = ledger.refusal(create).await;
    assert_eq!(code, Code::CommandIdReused, "it is not made anew by a late repeat");
    let place = ledger.close();
    let store = place.store();
    for row in receipts::all(&store) {
        let receipt = row.expect("readable").1.expect("a receipt");
        let is_blank = receipt.fingerprint == [0; 16];
        let is_of_before = receipt.connection.is_some() && receipt.version.get() == 1;
        assert_eq!(is_blank, is_of_before, "{receipt:?}");
    }
}

/// Power fails at many moments of an erasure. After each, the log and what follows from it agree,
/// and the next start carries the erasure out.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_nothing_and_the_next_start_goes_on() {
    let ledger = Ledger::new().await;
    let id = canary(&ledger, "main", 700).await;
    ledger.send(erase(&id)).await.expect("erased");
    let mut copies = Vec::new();
    while state(&ledger, &id)["state"] != "complete" && copies.len() < 8 {
        copies.push(ledger.power_cut());
    }
    copies.push(ledger.power_cut());
    completed(&ledger, &id);
    ledger.expect_replay_equal();
    let texts = CANARIES.map(str::as_bytes);
    for (number, copy) in copies.into_iter().enumerate() {
        assert_eq!(copy.replay(true).expect("compared").difference, None, "copy {number}");
        assert_eq!(key_of(&copy, &id), None, "copy {number}");
        let ledger = copy.open();
        completed(&ledger, &id);
        ledger.expect_replay_equal();
        let place = ledger.reopen().close();
        expect_gone(&place, &texts);
        // A rebuild of all that follows from the log finds it erased as well.
        place.replay(false).expect("rebuilt");
        assert_eq!(place.replay(true).expect("compared").difference, None, "copy {number}");
        let ledger = place.open();
        assert_eq!(state(&ledger, &id)["state"], "complete", "copy {number}");
    }
}

/// No secret is revealed after the answer to the erasure, and none is set.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_after_the_answer_gets_nothing() {
    const CONNECTIONS: usize = 30;
    let ledger = Arc::new(Ledger::new().await);
    let mut ids = Vec::new();
    for number in 0..CONNECTIONS {
        ids.push(ledger.create(&format!("c-{number}")).await);
    }
    let ids = Arc::new(ids);
    // How many connections are erased and answered for.
    let (answered, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut callers = Vec::new();
    for caller in 0..6_usize {
        let (ledger, ids) = (Arc::clone(&ledger), Arc::clone(&ids));
        let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
        callers.push(tokio::spawn(async move {
            let (mut given, mut number) = (0_usize, caller);
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                let place = (answered.load(Ordering::SeqCst) + number % 3).min(CONNECTIONS - 1);
                let id = &ids[place];
                let body = if caller % 2 == 0 {
                    json!({"connection": id, "reason": "in use"})
                } else {
                    let value = format!("sk-value-of-{caller}-{number}");
                    json!({"connection": id, "secrets": {"api_key": value}})
                };
                let verb = if caller % 2 == 0 { "reveal-secret" } else { "rotate-secret" };
                let is_erased = place < answered.load(Ordering::SeqCst);
                match ledger.send(TestCommand::new(verb, &body)).await {
                    Ok(_) => {
                        assert!(!is_erased, "{verb} of {place} after its erasure");
                        given += 1;
                    }
                    Err(problem) => {
                        assert_eq!(problem.code, Code::ConnectionErased, "{verb}: {problem}");
                    }
                }
            }
            given
        }));
    }
    for (number, id) in ids.iter().enumerate() {
        let twice = [ledger.send(erase(id)), ledger.send(erase(id))];
        let results = futures::future::join_all(twice).await;
        let accepted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(accepted, 1, "{number}: one of two at once");
        answered.store(number + 1, Ordering::SeqCst);
    }
    for id in ids.iter() {
        let late = TestCommand::new("reveal-secret", &json!({"connection": id, "reason": "late"}));
        assert_eq!(ledger.send(late).await.expect_err("refused").code, Code::ConnectionErased);
    }
    stop.store(true, Ordering::SeqCst);
    let mut given = 0;
    for caller in callers {
        given += caller.await.expect("no caller got what it must not");
    }
    assert!(given > 0, "some came before");
    for id in ids.iter() {
        completed(&ledger, id);
    }
    ledger.expect_replay_equal();
    let place = Arc::into_inner(ledger).expect("nobody else has it").close();
    for id in ids.iter() {
        assert_eq!(key_of(&place, id), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_key_that_is_being_wrapped_anew_does_not_come_back() {
    const CONNECTIONS: usize = 300;
    let keyed = Keyed::with(CONNECTIONS).await;
    for round in 0..3 {
        keyed.add_key();
        keyed.rotate().await.expect("rotated");
        for number in (round..CONNECTIONS).step_by(4).take(40) {
            let body = json!({"connection": format!("c-{number}"), "reason": "contract ended"});
            // Another round may have had it.
            keyed.try_send(TestCommand::new("erase", &body)).await;
        }
        keyed.settle();
        keyed.expect_equal();
    }
    let admin = ledger_engine::Caller::system("user:admin");
    let ask =
        |filter: Value| ask_as(keyed.engine(), &admin, HOME, "list", &filter).expect("a list");
    let erased = ask(json!({"lifecycle": "erased", "page_size": 500}));
    let live = ask(json!({}))["total"].as_u64().expect("a number");
    let count = erased["total"].as_u64().expect("a number");
    assert!(count >= 100 && live + count == CONNECTIONS as u64, "{live} and {count}");
    let keys = keyed.data_keys();
    assert_eq!(keys, live, "each live connection has a data key, and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_erasures_than_fit_in_a_pass_are_all_carried_out() {
    const CONNECTIONS: usize = 1_100;
    let ledger = Ledger::new().await;
    let mut ids = Vec::new();
    for number in 0..CONNECTIONS {
        let body = json!({
            "slug": format!("c-{number}"), "provider": "x", "config": {"u": SETTING},
            "secrets": {"k": "sk-value-1234"},
        });
        ids.push(ledger.run("create", body).await.receipt.connection.expect("made"));
    }
    for id in &ids {
        ledger.send(erase(id)).await.expect("erased");
    }
    for id in &ids {
        completed(&ledger, id);
    }
    ledger.expect_replay_equal();
    let place = ledger.close();
    assert!(found(&place.path(), &[SETTING.as_bytes()]).is_empty());
}
