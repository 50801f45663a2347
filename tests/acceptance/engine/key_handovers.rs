//! Handovers of API keys: who has the token receives the key once, and nobody else ever has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_contract::errors::Code;
use ledger_contract::handover::IssuedHandover;
use ledger_contract::subjects::LEDGER;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_engine::Caller;
use serde_json::{Value, json};

use super::handovers::{NOON, code, in_ledger, listed, unwrap};
use crate::canary::expect_none_of;
use crate::ledger::{HOME, Ledger, TestCommand, reveal_as};
use crate::wait::eventually;

async fn stage() -> Ledger {
    let ledger = Ledger::new().await;
    ledger.make("eu-1", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    ledger
}

fn wrap(more: &Value) -> Value {
    let mut body = json!({"principal": "eu-1", "wrap": "10m"});
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    body
}

/// Issues a key and returns the token that stands for it.
async fn handed_over(ledger: &Ledger, more: Value) -> IssuedHandover {
    let executed = ledger.lead("issue-key", wrap(&more)).await;
    assert!(executed.api_key.is_none(), "nobody is told the key");
    executed.handover.expect("a token")
}

/// Uses a token, and returns the key.
async fn key(ledger: &Ledger, token: &str) -> String {
    let received = unwrap(&ledger.engine, token).await.expect("received");
    assert!(received.secrets.is_empty() && received.connection.is_empty());
    assert_eq!(received.principal.as_deref(), Some("eu-1"));
    received.api_key.as_ref().expect("a key").key.clone()
}

/// Returns a key of the principal as it is shown.
fn shown(ledger: &Ledger, id: &str) -> Value {
    let principal = ledger.principal("eu-1");
    let keys = principal["keys"].as_array().expect("keys");
    keys.iter().find(|key| key["id"] == id).expect("it is there").clone()
}

/// Returns types and actors of the events about keys and their handovers, oldest first.
fn events(ledger: &Ledger) -> Vec<(String, String)> {
    let types = [
        "api_key_issued",
        "api_key_handed_over",
        "handover_used",
        "handover_ended",
        "api_key_revoked",
    ];
    let asked = json!({"type": types, "oldest_first": true});
    let page = ledger.ask_at("_all", "history", &asked).expect("the admin may ask");
    let text = |event: &Value, name: &str| event[name].as_str().expect("text").to_owned();
    let events = page["events"].as_array().expect("events").iter();
    events.map(|event| (text(event, "type"), text(event, "actor"))).collect()
}

fn expect_events(ledger: &Ledger, expected: &[(&str, &str)]) {
    let events = events(ledger);
    let events: Vec<_> = events.iter().map(|(kind, by)| (kind.as_str(), by.as_str())).collect();
    assert_eq!(events, expected);
}

/// The part of a key or token that makes it one.
fn secret_of(text: &str, part: usize) -> &str {
    text.splitn(part, '_').last().expect("a last part")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_received_once_and_is_nowhere_before() {
    let ledger = stage().await;
    let made = handed_over(&ledger, json!({"label": "the gateway"})).await;
    let id = made.key.clone().expect("an id");
    let pending = listed(&ledger)[0].clone();
    assert_eq!(
        (&pending["state"], &pending["key"], &pending["principal"], &pending["workspace"]),
        (&json!("pending"), &json!(id), &json!("eu-1"), &json!(LEDGER))
    );
    assert_eq!(pending.get("connection"), None);
    assert_eq!(shown(&ledger, &id)["label"], "the gateway");

    let ledger = ledger.reopen();
    let key = key(&ledger, &made.token).await;
    let caller = ledger.engine.authenticate_key(&key).expect("a good key");
    assert_eq!(caller.actor().as_str(), "service:eu-1");
    assert_eq!(caller.key().expect("a key").as_str(), id);
    assert_eq!(code(&ledger.engine, &made.token).await, Code::HandoverUsed);
    let bearer = format!("handover:{}", made.id);
    expect_events(
        &ledger,
        &[
            ("api_key_issued", "user:admin"),
            ("api_key_handed_over", "user:admin"),
            ("handover_used", bearer.as_str()),
        ],
    );
    assert_eq!(listed(&ledger)[0]["state"], "used");
    let history = ledger.ask_at("_all", "history", &json!({})).expect("shown").to_string();
    assert!(!history.contains("digest"), "{history}");

    let ledger = ledger.reopen();
    assert_eq!(code(&ledger.engine, &made.token).await, Code::HandoverUsed);
    ledger.expect_replay_equal();
    let place = ledger.close();
    assert_eq!(place.replay(true).expect("compared").difference, None);
    for secret in [secret_of(&key, 4), secret_of(&made.token, 3)] {
        expect_none_of(secret.as_bytes(), &place.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uses_of_a_key_exactly_one_wins() {
    let ledger = stage().await;
    for round in 0..30 {
        let made = handed_over(&ledger, json!({})).await;
        let tries = (0..4).map(|_| {
            let (engine, token) = (ledger.engine.clone(), made.token.clone());
            tokio::spawn(async move { unwrap(&engine, &token).await.map_err(|error| error.code) })
        });
        let results = futures::future::join_all(tries.collect::<Vec<_>>()).await;
        let results: Vec<_> = results.into_iter().map(|done| done.expect("it ends")).collect();
        assert_eq!(results.iter().filter(|one| one.is_ok()).count(), 1, "round {round}");
        let lost = results.iter().filter_map(|result| result.as_ref().err());
        assert!(lost.into_iter().all(|code| *code == Code::HandoverUsed), "round {round}");
        let revoke = json!({"principal": "eu-1", "key": made.key.as_deref().expect("an id")});
        ledger.lead("revoke-key", revoke).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_cut_a_used_token_is_used_and_another_gives_its_key() {
    let ledger = stage().await;
    let used = handed_over(&ledger, json!({})).await;
    let pending = handed_over(&ledger, json!({})).await;
    key(&ledger, &used.token).await;
    let after = ledger.power_cut().open();
    assert_eq!(code(&after.engine, &used.token).await, Code::HandoverUsed);
    let key = key(&after, &pending.token).await;
    assert_eq!(after.refused_at_the_door(&key), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_received_in_time_is_revoked() {
    let (place, now) = (stage().await.close(), Arc::new(AtomicI64::new(NOON)));
    let ledger = place.open_at(&now);
    let taken = handed_over(&ledger, json!({"wrap": "60s"})).await;
    let left = handed_over(&ledger, json!({"wrap": "60s"})).await;
    let key = key(&ledger, &taken.token).await;
    // Its time passes while the ledger is closed.
    let place = ledger.close();
    now.store(NOON + 60, Ordering::SeqCst);
    let ledger = place.open_at(&now);
    assert_eq!(code(&ledger.engine, &left.token).await, Code::HandoverEnded);
    let id = left.key.as_deref().expect("an id");
    eventually("the ledger revokes the key", async || {
        shown(&ledger, id).get("revoked_at").is_some().then_some(())
    })
    .await;
    let revoked = shown(&ledger, id);
    assert_eq!(revoked["revoked_reason"], "nobody received it: its handover expired");
    let bearer = format!("handover:{}", taken.id);
    expect_events(
        &ledger,
        &[
            ("api_key_issued", "user:admin"),
            ("api_key_handed_over", "user:admin"),
            ("api_key_issued", "user:admin"),
            ("api_key_handed_over", "user:admin"),
            ("handover_used", bearer.as_str()),
            ("handover_ended", "system:handover"),
            ("api_key_revoked", "system:handover"),
        ],
    );
    assert_eq!(ledger.refused_at_the_door(&key), None, "the other one was received");
    now.store(NOON, Ordering::SeqCst);
    assert_eq!(code(&ledger.engine, &left.token).await, Code::HandoverEnded);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_the_principal_revokes_the_handover_and_the_key_with_it() {
    let ledger = stage().await;
    let made = handed_over(&ledger, json!({})).await;
    let grant =
        |scopes: Value, workspace: &str| json!([{"scopes": scopes, "workspaces": [workspace]}]);
    let all = json!(["read", "reveal", "audit", "administer"]);
    let own = ledger.enter("own", grant(all.clone(), HOME)).await;
    let other = ledger.enter("other", grant(all, "other")).await;
    let reader = ledger.enter("reader", grant(json!(["read", "reveal", "audit"]), HOME)).await;
    let revoke = in_ledger("revoke-handover", &json!({"handover": made.id}));
    let refusal = async |caller: &Caller, command: TestCommand| {
        ledger.send_as(caller, command).await.expect_err("refused").code
    };
    assert_eq!(refusal(&reader, revoke.clone()).await, Code::Forbidden);
    assert_eq!(refusal(&other, revoke.clone()).await, Code::HandoverUnknown);
    // It belongs to no workspace.
    assert_eq!(refusal(&own, revoke.clone().at(HOME)).await, Code::HandoverUnknown);
    for (caller, workspace, sees) in
        [(&own, HOME, true), (&reader, HOME, false), (&other, "other", false)]
    {
        let answer = ledger.ask_as(caller, workspace, "handovers", &json!({})).expect("answered");
        assert_eq!(answer["handovers"] != json!([]), sees, "{answer}");
    }

    let revoke = revoke.id("once");
    let first = ledger.send_as(&own, revoke.clone()).await.expect("revoked");
    let id = made.key.as_deref().expect("an id");
    let reason = "nobody received it: its handover was revoked";
    assert_eq!(shown(&ledger, id)["revoked_reason"], reason);
    assert_eq!(code(&ledger.engine, &made.token).await, Code::HandoverEnded);
    let again = in_ledger("revoke-handover", &json!({"handover": made.id}));
    assert_eq!(refusal(&own, again).await, Code::HandoverEnded);
    assert_eq!(events(&ledger).last().expect("some").1, "system:handover");

    // The receipt is that of the command's own event, also when it is made anew from the log.
    let place = ledger.close();
    assert_eq!(place.replay(true).expect("compared").difference, None);
    let ledger = place.open();
    let repeated = crate::ledger::send_as(&ledger.engine, own, revoke).await.expect("answered");
    assert!(repeated.repeated);
    assert_eq!(repeated.receipt, first.receipt);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_is_not_given_out() {
    let ledger = stage().await;
    let made = handed_over(&ledger, json!({})).await;
    let id = made.key.as_deref().expect("an id");
    ledger.lead("revoke-key", json!({"principal": "eu-1", "key": id})).await;
    assert_eq!(code(&ledger.engine, &made.token).await, Code::HandoverEnded);
    // Its handover is ended without revoking it again.
    ledger.send(in_ledger("revoke-handover", &json!({"handover": made.id}))).await.expect("ended");
    assert_eq!(events(&ledger).last().expect("some").0, "handover_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_one_principal_is_received_with_the_key_of_that_one() {
    let ledger = stage().await;
    let made = handed_over(&ledger, json!({"for": "deployer"})).await;
    assert_eq!(code(&ledger.engine, &made.token).await, Code::HandoverForOther);
    let command = in_ledger("unwrap", &json!({"token": made.token}));
    let other = ledger.enter("other", json!([])).await;
    let sent = reveal_as(&ledger.engine, other, &command).await;
    assert_eq!(sent.expect_err("refused").code, Code::HandoverForOther);
    let own = ledger.enter("deployer", json!([])).await;
    let received = reveal_as(&ledger.engine, own, &command).await.expect("received");
    let key = &received.api_key.as_ref().expect("a key").key;
    assert_eq!(ledger.refused_at_the_door(key), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_without_the_token_and_bad_requests_leave_nothing() {
    let ledger = stage().await;
    let command = |more| in_ledger("issue-key", &wrap(&more)).id("once");
    let first = ledger.send(command(json!({}))).await.expect("issued");
    assert!(first.handover.is_some());
    let again = ledger.send(command(json!({}))).await.expect("answered");
    assert!(again.repeated && again.handover.is_none() && again.api_key.is_none());
    assert_eq!(again.receipt, first.receipt);
    for other in [json!({"wrap": "20m"}), json!({"for": "deployer"})] {
        assert_eq!(ledger.refusal(command(other)).await, Code::CommandIdReused);
    }
    let plain = in_ledger("issue-key", &json!({"principal": "eu-1"})).id("once");
    assert_eq!(ledger.refusal(plain).await, Code::CommandIdReused);
    let in_an_hour = Micros::new(ledger.engine.clock().now().get() + 3_600_000_000);
    let in_an_hour = time::format(in_an_hour);
    for bad in [
        json!({"wrap": "25h"}),
        json!({"wrap": "2000-01-01T00:00:00Z"}),
        json!({"wrap": null, "for": "deployer"}),
        // The key ends before the token does.
        json!({"wrap": "2h", "expires_at": in_an_hour}),
    ] {
        let refused = ledger.refusal(in_ledger("issue-key", &wrap(&bad))).await;
        assert_eq!(refused, Code::FieldInvalid, "{bad}");
    }
    let unknown = in_ledger("issue-key", &wrap(&json!({"principal": "nobody"})));
    assert_eq!(ledger.refusal(unknown).await, Code::PrincipalUnknown);
    assert_eq!(listed(&ledger).len(), 1);
}
