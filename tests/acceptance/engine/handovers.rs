//! Handovers: a token is good for one use, whatever happens around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::{Code, Problem};
use ledger_domain::limits;
use ledger_engine::{Caller, Engine, Revealed};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, Ledger, Place, TestCommand, reveal_as};
use crate::wait::eventually;

/// 2027-11-28T12:00:00Z, in seconds.
pub(super) const NOON: i64 = 1_827_403_200;

async fn hand_over(ledger: &Ledger, more: Value) -> Revealed {
    let mut body = json!({"connection": "main", "reason": "for the new gateway", "wrap": "10m"});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    let admin = Caller::system("user:admin");
    let answer = reveal_as(&ledger.engine, admin, &TestCommand::new("reveal-secret", &body)).await;
    let answer = answer.expect("handed over");
    assert!(answer.secrets.is_empty(), "it answers no value");
    answer
}

/// Returns id and token of a new handover.
async fn token(ledger: &Ledger, more: Value) -> (String, String) {
    let answer = hand_over(ledger, more).await;
    let made = answer.handover.as_ref().expect("a token");
    (made.id.clone(), made.token.clone())
}

/// Uses a token as the credential.
pub(super) async fn unwrap(engine: &Engine, token: &str) -> Result<Revealed, Problem> {
    let caller = engine.authenticate(Some(&format!("Bearer {token}")))?;
    reveal_as(engine, caller, &in_ledger("unwrap", &json!({}))).await
}

pub(super) fn in_ledger(verb: &str, body: &Value) -> TestCommand {
    TestCommand::new(verb, body).at(ledger_contract::subjects::LEDGER)
}

pub(super) async fn code(engine: &Engine, token: &str) -> Code {
    unwrap(engine, token).await.expect_err("refused").code
}

pub(super) fn listed(ledger: &Ledger) -> Vec<Value> {
    ledger.ask("handovers", &json!({}))["handovers"].as_array().expect("a list").clone()
}

