//! The audit journal: what it records, how much, and who may read it.

use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_contract::records::Via;
use ledger_contract::subjects::LEDGER;
use ledger_domain::{CheckedText as _, WorkspaceName};
use ledger_engine::{Attempt, EngineOptions, JournalOptions};
use ledger_store::tables::journal;
use ledger_store::{Batch, Durability};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand, open};

impl Ledger {
    /// Returns all entries that match, oldest first.
    pub(crate) fn entries(&self, workspace: &str, mut query: Value) -> Vec<Value> {
        query["oldest_first"] = json!(true);
        let mut entries = Vec::new();
        loop {
            let page = self.ask_at(workspace, "audit", &query).expect("an auditor");
            entries.extend(page["entries"].as_array().expect("entries").iter().cloned());
            match page.get("next_cursor") {
                Some(cursor) => query["cursor"] = cursor.clone(),
                None => return entries,
            }
        }
    }

    fn refusals(&self) -> Vec<Value> {
        let all = self.entries("_all", json!({}));
        all.into_iter().filter(|entry| entry["kind"] != "reading").collect()
    }
}

fn attempt(address: u32, workspace: &str) -> Attempt {
    let address = std::net::Ipv4Addr::from(address).into();
    let workspace = WorkspaceName::stored(workspace.into());
    Attempt::new(Via::Http, "list").from_address(Some(address)).in_workspace(Some(workspace))
}

