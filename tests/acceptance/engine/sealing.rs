//! A sealed ledger: what it refuses, what goes on, and how it gets its keys back.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::LEDGER;
use ledger_domain::{Actor, MasterKeyId};
use ledger_engine::Caller;
use ledger_vault::Keyring;
use serde_json::{Value, json};

use super::master_keys::{Keyed, code};
use crate::ledger::{TestCommand, revealed, send, send_as};

/// How many ask at once.
const ASKING: usize = 64;

pub(super) fn seal() -> TestCommand {
    TestCommand::new("seal-ledger", &json!({})).at(LEDGER)
}

pub(super) fn unseal() -> TestCommand {
    TestCommand::new("unseal-ledger", &json!({})).at(LEDGER)
}

fn rotation(number: usize, value: &str) -> TestCommand {
    let body = json!({"connection": format!("c-{number}"), "secrets": {"k": value}});
    TestCommand::new("rotate-secret", &body)
}

/// What gives a secret a value, on the connection `c-0` with a former generation.
fn writes() -> Vec<(&'static str, Value)> {
    vec![
        ("create", json!({"slug": "new", "provider": "x", "secrets": {"k": "sk-of-the-new"}})),
        ("create", json!({"slug": "bare", "provider": "x"})),
        ("cancel-rotation", json!({"connection": "c-0"})),
        ("rotate-secret", json!({"connection": "c-0", "secrets": {"k": "sk-another"}})),
        ("update", json!({"connection": "c-0", "secrets": {"other": "sk-added"}})),
        ("revert", json!({"connection": "c-0", "to_version": 1})),
        ("reveal-secret", json!({"connection": "c-0", "reason": "a test"})),
    ]
}

#[tokio::test]
async fn a_sealed_ledger_opens_sealed_and_unseals_with_its_keys_only() {
    let mut keyed = Keyed::with(3).await;
    let keep =
        json!({"connection": "c-0", "secrets": {"k": "sk-second"}, "keep_former_until": "1h"});
    keyed.send(TestCommand::new("rotate-secret", &keep)).await.expect("both are kept");
    assert_eq!(code(keyed.send(unseal()).await), Code::NothingToChange, "it is not sealed");
    keyed.send(seal()).await.expect("sealed");
    assert_eq!(code(keyed.send(seal()).await), Code::NothingToChange);
    for _ in 0..2 {
        for (verb, body) in writes() {
            let refused = keyed.send(TestCommand::new(verb, &body)).await.expect_err(verb);
            assert_eq!(refused.code, Code::Sealed, "{verb}: {refused}");
            assert!(refused.body().error.hint.contains("connledger keys unseal"), "{refused}");
        }
        assert_eq!(code(keyed.rotate().await), Code::Sealed);
        assert_eq!(code(keyed.retire("0a0a0a0a").await), Code::Sealed);
        let rewrap = keyed.engine().rewrap(&|_| {});
        assert_eq!(rewrap.expect_err("no key").code, Code::Sealed);
        let curve = keyed.engine().rotate_curve_key(Duration::from_hours(1));
        assert_eq!(Problem::from(curve.expect_err("no key")).code, Code::Sealed);
        let login = keyed.engine().keep_nats_login(b"a login");
        assert_eq!(Problem::from(login.expect_err("no key")).code, Code::Sealed);
        assert_eq!(keyed.ask("status", &json!({}))["master_keys"]["sealed"], true);
        let keys = keyed.ask("master-keys", &json!({}));
        assert_eq!((&keys["sealed"], &keys["keys"][0]["held"]), (&json!(true), &json!(false)));
        keyed.reopen().expect("it opens as it was");
        assert!(keyed.engine().is_sealed());
    }

    let other = Keyring::generate(&mut rand::rng());
    let own = fs::read_to_string(keyed.key_file()).expect("readable");
    fs::write(keyed.key_file(), &*other.to_file_text()).expect("writable");
    let refused = keyed.send(unseal()).await.expect_err("another ledger's key");
    assert_eq!(refused.code, Code::MasterKeyLacking, "{refused}");
    fs::write(keyed.key_file(), false_key(&own)).expect("writable");
    assert_eq!(code(keyed.send(unseal()).await), Code::MasterKeysUnreadable, "half a file");
    fs::remove_file(keyed.key_file()).expect("removed");
    assert_eq!(code(keyed.send(unseal()).await), Code::MasterKeysUnreadable);
    assert!(keyed.engine().is_sealed());
    fs::write(keyed.key_file(), &own).expect("writable");
    private(&keyed);
    keyed.send(unseal().id("once")).await.expect("unsealed");
    keyed.send(unseal().id("once")).await.expect("the same answer");
    assert_eq!(code(keyed.send(unseal()).await), Code::NothingToChange);
    for (verb, body) in writes() {
        keyed.send(TestCommand::new(verb, &body)).await.expect(verb);
    }
    assert_eq!(keyed.events(), ["ledger_sealed", "ledger_unsealed"]);
    let event = &keyed.ask("history", &json!({"type": ["ledger_unsealed"]}))["events"][0];
    assert_eq!(event["data"]["shares"], 0, "{event}");
    keyed.expect_equal();
    keyed.reopen().expect("it opens");
    keyed.reveal(0).await.expect("it is not sealed");
}

/// Returns the text of a key file that was cut in the middle of its key.
fn false_key(text: &str) -> String {
    let end = text.trim_end().len() - 10;
    text[..end].to_owned()
}

fn private(keyed: &Keyed) {
    use std::os::unix::fs::PermissionsExt as _;

    let owner = fs::Permissions::from_mode(0o600);
    fs::set_permissions(keyed.key_file(), owner).expect("set");
}

