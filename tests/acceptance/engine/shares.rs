//! Unsealing a ledger with shares of its master keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::master_keys::{ShareReport, ShareRequest};
use ledger_contract::records::Via;
use ledger_domain::Actor;
use ledger_engine::{Caller, Engine, Operation as _};
use ledger_vault::{Keyring, Share, split};
use serde_json::json;
use zeroize::Zeroizing;

use super::sealing::{seal, unseal};
use crate::ledger::{Ledger, ask_as, send};

const ACTOR: &str = "user:officer";

/// A sealed ledger with a clock of its own.
async fn sealed() -> (Ledger, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(2_000_000_000));
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let ledger = ledger.close().open_at(&now);
    send(&ledger.engine, seal()).await.expect("sealed");
    (ledger, now)
}

fn made(keys: &Keyring, threshold: u8, shares: u8) -> Vec<Share> {
    split(keys, &mut rand::rng(), threshold, shares).expect("good numbers")
}

fn give_text(
    engine: &Engine,
    text: &str,
    start_over: bool,
    caller: Caller,
) -> Result<ShareReport, Problem> {
    let share = Zeroizing::new(text.to_owned());
    let by = engine.context(caller, Via::System, Headers::default());
    let request = ShareRequest { share, start_over };
    // It blocks, so it runs outside of the runtime, as at the doors.
    std::thread::scope(|scope| {
        let given = scope.spawn(move || request.run(engine, by, &|_| {}));
        given.join().expect("no panic")
    })
}

fn give(engine: &Engine, share: &Share) -> Result<ShareReport, Problem> {
    give_text(engine, &share.to_text(), false, Caller::system(ACTOR))
}

#[track_caller]
fn refused(given: Result<ShareReport, Problem>) -> Code {
    given.expect_err("refused").code
}