/// Returns the types of the events about handovers, oldest first.
fn events(ledger: &Ledger) -> Vec<String> {
    let types = ["secret_handed_over", "handover_used", "handover_ended"];
    let page = ledger.ask("history", &json!({"type": types, "oldest_first": true}));
    let events = page["events"].as_array().expect("events").iter();
    events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gives_the_values_of_when_it_was_made_once() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (id, token) = token(&ledger, json!({})).await;
    assert_eq!(listed(&ledger)[0]["state"], "pending");
    let received = unwrap(&ledger.engine, &token).await.expect("received");
    assert_eq!(received.secrets["api_key"].value, "sk-first-value-1");
    assert_eq!(received.secrets["api_key"].generation, 1);

    let again = unwrap(&ledger.engine, &token).await.expect_err("refused");
    assert_eq!(again.code, Code::HandoverUsed);
    let used = listed(&ledger)[0].clone();
    let at = used["ended_at"].as_str().expect("a time");
    assert!(again.message.contains(at), "{} {at}", again.message);
    assert_eq!(
        (&used["state"], &used["ended_by"]),
        (&json!("used"), &json!(format!("handover:{id}")))
    );
    assert_eq!(events(&ledger), ["secret_handed_over", "handover_used"]);
    let shown = ledger.ask("history", &json!({})).to_string();
    assert!(!shown.contains("digest") && !shown.contains(&token), "{shown}");
    let alarms = ledger.entries("_all", json!({}));
    assert!(alarms.iter().any(|entry| entry["kind"] == "handover_used"), "{alarms:?}");

    // After a start, too, and in the report of who received the value.
    let ledger = ledger.reopen();
    assert_eq!(code(&ledger.engine, &token).await, Code::HandoverUsed);
    let report = ledger.ask("exposure", &json!({"connection": "main", "field": "api_key"}));
    let readers = report["readers"].as_array().expect("readers");
    let [one] = readers.as_slice() else { panic!("one token: {report}") };
    assert_eq!(one["actor"], format!("handover:{id}"));
    assert_eq!((&one["reveals"], &one["handed_over_by"]), (&json!(1), &json!("user:admin")));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uses_at_the_same_time_exactly_one_wins() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    for round in 0..100 {
        let (_, token) = token(&ledger, json!({})).await;
        let tries = (0..4).map(|_| {
            let (engine, token) = (ledger.engine.clone(), token.clone());
            tokio::spawn(async move { unwrap(&engine, &token).await.map_err(|error| error.code) })
        });
        let results = futures::future::join_all(tries.collect::<Vec<_>>()).await;
        let results: Vec<_> = results.into_iter().map(|done| done.expect("it ends")).collect();
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "round {round}");
        let lost = results.iter().filter_map(|result| result.as_ref().err());
        assert!(lost.into_iter().all(|code| *code == Code::HandoverUsed), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_durable_of_a_use_is_the_use() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (_, used) = token(&ledger, json!({})).await;
    let (_, pending) = token(&ledger, json!({})).await;
    unwrap(&ledger.engine, &used).await.expect("received");
    let after = ledger.power_cut().open();
    assert_eq!(code(&after.engine, &used).await, Code::HandoverUsed);
    unwrap(&after.engine, &pending).await.expect("received");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_nothing_else_and_a_guess_is_one() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (id, token) = token(&ledger, json!({})).await;
    let bearer = ledger.engine.authenticate(Some(&format!("Bearer {token}"))).expect("known");
    for (workspace, query) in [("_all", "list"), ("default", "get"), ("_all", "whoami")] {
        let body = json!({"connection": "main"});
        let asked = crate::ledger::ask_as(&ledger.engine, &bearer, workspace, query, &body);
        assert_eq!(asked.expect_err("refused").code, Code::Forbidden, "{query}");
    }
    for command in [
        TestCommand::new("disable", &json!({"connection": "main"})),
        TestCommand::new("revoke-handover", &json!({"handover": id})),
        TestCommand::new("reveal-secret", &json!({"connection": "main", "reason": "x"})),
    ] {
        let sent = crate::ledger::send_as(&ledger.engine, bearer.clone(), command).await;
        assert_eq!(sent.expect_err("refused").code, Code::Forbidden);
    }
    for guess in [
        format!("once_{id}_{}", "A".repeat(43)),
        format!("once_{}_x", "a".repeat(12)),
        "once_".to_owned(),
    ] {
        let refused = ledger.engine.authenticate(Some(&format!("Bearer {guess}")));
        assert!(refused.expect_err("refused").is_guess(), "{guess}");
        // Nor in the body of somebody who is known.
        let caller = ledger.enter(&format!("g-{}", guess.len()), json!([])).await;
        let body = json!({"token": guess});
        let sent = reveal_as(&ledger.engine, caller, &in_ledger("unwrap", &body)).await;
        assert_eq!(sent.expect_err("refused").code, Code::HandoverUnknown);
    }
    unwrap(&ledger.engine, &token).await.expect("it is still good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_for_a_principal_is_received_with_its_key() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (_, token) = token(&ledger, json!({"for": "eu-1"})).await;
    assert_eq!(code(&ledger.engine, &token).await, Code::HandoverForOther);
    let command = in_ledger("unwrap", &json!({"token": token}));
    let other = ledger.enter("eu-2", json!([{"scopes": ["read"]}])).await;
    let sent = reveal_as(&ledger.engine, other, &command).await;
    assert_eq!(sent.expect_err("refused").code, Code::HandoverForOther);
    // It needs no right of its own.
    let own = ledger.enter("eu-1", json!([])).await;
    let received = reveal_as(&ledger.engine, own, &command).await.expect("received");
    assert_eq!(received.secrets["api_key"].value, "sk-first-value-1");
    let report = ledger.ask("exposure", &json!({"connection": "main", "field": "api_key"}));
    let readers = report["readers"].as_array().expect("readers");
    let counts: Vec<_> = readers.iter().map(|one| (&one["actor"], &one["reveals"])).collect();
    assert_eq!(counts.len(), 2, "{report}");
    assert_eq!(counts[1], (&json!("service:eu-1"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_connection_gives_out_no_more_the_token_does_not_either() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (_, token) = token(&ledger, json!({})).await;
    let main = || json!({"connection": "main"});
    ledger.run("disable", main()).await;
    assert_eq!(code(&ledger.engine, &token).await, Code::ConnectionDisabled);
    ledger.run("enable", main()).await;
    let mut rotate = main();
    rotate["secrets"] = json!({"api_key": "sk-second-value-2"});
    rotate["keep_former_until"] = json!("1h");
    ledger.run("rotate-secret", rotate).await;
    let (_, second) = token_of(&ledger, json!({"generation": "former"})).await;
    let received = unwrap(&ledger.engine, &second).await.expect("received");
    assert_eq!(received.secrets["api_key"].value, "sk-first-value-1");
    ledger.run("retire-former", main()).await;
    assert_eq!(code(&ledger.engine, &token).await, Code::GenerationRetired);
    assert_eq!(listed(&ledger).iter().filter(|one| one["state"] == "pending").count(), 1);
    ledger.run("archive", main()).await;
    assert_eq!(code(&ledger.engine, &token).await, Code::ConnectionArchived);
}

async fn token_of(ledger: &Ledger, more: Value) -> (String, String) {
    token(ledger, more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_reveal_may_revoke_and_to_others_it_is_not_there() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let (id, token) = token(&ledger, json!({})).await;
    let revoke = |id: &str| TestCommand::new("revoke-handover", &json!({"handover": id}));
    let send = async |caller: &Caller, command: TestCommand| {
        let sent = crate::ledger::send_as(&ledger.engine, caller.clone(), command).await;
        sent.map(drop).map_err(|problem| problem.code)
    };
    let viewer = ledger.enter("viewer", json!([{"scopes": ["read"]}])).await;
    let other = json!([{"scopes": ["read", "reveal"], "providers": ["anthropic"]}]);
    let other = ledger.enter("other", other).await;
    let gateway = ledger.enter("gateway", json!([{"scopes": ["read", "reveal"]}])).await;
    assert_eq!(send(&viewer, revoke(&id)).await, Err(Code::Forbidden));
    assert_eq!(send(&other, revoke(&id)).await, Err(Code::HandoverUnknown));
    assert_eq!(send(&gateway, revoke(&id).at(ABROAD)).await, Err(Code::HandoverUnknown));
    assert_eq!(send(&gateway, revoke("aaaaaaaaaaaa")).await, Err(Code::HandoverUnknown));
    assert_eq!(send(&gateway, revoke(&id)).await, Ok(()));
    assert_eq!(send(&gateway, revoke(&id)).await, Err(Code::HandoverEnded));
    assert_eq!(code(&ledger.engine, &token).await, Code::HandoverEnded);
    assert_eq!(events(&ledger), ["secret_handed_over", "handover_ended"]);
}

/// A ledger whose clock is set by hand.
struct Staged {
    ledger: Ledger,
    now: Arc<AtomicI64>,
}

impl Staged {
    async fn new() -> Self {
        let (place, now) = (Ledger::new().await.close(), Arc::new(AtomicI64::new(NOON)));
        let ledger = place.open_at(&now);
        ledger.create("main").await;
        Self { ledger, now }
    }

    fn set(&self, seconds: i64) {
        self.now.store(NOON + seconds, Ordering::SeqCst);
    }

    async fn until_ended(&self) {
        eventually("it ends", async || {
            (listed(&self.ledger)[0]["state"] == "expired").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_expires_and_does_not_come_back_when_the_clock_does() {
    let staged = Staged::new().await;
    let (_, token) = token(&staged.ledger, json!({"wrap": "60s"})).await;
    staged.set(60);
    assert_eq!(code(&staged.ledger.engine, &token).await, Code::HandoverEnded);
    staged.until_ended().await;
    assert_eq!(events(&staged.ledger), ["secret_handed_over", "handover_ended"]);
    staged.set(1);
    assert_eq!(code(&staged.ledger.engine, &token).await, Code::HandoverEnded);
    // What is made while the clock is behind lasts as long as it says, by the times of the log.
    let (_, later) = token_of(&staged.ledger, json!({"wrap": "60s"})).await;
    unwrap(&staged.ledger.engine, &later).await.expect("it has just been made");

    // One whose time passes while the ledger is closed ends at the next start.
    let (_, third) = token_of(&staged.ledger, json!({"wrap": "24h"})).await;
    let Staged { ledger, now } = staged;
    let place: Place = ledger.close();
    now.store(NOON + 90_000, Ordering::SeqCst);
    let ledger = place.open_at(&now);
    assert_eq!(code(&ledger.engine, &third).await, Code::HandoverEnded);
    let staged = Staged { ledger, now };
    staged.until_ended().await;
    // A day after its end it is forgotten.
    staged.set(90_000 + 90_000);
    let staged = Staged { ledger: staged.ledger.close().open_at(&staged.now), now: staged.now };
    eventually("they are forgotten", async || listed(&staged.ledger).is_empty().then_some(()))
        .await;
    let refused = staged.ledger.engine.authenticate(Some(&format!("Bearer {third}")));
    assert!(refused.expect_err("refused").is_guess());
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_number_of_tokens_are_limited() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let ask = async |more: Value| {
        let mut body = json!({"connection": "main", "reason": "x"});
        for (name, value) in more.as_object().expect("fields") {
            body[name] = value.clone();
        }
        let admin = Caller::system("user:admin");
        let sent =
            reveal_as(&ledger.engine, admin, &TestCommand::new("reveal-secret", &body)).await;
        sent.map(drop).map_err(|problem| problem.code)
    };
    for bad in [
        json!({"wrap": "25h"}),
        json!({"wrap": "2000-01-01T00:00:00Z"}),
        json!({"wrap": "soon"}),
        json!({"for": "eu-1"}),
    ] {
        assert_eq!(ask(bad.clone()).await, Err(Code::FieldInvalid), "{bad}");
    }
    for _ in 0..limits::HANDOVERS {
        ask(json!({"wrap": "10m"})).await.expect("there is room");
    }
    assert_eq!(ask(json!({"wrap": "10m"})).await, Err(Code::HandoversFull));
    let id = listed(&ledger)[0]["id"].as_str().expect("an id").to_owned();
    ledger.run("revoke-handover", json!({"handover": id})).await;
    ask(json!({"wrap": "10m"})).await.expect("there is room again");
    let ledger = ledger.reopen();
    let body = json!({"connection": "main", "reason": "x", "wrap": "10m"});
    assert_eq!(ledger.refusal(TestCommand::new("reveal-secret", &body)).await, Code::HandoversFull);
}
