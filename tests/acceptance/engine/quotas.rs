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

#[tokio::test(flavor = "multi_thread")]
async fn keys_count_once_until_they_expire() {
    let (ledger, now) = ledger(Quotas { keys: Some(2), ..Quotas::UNLIMITED }).await;
    let grant = |role, workspace| json!({"role": role, "workspaces": [workspace]});
    ledger.make("one", json!([grant("viewer", HOME), grant("editor", HOME)])).await;
    ledger.issue("one", json!({"expires_at": "2028-01-01T00:00:00Z"})).await;
    ledger.issue("one", json!({})).await;
    let issue = || TestCommand::new("issue-key", &json!({"principal": "one"})).at(LEDGER);
    assert_eq!(ledger.refusal(issue()).await, Code::QuotaExceeded);
    now.fetch_add(60 * 24 * HOUR, Ordering::SeqCst);
    assert_eq!(usage(&ledger)["keys"], json!({"used": 1, "limit": 2}));
    ledger.send(issue()).await.expect("one has expired");
    assert_eq!(ledger.refusal(issue()).await, Code::QuotaExceeded);
    let grants = json!([grant("viewer", ABROAD)]);
    ledger.lead("update-principal", json!({"principal": "one", "grants": grants})).await;
    assert_eq!(usage(&ledger)["keys"], json!({"used": 0, "limit": 2}));
    ledger.make("two", json!([grant("viewer", HOME)])).await;
    ledger.issue("two", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_with_a_share_uses_up_its_own_reveals() {
    let quotas = Quotas { reveals_per_day: Some(2), ..Quotas::UNLIMITED };
    let (ledger, now) = ledger(quotas).await;
    ledger.send(create("one")).await.expect("made");
    let id = ledger.ask("list", &json!({}))["connections"][0]["id"].clone();
    ledger.run("grant-workspace", json!({"connection": id, "grant_to": "*"})).await;
    // After a start, neither has been counted yet.
    let ledger = opened(ledger.close(), quotas, &now);
    let body = json!({"connection": id, "reason": "a test"});
    let from = |workspace| TestCommand::new("reveal-secret", &body).at(workspace);
    for _ in 0..2 {
        ledger.send(from(ABROAD)).await.expect("shared");
    }
    assert_eq!(ledger.refusal(from(ABROAD)).await, Code::QuotaExceeded);
    assert_eq!(ledger.refusal(from("nowhere")).await, Code::WorkspaceUnknown);
    for _ in 0..2 {
        ledger.send(from(HOME)).await.expect("others have not used what is the owner's");
    }
    assert_eq!(ledger.refusal(from(HOME)).await, Code::QuotaExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_and_removed_whatever_is_used_up() {
    let (ledger, _) = ledger(Quotas { events_per_day: Some(1), ..Quotas::UNLIMITED }).await;
    ledger.send(create("one")).await.expect("made");
    let detaching = |change: Value| {
        let mut body = change;
        body["connection"] = json!("one");
        body["detach_secrets"] = json!(true);
        TestCommand::new("update", &body)
    };
    let idle = detaching(json!({"description": "of no secret"}));
    assert_eq!(ledger.refusal(idle).await, Code::QuotaExceeded);
    let secrets = json!({"api_key": "sk-second-value-2"});
    ledger.run("rotate-secret", json!({"connection": "one", "secrets": secrets})).await;
    ledger.send(detaching(json!({"provider": "y"}))).await.expect("it removes the secret");
    assert_eq!(usage(&ledger)["changes_today"]["used"], 3, "they count nevertheless");
    let again = detaching(json!({"provider": "z"}));
    assert_eq!(ledger.refusal(again).await, Code::QuotaExceeded, "there is none to remove");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_crosses_midnight_backwards_does_not_make_a_new_day() {
    let quotas = Quotas { events_per_day: Some(2), ..Quotas::UNLIMITED };
    let (ledger, now) = ledger(quotas).await;
    let midnight = now.load(Ordering::SeqCst) + 12 * HOUR;
    let at = |micros: i64| now.store(midnight + micros, Ordering::SeqCst);
    at(500_000);
    ledger.send(create("one")).await.expect("made");
    ledger.send(described("first")).await.expect("changed");
    for moment in [-100_000, 500_000, -HOUR / 2, 1] {
        at(moment);
        assert_eq!(ledger.refusal(described("more")).await, Code::QuotaExceeded, "{moment}");
    }
    at(-2 * HOUR);
    ledger.send(described("before")).await.expect("this is another day, with events of its own");
    ledger.send(described("again")).await.expect("the second of that day");
    assert_eq!(ledger.refusal(described("more")).await, Code::QuotaExceeded);
}
