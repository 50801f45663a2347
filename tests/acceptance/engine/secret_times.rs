//! Lists by when secrets were set and used.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::Code;
use serde_json::{Value, json};

use super::policies::listed;
use crate::ledger::{ABROAD, Ledger, TestCommand};

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;
const DAY: i64 = 24 * 3_600;

async fn staged() -> (Ledger, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(NOON));
    (Ledger::new().await.close().open_at(&now), now)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_found_by_the_age_of_their_oldest_secret_to_the_second() {
    let (ledger, now) = staged().await;
    ledger.create("old").await;
    ledger.run("create", json!({"slug": "without", "provider": "openai"})).await;
    now.store(NOON + 10 * DAY, Ordering::SeqCst);
    ledger.create("young").await;
    let two = json!({"connection": "old", "secrets": {"token": "tk-first-value-1"}});
    ledger.run("update", two).await;
    let older = |than: &str| listed(&ledger, &json!({"secret_older_than": than}));
    assert_eq!(older("10d"), [""; 0]);
    assert_eq!(older("2027-11-28T12:00:00Z"), [""; 0]);
    assert_eq!(older("2027-11-28T12:00:01Z"), ["old"]);
    now.store(NOON + 10 * DAY + 1, Ordering::SeqCst);
    assert_eq!(older("10d"), ["old"]);
    assert_eq!(older("1s"), ["old"]);
    assert_eq!(older("2027-12-08T12:00:01Z"), ["old", "young"]);
    // Once the oldest is replaced, the next oldest counts.
    let rotated = json!({"connection": "old", "secrets": {"api_key": "sk-second-value-2"}});
    ledger.run("rotate-secret", rotated).await;
    assert_eq!(older("9d"), [""; 0]);
    assert_eq!(older("2027-12-08T12:00:01Z"), ["old", "young"]);
    let removed = json!({"connection": "old", "secrets": {"token": null}});
    ledger.run("update", removed).await;
    assert_eq!(older("2027-12-08T12:00:01Z"), ["young"]);
    let with_filter = json!({"secret_older_than": "2030-01-01T00:00:00Z", "text": "yo"});
    assert_eq!(listed(&ledger, &with_filter), ["young"]);
    ledger.expect_replay_equal();
    let bad = ledger.ask_at("default", "list", &json!({"secret_older_than": "long ago"}));
    assert_eq!(bad.expect_err("refused").field.as_deref(), Some("secret_older_than"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_unused_from_the_day_after_their_last_reveal_on() {
    let (ledger, now) = staged().await;
    for slug in ["never", "once", "often"] {
        ledger.create(slug).await;
    }
    let at = |day: i64| now.store(NOON + day * DAY, Ordering::SeqCst);
    let unused = |ledger: &Ledger, since: &str| listed(ledger, &json!({"unused_since": since}));
    at(5);
    ledger.reveal("once", "api_key").await;
    for day in [10, 20, 30] {
        at(day);
        for _ in 0..3 {
            ledger.reveal("often", "api_key").await;
        }
    }
    at(35);
    ledger.create("new").await;
    let ledger = ledger.close().open_at(&now);
    assert_eq!(unused(&ledger, "30d"), ["never"], "once was revealed on that very day");
    assert_eq!(unused(&ledger, "29d"), ["never", "once"]);
    assert_eq!(unused(&ledger, "2027-12-28T23:59:59Z"), ["never", "once"]);
    assert_eq!(unused(&ledger, "2027-12-29T00:00:00Z"), ["never", "often", "once"]);
    assert_eq!(unused(&ledger, "35d"), [""; 0], "what was created since counts as used");
    // Whether the lists are rebuilt or not.
    ledger.expect_replay_equal();
    ledger.replay(false);
    assert_eq!(unused(&ledger, "29d"), ["never", "once"]);
    for bad in ["2028-01-03T00:00:00Z", "3700d", "soon"] {
        let refused = ledger.ask_at("default", "list", &json!({"unused_since": bad}));
        let refused = refused.expect_err("refused");
        assert_eq!(refused.code, Code::FieldInvalid, "{bad}");
        assert_eq!(refused.field.as_deref(), Some("unused_since"), "{bad}");
    }
    // A clock that goes back hides no use.
    at(20);
    ledger.reveal("once", "api_key").await;
    assert_eq!(unused(&ledger, "1d"), ["never"]);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_use_and_a_guest_counts() {
    let (ledger, now) = staged().await;
    ledger.create("main").await;
    let id = ledger.get("main")["id"].clone();
    ledger.run("grant-workspace", json!({"connection": "main", "grant_to": ABROAD})).await;
    now.store(NOON + 3 * DAY, Ordering::SeqCst);
    assert_eq!(listed(&ledger, &json!({"unused_since": "2d"})), ["main"]);
    let body = json!({"connection": id, "fields": ["api_key"], "reason": "a test"});
    ledger.send(TestCommand::new("reveal-secret", &body).at(ABROAD)).await.expect("shared");
    assert_eq!(listed(&ledger, &json!({"unused_since": "2d"})), [""; 0]);
    let ledger = ledger.power_cut().open_at(&now);
    assert_eq!(listed(&ledger, &json!({"unused_since": "2d"})), [""; 0]);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_time_have_every_match_once_in_any_order() {
    let (ledger, now) = staged().await;
    let mut set_at = Vec::new();
    for number in 0..90_i64 {
        let at = NOON + (number * 1_234_577) % (100 * DAY);
        // Times in the log never go back, so secrets are set at the latest of them.
        set_at.push(now.fetch_max(at, Ordering::SeqCst).max(at));
        ledger.create(&format!("c-{number:02}")).await;
    }
    now.store(NOON + 200 * DAY, Ordering::SeqCst);
    for limit in [set_at[10], set_at[10] + 1, set_at[45], set_at[89], set_at[89] + 1, NOON] {
        let moment = ledger_domain::Micros::new(limit * 1_000_000);
        let moment = ledger_contract::time::format(moment);
        let expected: BTreeSet<_> = (0..90_usize)
            .filter(|number| set_at[*number] < limit)
            .map(|number| format!("c-{number:02}"))
            .collect();
        for sort in ["created", "updated", "name"] {
            for descending in [false, true] {
                let mut query = json!({
                    "secret_older_than": moment, "sort": sort, "descending": descending,
                    "page_size": 7,
                });
                let mut found = Vec::new();
                loop {
                    let page = ledger.ask("list", &query);
                    assert_eq!(page["total"], expected.len(), "{query}");
                    let rows = page["connections"].as_array().expect("rows");
                    let slug = |row: &Value| row["slug"].as_str().expect("a slug").to_owned();
                    found.extend(rows.iter().map(slug));
                    let Some(next) = page.get("next_cursor") else { break };
                    query["cursor"] = next.clone();
                }
                assert_eq!(found.len(), expected.len(), "{query}");
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{query}");
            }
        }
    }
}
