//! Quotas of workspaces: at the last place, after a restart, and on another day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::join_all;
use ledger_contract::errors::Code;
use ledger_contract::subjects::LEDGER;
use ledger_domain::Micros;
use ledger_engine::{Clock, EngineOptions, Ports, Quotas};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, Place, TestCommand, open};

/// 2026-11-28T12:00:00Z.
const NOON: i64 = 1_795_867_200_000_000;
const HOUR: i64 = 3_600_000_000;

/// Opens a ledger with quotas and a clock of its own.
fn opened(place: Place, quotas: Quotas, now: &Arc<AtomicI64>) -> Ledger {
    let options = || {
        let shown = Arc::clone(now);
        let clock = Clock::new(move || Micros::new(shown.load(Ordering::SeqCst)));
        EngineOptions { quotas, ports: Ports { clock, ..Ports::default() }, ..place.options() }
    };
    let engine = open(options).expect("the ledger opens");
    Ledger { engine, place }
}

/// Makes a ledger whose clock shows noon of a day after its first events.
async fn ledger(quotas: Quotas) -> (Ledger, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(NOON + 365 * 24 * HOUR));
    (opened(Ledger::new().await.close(), quotas, &now), now)
}

fn create(slug: &str) -> TestCommand {
    let secrets = json!({"api_key": "sk-first-value-1"});
    TestCommand::new("create", &json!({"slug": slug, "provider": "x", "secrets": secrets}))
}

fn described(text: &str) -> TestCommand {
    TestCommand::new("update", &json!({"connection": "one", "description": text}))
}

fn revealing() -> TestCommand {
    TestCommand::new("reveal-secret", &json!({"connection": "one", "reason": "a test"}))
}

/// Returns what the home workspace uses.
fn usage(ledger: &Ledger) -> Value {
    let page = ledger.ask("workspaces", &json!({}));
    let found = page["workspaces"].as_array().expect("workspaces").iter();
    found.clone().find(|one| one["name"] == HOME).expect("home")["usage"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_takes_the_last_place_of_a_quota() {
    let (ledger, _) = ledger(Quotas { connections: Some(3), ..Quotas::UNLIMITED }).await;
    let slugs: Vec<_> = (0..20).map(|number| format!("c-{number}")).collect();
    let sent = join_all(slugs.iter().map(|slug| ledger.send(create(slug)))).await;
    let refused: Vec<_> = sent.iter().filter_map(|sent| sent.as_ref().err()).collect();
    assert_eq!(refused.len(), 17, "{refused:?}");
    assert!(refused.iter().all(|problem| problem.code == Code::QuotaExceeded));
    assert!(refused[0].message.contains("default has used its quota of 3 connections"));
    ledger.send(create("abroad").at(ABROAD)).await.expect("another workspace has its own");
    let made = ledger.ask("list", &json!({}))["connections"][0]["slug"].clone();
    ledger.run("archive", json!({"connection": made})).await;
    ledger.send(create("next")).await.expect("there is room again");
    let query = json!({"lifecycle": "archived"});
    let id = ledger.ask("list", &query)["connections"][0]["id"].clone();
    let restore = TestCommand::new("restore", &json!({"connection": id}));
    assert_eq!(ledger.refusal(restore).await, Code::QuotaExceeded);
    assert_eq!(usage(&ledger)["connections"], json!({"used": 3, "limit": 3}));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_is_known_after_a_restart() {
    let quotas = Quotas {
        connections: Some(2),
        events_per_day: Some(4),
        reveals_per_day: Some(2),
        ..Quotas::UNLIMITED
    };
    let (ledger, now) = ledger(quotas).await;
    ledger.send(create("one")).await.expect("made");
    ledger.send(revealing()).await.expect("revealed");
    ledger.send(described("first")).await.expect("changed");
    let before = usage(&ledger);
    let ledger = opened(ledger.close(), quotas, &now);
    assert_eq!(usage(&ledger), before);
    assert_eq!(before["changes_today"], json!({"used": 2, "limit": 4}));
    assert_eq!(before["reveals_today"], json!({"used": 1, "limit": 2}));
    ledger.send(revealing()).await.expect("the second");
    assert_eq!(ledger.refusal(revealing()).await, Code::QuotaExceeded);
    ledger.send(described("second")).await.expect("the third change");
    ledger.send(create("two")).await.expect("the fourth");
    assert_eq!(ledger.refusal(described("third")).await, Code::QuotaExceeded);
    ledger.run("disable", json!({"connection": "one"})).await;
    assert_eq!(ledger.refusal(described("third")).await, Code::QuotaExceeded);
    now.fetch_add(12 * HOUR, Ordering::SeqCst);
    ledger.send(described("third")).await.expect("it is another day");
    assert_eq!(ledger.refusal(create("three")).await, Code::QuotaExceeded, "places stay taken");
    assert_eq!(usage(&ledger)["changes_today"]["used"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_ends_although_the_clock_was_ahead_for_a_moment() {
    let quotas = Quotas { events_per_day: Some(2), ..Quotas::UNLIMITED };
    let (ledger, now) = ledger(quotas).await;
    ledger.send(create("one")).await.expect("made");
    now.fetch_add(100 * 24 * HOUR, Ordering::SeqCst);
    ledger.send(described("ahead")).await.expect("changed");
    now.fetch_sub(99 * 24 * HOUR, Ordering::SeqCst);
    ledger.send(described("back")).await.expect("changed");
    ledger.send(described("again")).await.expect("changed");
    assert_eq!(ledger.refusal(described("too much")).await, Code::QuotaExceeded);
    let ledger = opened(ledger.close(), quotas, &now);
    assert_eq!(ledger.refusal(described("too much")).await, Code::QuotaExceeded);
    now.fetch_add(24 * HOUR, Ordering::SeqCst);
    let ledger = opened(ledger.close(), quotas, &now);
    ledger.send(described("tomorrow")).await.expect("it is another day");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_workspace_are_limited_whoever_holds_them() {
    let (ledger, now) = ledger(Quotas { keys: Some(2), ..Quotas::UNLIMITED }).await;
    let here = json!([{"role": "viewer", "workspaces": [HOME]}]);
    for name in ["one", "two"] {
        ledger.make(name, here.clone()).await;
    }
    ledger.make("abroad", json!([{"role": "viewer", "workspaces": [ABROAD]}])).await;
    let first = ledger.issue("one", json!({"expires_at": "2028-01-01T00:00:00Z"})).await;
    ledger.issue("two", json!({})).await;
    ledger.issue("abroad", json!({})).await;
    let issue = |name: &str| TestCommand::new("issue-key", &json!({"principal": name})).at(LEDGER);
    assert_eq!(ledger.refusal(issue("one")).await, Code::QuotaExceeded);
    let moved = json!({"principal": "abroad", "grants": here});
    let moved = TestCommand::new("update-principal", &moved).at(LEDGER);
    assert_eq!(ledger.refusal(moved).await, Code::QuotaExceeded, "it would bring its key");
    let ledger = opened(ledger.close(), Quotas { keys: Some(2), ..Quotas::UNLIMITED }, &now);
    assert_eq!(ledger.refusal(issue("two")).await, Code::QuotaExceeded);
    assert_eq!(usage(&ledger)["keys"], json!({"used": 2, "limit": 2}));
    ledger.lead("revoke-key", json!({"principal": "one", "key": first.id})).await;
    ledger.issue("two", json!({})).await;
}
