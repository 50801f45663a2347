//! API keys: several at once, their end, and what a restart and a replay leave of them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_contract::operations::ReplayRequest;
use ledger_domain::connection::Environment;
use ledger_domain::limits;
use ledger_engine::{Caller, EngineOptions, ReplayLimits};
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, open};
use crate::wait::soon;

/// Tells whether any file below a folder holds a text.
fn found_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return found_in(&path, text);
        }
        let bytes = fs::read(&path).expect("a file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// The part of a key that makes it one.
fn secret_part(key: &str) -> &str {
    key.splitn(4, '_').nth(3).expect("the fourth part")
}

#[tokio::test(flavor = "multi_thread")]
async fn several_keys_open_at_once_and_each_ends_alone() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let first = ledger.issue("one", json!({"label": "first"})).await;
    let second = ledger.issue("one", json!({"environment": "test"})).await;
    let late = json!({"expires_at": "2000-01-01T00:00:00Z"});
    let expired = ledger.issue("one", late).await;
    let lasting = ledger.issue("one", json!({"expires_at": "2999-01-01T00:00:00Z"})).await;
    assert!(first.key.starts_with("sk_live_") && second.key.starts_with("sk_test_"));
    for key in [&first, &second, &lasting] {
        let caller = ledger.engine.authenticate_key(&key.key).expect("a good key");
        assert_eq!(caller.actor().as_str(), "service:one");
        assert_eq!(caller.key().expect("a key").as_str(), key.id);
        assert!(ledger.ask_as(&caller, HOME, "list", &json!({})).is_ok());
    }
    assert_eq!(ledger.refused_at_the_door(&expired.key), Some(Code::CredentialExpired));

    let revoke = json!({"principal": "one", "key": first.id, "reason": "seen"});
    ledger.lead("revoke-key", revoke).await;
    assert_eq!(ledger.refused_at_the_door(&first.key), Some(Code::CredentialRevoked));
    assert_eq!(ledger.refused_at_the_door(&second.key), None, "the others go on");

    ledger.lead("disable-principal", json!({"principal": "one"})).await;
    for key in [&first, &second, &expired, &lasting] {
        assert_eq!(ledger.refused_at_the_door(&key.key), Some(Code::CredentialRevoked));
    }
    ledger.lead("enable-principal", json!({"principal": "one"})).await;
    assert_eq!(ledger.refused_at_the_door(&second.key), None);
    assert_eq!(ledger.refused_at_the_door(&first.key), Some(Code::CredentialRevoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_whole_key_hears_what_became_of_it() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let good = ledger.issue("one", json!({})).await;
    let expired = ledger.issue("one", json!({"expires_at": "2000-01-01T00:00:00Z"})).await;
    let revoked = ledger.issue("one", json!({})).await;
    ledger.lead("revoke-key", json!({"principal": "one", "key": revoked.id})).await;
    for key in [&good, &expired, &revoked] {
        let other = secret_part(&good.key).chars().rev().collect::<String>();
        let guess = format!("sk_live_{}_{other}", key.id);
        assert_eq!(ledger.refused_at_the_door(&guess), Some(Code::CredentialInvalid), "{guess}");
        let renamed = key.key.replace("sk_live", "sk_test");
        assert_eq!(ledger.refused_at_the_door(&renamed), Some(Code::CredentialInvalid));
    }
    for text in ["", "sk_live", "sk_live_aaaaaaaaaaaa_x", "Bearer", &good.id] {
        assert_eq!(ledger.refused_at_the_door(text), Some(Code::CredentialInvalid), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_principal_may_do_changes_with_its_grants_at_the_next_request() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let key = ledger.issue("one", json!({})).await.key.clone();
    let may_list = || {
        let caller = ledger.engine.authenticate_key(&key).expect("a good key");
        ledger.ask_as(&caller, HOME, "list", &json!({})).is_ok()
    };
    assert!(may_list());
    let elsewhere =
        json!({"principal": "one", "grants": [{"role": "viewer", "workspaces": ["x"]}]});
    ledger.lead("update-principal", elsewhere).await;
    assert!(!may_list());
    ledger.lead("update-principal", json!({"principal": "one", "grants": []})).await;
    assert!(!may_list());
    let again = json!({"principal": "one", "grants": [{"scopes": ["read"]}]});
    ledger.lead("update-principal", again).await;
    assert!(may_list());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_gets_every_right_back_whatever_it_was_left_with() {
    let ledger = Ledger::new().await;
    let issue = async || ledger.engine.issue_admin_key(Environment::Test).await;
    issue().await.expect("the first key");
    let grant = |number| json!({"role": "viewer", "workspaces": [format!("w-{number}")]});
    let grants: Vec<Value> = (0..limits::PRINCIPAL_GRANTS).map(grant).collect();
    ledger.lead("update-principal", json!({"principal": "admin", "grants": grants})).await;
    let key = issue().await.expect("it is given back");
    let admin = ledger.engine.authenticate_key(&key).expect("a good key");
    assert_eq!(admin.grants(), Caller::system("any").grants());
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_and_keys_survive_restarts_and_replays_and_no_key_is_stored() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 2, ..ReplayLimits::default() })
            .await;
    let grants = json!([{
        "role": "editor", "workspaces": [HOME], "providers": ["openai"], "labels": {"team": "a"},
    }]);
    ledger.make("one", grants).await;
    let good = ledger.issue("one", json!({"label": "good"})).await;
    let gone = ledger.issue("one", json!({})).await;
    ledger.lead("revoke-key", json!({"principal": "one", "key": gone.id, "reason": "r"})).await;
    ledger.make("off", json!([{"role": "viewer"}])).await;
    let off = ledger.issue("off", json!({})).await;
    ledger.lead("disable-principal", json!({"principal": "off"})).await;
    for slug in ["a", "b", "c"] {
        ledger.create(slug).await;
    }
    let seen = (ledger.principal("one"), ledger.principal("off"));
    let check = |ledger: &Ledger| {
        assert_eq!((ledger.principal("one"), ledger.principal("off")), seen);
        assert_eq!(ledger.refused_at_the_door(&gone.key), Some(Code::CredentialRevoked));
        assert_eq!(ledger.refused_at_the_door(&off.key), Some(Code::CredentialRevoked));
        ledger.expect_replay_equal();
    };
    check(&ledger);
    let after_a_power_cut = ledger.power_cut().open();
    check(&after_a_power_cut);
    drop(after_a_power_cut.close());
    let ledger = ledger.reopen();
    check(&ledger);
    ledger.replay(false);
    check(&ledger);
    let ledger = ledger.reopen();
    check(&ledger);
    assert_eq!(ledger.refused_at_the_door(&good.key), None);
    ledger.issue("one", json!({"label": "later"})).await;
    ledger.expect_replay_equal();

    let shown = ledger.ask_at("_all", "history", &json!({"page_size": 500})).expect("history");
    let listed = ledger.ask_at("_all", "principals", &json!({})).expect("principals");
    let place = ledger.close();
    assert!(found_in(&place.path(), &good.id), "its public part is");
    for key in [&good, &gone, &off] {
        let secret = secret_part(&key.key);
        assert!(!found_in(&place.path(), secret), "a key is stored");
        assert!(!shown.to_string().contains(secret) && !listed.to_string().contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replay_misses_nothing_of_principals_that_change_meanwhile() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 40, ..ReplayLimits::default() })
            .await;
    for number in 0..120 {
        ledger.create(&format!("c-{number}")).await;
    }
    for name in ["p-0", "p-1", "p-2"] {
        ledger.make(name, json!([])).await;
    }
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let changes = (0..3).map(async |number: u64| {
        let name = format!("p-{number}");
        let mut round = 0_u64;
        while !done.load(Ordering::SeqCst) {
            let key = ledger.issue(&name, json!({})).await.id.clone();
            let display_name = format!("round {round}");
            let change = json!({"principal": name, "display_name": display_name});
            ledger.lead("update-principal", change).await;
            ledger.lead("revoke-key", json!({"principal": name, "key": key})).await;
            ledger.make(&format!("new-{number}-{round}"), json!([{"role": "viewer"}])).await;
            round += 1;
            written.fetch_add(4, Ordering::SeqCst);
        }
    });
    let engine = ledger.engine.clone();
    let replays = async {
        for verify in [true, false, true, false, true] {
            let engine = engine.clone();
            let request = ReplayRequest { projection: None, verify };
            let replayed = tokio::task::spawn_blocking(move || engine.replay(&request, &|_| {}));
            let report = replayed.await.expect("no panic").expect("replayed");
            assert_eq!(report.difference, None, "verify: {verify}");
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(futures::future::join_all(changes), replays);
    drop(engine);
    assert!(written.load(Ordering::SeqCst) > 12, "principals changed meanwhile");
    let all = |ledger: &Ledger| ledger.ask_at("_all", "principals", &json!({})).expect("all");
    let seen = all(&ledger);
    ledger.expect_replay_equal();
    let ledger = ledger.reopen();
    assert_eq!(all(&ledger), seen, "the rows tell what memory told");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_key_is_told_to_the_minute() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let used = ledger.issue("one", json!({})).await;
    let unused = ledger.issue("one", json!({})).await;
    let last_use = |id: &str| last_use(&ledger, id);
    assert_eq!(last_use(&used.id), Value::Null);
    assert_eq!(
        ledger.refused_at_the_door(&format!("{}x", used.key)),
        Some(Code::CredentialInvalid)
    );
    assert_eq!(last_use(&used.id), Value::Null, "a wrong key is no use of it");
    assert_eq!(ledger.refused_at_the_door(&used.key), None);
    let first = last_use(&used.id);
    let issued = ledger.principal("one")["updated_at"].as_str().expect("a time").to_owned();
    assert!(first.as_str().is_some_and(|first| first >= issued.as_str()), "{first}");
    assert_eq!(ledger.refused_at_the_door(&used.key), None);
    assert_eq!(last_use(&used.id), first, "the same minute");
    assert_eq!(last_use(&unused.id), Value::Null);
}

/// Returns when a key of the principal `one` was last used.
fn last_use(ledger: &Ledger, id: &str) -> Value {
    let keys = ledger.principal("one")["keys"].as_array().expect("keys").clone();
    keys.into_iter().find(|key| key["id"] == id).expect("listed")["last_used_at"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_key_survives_a_restart_and_is_no_event() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let (used, unused) =
        (ledger.issue("one", json!({})).await, ledger.issue("one", json!({})).await);
    let head = ledger.engine.head();
    assert_eq!(ledger.refused_at_the_door(&used.key), None);
    let told = last_use(&ledger, &used.id);
    assert!(told.is_string(), "{told}");
    let ledger = ledger.reopen();
    assert_eq!(last_use(&ledger, &used.id), told);
    assert_eq!(last_use(&ledger, &unused.id), Value::Null);
    assert_eq!(ledger.engine.head(), head, "it is no part of the log");
    ledger.replay(false);
    assert_eq!(last_use(&ledger, &used.id), told, "nor of what a replay makes");
    let ledger = ledger.reopen().reopen();
    assert_eq!(last_use(&ledger, &used.id), told, "also when nothing was used meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_takes_away_the_last_uses_of_one_interval_at_most() {
    let ledger = Ledger::new().await;
    ledger.make("one", json!([{"role": "viewer"}])).await;
    let (early, late) =
        (ledger.issue("one", json!({})).await, ledger.issue("one", json!({})).await);
    assert_eq!(ledger.refused_at_the_door(&early.key), None);
    let place = ledger.close();
    let last_use_interval = Duration::from_millis(5);
    let engine = open(|| EngineOptions { last_use_interval, ..place.options() });
    let often = Ledger { engine: engine.expect("it opens"), place };
    assert_eq!(often.refused_at_the_door(&late.key), None);
    let told = last_use(&often, &late.id);
    assert!(told.is_string(), "{told}");
    let left = soon("it is written down", || {
        let left = often.power_cut().open();
        (last_use(&left, &late.id) == told).then_some(left)
    });
    assert!(last_use(&left, &early.id).is_string(), "and nothing that was there before is lost");
}