/// Returns how many shares the ledger holds.
fn held(ledger: &Ledger) -> Option<u64> {
    ledger.ask_at("_all", "master-keys", &json!({})).expect("told")["shares"]["given"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn enough_shares_unseal_the_ledger_and_the_event_tells_how_many() {
    let (ledger, _) = sealed().await;
    let shares = made(&ledger.place.keyring(), 3, 5);
    let stranger = Caller::new(Actor::new("user:ada"), Vec::new());
    let without_right = give_text(&ledger.engine, &shares[0].to_text(), false, stranger);
    assert_eq!(refused(without_right), Code::Forbidden);
    for (given, share) in (1..).zip([&shares[4], &shares[0]]) {
        let report = give(&ledger.engine, share).expect("taken");
        assert_eq!((report.given, report.threshold), (given, 3));
        assert!(report.receipt.is_none() && report.held_until.is_some(), "{report:?}");
        assert!(ledger.engine.is_sealed());
    }
    assert_eq!(held(&ledger), Some(2));
    let report = give(&ledger.engine, &shares[2]).expect("taken");
    assert_eq!((report.given, report.threshold, report.held_until), (3, 3, None));
    let position = report.receipt.expect("an event").position;
    assert_eq!(ledger.engine.head().get(), position);
    assert!(!ledger.engine.is_sealed());
    assert_eq!(held(&ledger), None, "they are wiped");
    ledger.reveal("main", "api_key").await;
    assert_eq!(refused(give(&ledger.engine, &shares[1])), Code::NothingToChange);
    let caller = Caller::system("user:admin");
    let asked = json!({"type": ["ledger_unsealed"]});
    let event = ask_as(&ledger.engine, &caller, "_all", "history", &asked).expect("told");
    let event = &event["events"][0];
    assert_eq!((&event["data"]["shares"], &event["actor"]), (&json!(3), &json!(ACTOR)));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_does_not_fit_is_refused_by_name_and_the_others_stay() {
    let (ledger, _) = sealed().await;
    let (shares, others) =
        (made(&ledger.place.keyring(), 2, 3), made(&ledger.place.keyring(), 2, 3));
    let text = shares[1].to_text();
    give(&ledger.engine, &shares[0]).expect("taken");
    let by = || Caller::system(ACTOR);
    let broken = text.replace('A', "B");
    for wrong in ["", "hunter2", &broken, &text[..text.len() - 3]] {
        let given = give_text(&ledger.engine, wrong, false, by());
        let problem = given.expect_err("no share");
        assert_eq!(problem.code, Code::ShareInvalid, "{problem}");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
    assert_eq!(refused(give(&ledger.engine, &shares[0])), Code::ShareRepeated);
    let foreign = give(&ledger.engine, &others[1]).expect_err("of another set");
    assert_eq!(foreign.code, Code::ShareForeign);
    assert!(foreign.to_string().contains(&others[1].set().to_string()), "{foreign}");
    assert_eq!(held(&ledger), Some(1));
    let report = give_text(&ledger.engine, &others[1].to_text(), true, by()).expect("taken");
    assert_eq!((report.given, report.set), (1, others[1].set().to_string()));
    assert!(give(&ledger.engine, &others[2]).expect("taken").receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_of_other_keys_are_wiped_and_leave_the_ledger_sealed() {
    let (ledger, _) = sealed().await;
    let others = made(&Keyring::generate(&mut rand::rng()), 2, 2);
    give(&ledger.engine, &others[0]).expect("taken");
    assert_eq!(refused(give(&ledger.engine, &others[1])), Code::MasterKeyLacking);
    assert_eq!(held(&ledger), None);
    assert!(ledger.engine.is_sealed());
    let shares = made(&ledger.place.keyring(), 2, 2);
    give(&ledger.engine, &shares[0]).expect("taken");
    assert!(give(&ledger.engine, &shares[1]).expect("taken").receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_wiped_ten_minutes_after_the_first() {
    let (ledger, now) = sealed().await;
    let shares = made(&ledger.place.keyring(), 3, 3);
    give(&ledger.engine, &shares[0]).expect("taken");
    now.fetch_add(599, Ordering::SeqCst);
    assert_eq!(give(&ledger.engine, &shares[1]).expect("taken").given, 2);
    now.fetch_add(1, Ordering::SeqCst);
    // A thread wipes them, whether or not anybody asks.
    crate::wait::soon("they are wiped", || held(&ledger).is_none().then_some(()));
    assert_eq!(give(&ledger.engine, &shares[2]).expect("taken").given, 1);
    now.fetch_sub(60, Ordering::SeqCst);
    assert_eq!(give(&ledger.engine, &shares[0]).expect("a clock that goes back").given, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_who_give_their_shares_at_once_unseal_the_ledger_once() {
    for _ in 0..10 {
        let (ledger, _) = sealed().await;
        let shares = made(&ledger.place.keyring(), 3, 8);
        let engine = &ledger.engine;
        let given: Vec<_> = std::thread::scope(|scope| {
            let give_one = |share| scope.spawn(move || give(engine, share));
            let giving: Vec<_> = shares.iter().map(give_one).collect();
            giving.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let receipts = given.iter().flatten().filter(|report| report.receipt.is_some()).count();
        assert_eq!(receipts, 1, "{given:?}");
        let late = given.iter().filter_map(|one| one.as_ref().err());
        assert!(late.clone().all(|late| late.code == Code::NothingToChange), "{given:?}");
        assert!(!ledger.engine.is_sealed());
        assert_eq!(held(&ledger), None, "none is held afterwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_a_key_source_is_unsealed_with_shares_alone() {
    let (ledger, _) = sealed().await;
    let none = send(&ledger.engine, unseal()).await.expect_err("nowhere to read");
    assert_eq!(none.code, Code::MasterKeysUnreadable);
    let shares = made(&ledger.place.keyring(), 2, 2);
    for share in &shares {
        give(&ledger.engine, share).expect("taken");
    }
    let wait = Duration::from_mins(5);
    ledger.engine.rotate_curve_key(wait).expect("it has its keys");
}