#[tokio::test]
async fn what_is_no_secret_goes_on_while_the_ledger_is_sealed() {
    let keyed = Keyed::with(2).await;
    let keep =
        json!({"connection": "c-0", "secrets": {"k": "sk-second"}, "keep_former_until": "1h"});
    keyed.send(TestCommand::new("rotate-secret", &keep)).await.expect("both are kept");
    let changed = rotation(1, "sk-third-of-one").id("before");
    keyed.send(changed).await.expect("rotated");
    keyed.send(seal()).await.expect("sealed");
    for (verb, body) in [
        ("update", json!({"connection": "c-0", "display_name": "Another"})),
        ("mark-degraded", json!({"connection": "c-0", "reason": "slow"})),
        ("disable", json!({"connection": "c-0"})),
        ("enable", json!({"connection": "c-0"})),
        ("retire-former", json!({"connection": "c-0"})),
        ("update", json!({"connection": "c-1", "secrets": {"k": null}})),
        ("archive", json!({"connection": "c-0"})),
        ("restore", json!({"connection": keyed.id_of("c-0")})),
    ] {
        keyed.send(TestCommand::new(verb, &body)).await.expect(verb);
    }
    let workspace = TestCommand::new("create-workspace", &json!({})).at("another");
    keyed.send(workspace).await.expect("no secret is in it");
    let repeated = rotation(1, "sk-third-of-one").id("before");
    keyed.send(repeated).await.expect("what was done before is answered as before");
    keyed.expect_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_and_none_is_stored_after_the_seal_was_answered() {
    let keyed = Arc::new(Keyed::with(ASKING).await);
    let answered = Arc::new(AtomicBool::new(false));
    let mut asking = Vec::new();
    for number in 0..ASKING {
        let (of_task, is_over) = (Arc::clone(&keyed), Arc::clone(&answered));
        asking.push(tokio::spawn(async move {
            loop {
                match revealed(of_task.engine(), &format!("c-{number}")).await {
                    Ok(secret) => {
                        assert!(!is_over.load(Ordering::SeqCst), "a secret left after the seal");
                        drop(secret);
                    }
                    Err(refused) => break assert_eq!(refused.code, Code::Sealed, "{refused}"),
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    let mut writing = Vec::new();
    for number in 0..ASKING {
        let of_task = Arc::clone(&keyed);
        writing.push(tokio::spawn(async move {
            let mut last = 0;
            for turn in 0.. {
                match send(of_task.engine(), rotation(number, &format!("sk-turn-{turn}"))).await {
                    Ok(executed) => last = executed.receipt.position,
                    Err(refused) => {
                        assert_eq!(refused.code, Code::Sealed, "{refused}");
                        break;
                    }
                }
            }
            last
        }));
    }
    crate::wait::eventually("they are under way", async || {
        (keyed.engine().head().get() > 10 * ASKING as u64).then_some(())
    })
    .await;
    let sealed = send(keyed.engine(), seal()).await.expect("sealed").receipt.position;
    answered.store(true, Ordering::SeqCst);
    for task in asking {
        task.await.expect("no secret left late");
    }
    for task in writing {
        let last = task.await.expect("no other refusal");
        assert!(last < sealed, "a secret was stored at {last}, after the seal at {sealed}");
    }
    keyed.send(unseal()).await.expect("unsealed");
    keyed.reveal(7).await.expect("revealed");
    keyed.expect_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seal_is_answered_when_the_last_secret_on_its_way_is_gone() {
    let keyed = Keyed::with(1).await;
    let on_its_way = revealed(keyed.engine(), "c-0").await.expect("revealed");
    let refused = send(keyed.engine(), seal().id("seal")).await.expect_err("one is on its way");
    assert_eq!(refused.code, Code::SecretsInFlight, "{refused}");
    assert!(keyed.engine().is_sealed(), "nobody else gets one");
    drop(on_its_way);
    let again = send(keyed.engine(), seal().id("seal")).await.expect("all is wiped");
    assert!(again.repeated);
    assert_eq!(keyed.events(), ["ledger_sealed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapping_anew_stops_when_the_ledger_is_sealed_and_goes_on_when_it_is_not() {
    let mut keyed = Keyed::with(400).await;
    let (new, old) = keyed.add_key();
    keyed.rotate().await.expect("rotated");
    keyed.send(seal()).await.expect("sealed");
    crate::wait::soon("the pass has ended", || {
        keyed.ask("master-keys", &json!({})).get("rewrap").is_none().then_some(())
    });
    let left = keyed.status(&old).0;
    keyed.reopen().expect("it opens");
    assert_eq!(keyed.status(&old).0, left, "nothing moves");
    keyed.send(unseal()).await.expect("unsealed with both keys");
    keyed.settle();
    assert_eq!(keyed.status(&new), (400, "active".to_owned()));
    assert_eq!(keyed.status(&old), (0, "former".to_owned()));
    keyed.reveal(399).await.expect("revealed");
    keyed.expect_equal();
}

#[tokio::test]
async fn only_who_may_rotate_the_master_key_seals_and_unseals() {
    let keyed = Keyed::with(1).await;
    let stranger = || Caller::new(Actor::new("user:ada"), Vec::new());
    for command in [seal(), unseal()] {
        let refused = send_as(keyed.engine(), stranger(), command).await.expect_err("no right");
        assert_eq!(refused.code, Code::Forbidden);
    }
    assert!(keyed.events().is_empty());
    let keys = keyed.ask("master-keys", &json!({}));
    let active = keys["keys"][0]["id"].as_str().expect("an id");
    assert!(MasterKeyId::from_ascii(active.as_bytes()).is_some() && keys["sealed"] == false);
}