fn sum(entries: &[Value]) -> u64 {
    entries.iter().map(|entry| entry["count"].as_u64().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_command_and_a_failed_reveal_are_recorded_with_who_and_what() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let viewer = ledger.enter("one", json!([{"role": "viewer"}])).await;
    let key = viewer.key().expect("a key").as_str().to_owned();
    let reveal = |connection| json!({"connection": connection, "reason": "a test"});
    for (command, code) in [
        (TestCommand::new("disable", &json!({"connection": "main"})), Code::Forbidden),
        (TestCommand::new("reveal-secret", &reveal("main")), Code::Forbidden),
        (TestCommand::new("reveal-secret", &reveal("gone")), Code::ConnectionUnknown),
        (TestCommand::new("enable", &json!({"connection": "gone"})), Code::ConnectionUnknown),
        (
            TestCommand::new("create-principal", &json!({"principal": "x", "kind": "user"}))
                .at(LEDGER),
            Code::Forbidden,
        ),
    ] {
        assert_eq!(ledger.send_as(&viewer, command).await.expect_err("refused").code, code);
    }
    let shown: Vec<_> = ledger
        .refusals()
        .iter()
        .map(|entry| {
            assert_eq!((&entry["actor"], &entry["key"]), (&json!("service:one"), &json!(key)));
            assert_eq!((&entry["via"], &entry["count"]), (&json!("nats"), &json!(1)), "{entry}");
            let text = |field: &str| entry[field].as_str().unwrap_or("-").to_owned();
            ["kind", "operation", "workspace", "connection"].map(text).join(" ")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "forbidden disable default main",
            "forbidden reveal-secret default main",
            "connection_unknown reveal-secret default gone",
            "forbidden create-principal _ledger -",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_history_and_of_the_journal_are_recorded() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let auditor = ledger.enter("one", json!([{"scopes": ["audit"]}])).await;
    for (query, body) in [
        ("history", json!({})),
        ("history", json!({})),
        ("history", json!({"connection": id})),
        ("audit", json!({"kind": ["forbidden"]})),
    ] {
        ledger.ask_as(&auditor, HOME, query, &body).expect("an auditor");
    }
    let entries = ledger.entries(HOME, json!({"actor": "service:one", "kind": ["reading"]}));
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry["operation"].clone(), entry["connection"].clone(), entry["count"].clone())
        })
        .collect();
    let (history, audit) = (json!("history"), json!("audit"));
    assert_eq!(
        shown,
        [
            (history.clone(), Value::Null, json!(2)),
            (history, json!(id), json!(1)),
            (audit, Value::Null, json!(1)),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_auditors_read_the_journal_and_each_only_of_their_workspaces() {
    let ledger = Ledger::new().await;
    for (address, workspace) in [(1, HOME), (2, ABROAD)] {
        ledger.engine.refused(Code::Forbidden, &attempt(address, workspace));
    }
    ledger.engine.refused(Code::CredentialInvalid, &Attempt::new(Via::Nats, "list"));
    let of_home = json!([{"scopes": ["audit"], "workspaces": [HOME]}]);
    let auditor = ledger.enter("auditor", of_home).await;
    let editor = ledger.enter("editor", json!([{"role": "editor"}])).await;
    let page = ledger.ask_as(&auditor, HOME, "audit", &json!({})).expect("an auditor");
    let entries = page["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1, "{page}");
    assert_eq!(
        (&entries[0]["workspace"], &entries[0]["address"]),
        (&json!(HOME), &json!("0.0.0.1"))
    );
    for (caller, workspace) in [(&auditor, ABROAD), (&auditor, "_all"), (&editor, HOME)] {
        let refused = ledger.ask_as(caller, workspace, "audit", &json!({})).expect_err("refused");
        assert_eq!(refused.code, Code::Forbidden, "{workspace}");
    }
    assert_eq!(ledger.refusals().len(), 3, "who audits all sees all");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_each_filter_and_in_pages() {
    let ledger = Ledger::new().await;
    for address in 1..=5 {
        ledger.engine.refused(Code::Forbidden, &attempt(address, HOME));
    }
    ledger.engine.refused(Code::RateLimited, &attempt(1, HOME));
    let count = |query: Value| ledger.entries("_all", query).len();
    let refusals = || json!({"kind": ["forbidden", "rate_limited"]});
    let with = |field: &str, value: Value| {
        let mut query = refusals();
        query[field] = value;
        query
    };
    assert_eq!(count(refusals()), 6);
    assert_eq!(count(json!({"kind": ["rate_limited"]})), 1);
    assert_eq!(count(json!({"address": "0.0.0.1"})), 2);
    assert_eq!(count(with("operation", json!("list"))), 6);
    assert_eq!(count(with("operation", json!("get"))), 0);
    assert_eq!(count(with("actor", json!("user:x"))), 0);
    assert_eq!(count(with("key", json!("k3x9a2bq71ce"))), 0);
    assert_eq!(count(with("from", json!("2026-01-01T00:00:00Z"))), 6);
    assert_eq!(count(with("from", json!("2999-01-01T00:00:00Z"))), 0);
    assert_eq!(count(with("until", json!("2026-01-01T00:00:00Z"))), 0);
    assert_eq!(count(with("page_size", json!(2))), 6);
    let newest = ledger.ask_at("_all", "audit", &with("page_size", json!(1))).expect("answered");
    assert_eq!(newest["entries"][0]["kind"], "rate_limited", "newest first");
    for (field, value) in [
        ("kind", json!(["nonsense"])),
        ("address", json!("nowhere")),
        ("from", json!("yesterday")),
        ("page_size", json!(0)),
    ] {
        let refused = ledger.ask_at("_all", "audit", &json!({field: value})).expect_err("bad");
        assert_eq!(refused.code, Code::FieldInvalid, "{field}");
    }
    let refused = ledger.ask_at("_all", "audit", &json!({"cursor": "aGlzdG9yeQ"}));
    assert_eq!(refused.expect_err("bad").code, Code::CursorInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_survives_a_kill_and_a_stop_and_numbers_go_on() {
    let ledger = Ledger::new().await;
    ledger.engine.refused(Code::Forbidden, &attempt(1, HOME));
    assert_eq!(ledger.refusals().len(), 1);
    let ledger = ledger.power_cut().open();
    ledger.engine.refused(Code::Forbidden, &attempt(2, HOME));
    let ledger = ledger.reopen();
    ledger.engine.refused(Code::Forbidden, &attempt(3, HOME));
    let entries = ledger.refusals();
    let addresses: Vec<_> = entries.iter().map(|entry| entry["address"].clone()).collect();
    assert_eq!(addresses, ["0.0.0.1", "0.0.0.2", "0.0.0.3"]);
    let all = ledger.entries("_all", json!({}));
    for (entry, number) in all.iter().zip(1_u64..) {
        assert_eq!(entry["entry"], number, "no number is missing or used twice");
    }
    ledger.expect_replay_equal();
}

/// What somebody does who sends as many requests as a machine can, from one place or from many.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_counted_exactly_in_few_entries() {
    const FLOOD: u32 = 200_000;
    let ledger = Ledger::new().await;
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let engine = ledger.engine.clone();
            std::thread::spawn(move || {
                for number in 0..FLOOD / 2 {
                    let workspace = format!("w-{}", number % 1_000);
                    engine.refused(Code::Forbidden, &attempt(1, &workspace));
                    engine.refused(Code::CredentialInvalid, &attempt(number, HOME));
                }
            })
        })
        .collect();
    // Commands of others go on.
    for number in 0..50 {
        ledger.create(&format!("c-{number}")).await;
    }
    for thread in threads {
        thread.join().expect("it ends");
    }
    ledger.engine.refused(Code::RevealUnsafe, &attempt(7, ABROAD));
    let entries = ledger.refusals();
    let of = |kind: &str| -> Vec<Value> {
        entries.iter().filter(|entry| entry["kind"] == kind).cloned().collect()
    };
    let (denied, wrong) = (of("forbidden"), of("credential_invalid"));
    assert_eq!((sum(&denied), sum(&wrong)), (FLOOD.into(), FLOOD.into()));
    // The flood may last for more than a minute on a loaded machine.
    assert!(denied.len() <= 9 * 3, "{}", denied.len());
    assert!(wrong.len() <= 257 * 3, "{}", wrong.len());
    assert!(denied.iter().all(|entry| entry["address"] == "0.0.0.1"));
    assert!(wrong.iter().any(|entry| entry["without"] == "sources"));
    assert_eq!(of("reveal_unsafe")[0]["workspace"], ABROAD, "others are not crowded out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_keeps_to_its_size_and_age() {
    const BYTES: usize = 20_000;
    let place = Ledger::new().await.close();
    let with = |journal: JournalOptions| open(|| EngineOptions { journal, ..place.options() });
    let small = JournalOptions { bytes_max: 20_000, ..JournalOptions::default() };
    let engine = with(small).expect("it opens");
    let admin = ledger_engine::Caller::system("user:admin");
    let read = |engine: &ledger_engine::Engine| {
        let query = json!({"kind": ["forbidden"], "page_size": 500, "oldest_first": true});
        let page = crate::ledger::ask_as(engine, &admin, "_all", "audit", &query);
        page.expect("answered")["entries"].as_array().expect("entries").clone()
    };
    for address in 0..250 {
        engine.refused(Code::Forbidden, &attempt(address, HOME));
    }
    let entries = read(&engine);
    let bytes: usize = entries.iter().map(|entry| entry.to_string().len()).sum();
    assert!(bytes <= BYTES && bytes > BYTES / 2, "{bytes}");
    assert_eq!(entries.last().expect("some")["address"], "0.0.0.249", "the newest are kept");
    engine.shutdown();
    drop(engine);
    let brief = JournalOptions { keep: Duration::ZERO, ..JournalOptions::default() };
    let engine = with(brief).expect("it opens");
    engine.refused(Code::Forbidden, &attempt(1_000, HOME));
    let entries = read(&engine);
    assert!(entries.len() <= 1, "earlier ones are too old: {}", entries.len());
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_after_every_entry_was_removed() {
    let place = Ledger::new().await.close();
    let admin = ledger_engine::Caller::system("user:admin");
    let numbers_with = |bytes_max, address| {
        let journal = JournalOptions { bytes_max, ..JournalOptions::default() };
        let engine = open(|| EngineOptions { journal, ..place.options() }).expect("it opens");
        engine.refused(Code::Forbidden, &attempt(address, HOME));
        let query = json!({"kind": ["forbidden"], "oldest_first": true});
        let page = crate::ledger::ask_as(&engine, &admin, "_all", "audit", &query);
        engine.shutdown();
        let page = page.expect("answered");
        let entries = page["entries"].as_array().expect("entries").clone();
        let numbers = entries.iter().map(|entry| entry["entry"].as_u64().expect("a number"));
        numbers.collect::<Vec<_>>()
    };
    let size = JournalOptions::default().bytes_max;
    let before = numbers_with(size, 1);
    assert!(numbers_with(0, 2).is_empty(), "there is room for none");
    assert_eq!(journal::all(&place.store()).count(), 0);
    let after = numbers_with(size, 3);
    assert_eq!(after.len(), 1);
    assert!(after > before, "{after:?} was used before: {before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_altered_entry_is_named_by_a_comparison() {
    for is_altered in [false, true] {
        let ledger = Ledger::new().await;
        for address in 1..=3 {
            ledger.engine.refused(Code::Forbidden, &attempt(address, HOME));
        }
        assert_eq!(ledger.refusals().len(), 3);
        let place = ledger.close();
        assert!(place.replay(true).is_ok());
        let store = if is_altered { place.strangers_store() } else { place.store() };
        let mut batch = Batch::new();
        if is_altered {
            journal::put(&mut batch, &store, 2, b"{}");
        } else {
            journal::delete(&mut batch, &store, 2);
        }
        store.commit(batch, Durability::Synced).expect("written");
        drop(store);
        let problem = place.replay(true).expect_err("it is noticed");
        let code = if is_altered { Code::RecordAltered } else { Code::RecordCorrupt };
        assert_eq!(problem.code, code, "{problem}");
        assert!(problem.message.contains("entry 2 of the audit journal"), "{problem}");
    }
}
