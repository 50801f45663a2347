//! Who administers a workspace makes and revokes its principals and keys, and gains nothing by it.

use ledger_contract::errors::Code;
use ledger_contract::subjects::LEDGER;
use ledger_engine::Caller;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand, send_as};

/// Somebody who administers a workspace and may do there what is named besides.
async fn delegate(ledger: &Ledger, name: &str, scopes: &[&str]) -> Caller {
    let scopes = [&["read", "administer"], scopes].concat();
    ledger.enter(name, json!([{"scopes": scopes, "workspaces": [HOME]}])).await
}

async fn send(ledger: &Ledger, caller: &Caller, verb: &str, body: Value) -> Result<(), Code> {
    let sent = ledger.send_as(caller, TestCommand::new(verb, &body).at(LEDGER)).await;
    sent.map(drop).map_err(|problem| problem.code)
}

fn draft(name: &str, grants: &Value) -> Value {
    json!({"principal": name, "kind": "service", "grants": grants})
}

/// Returns the names that a caller is shown.
fn shown(ledger: &Ledger, caller: &Caller) -> Vec<String> {
    let page = ledger.ask_as(caller, "_all", "principals", &json!({})).expect("an answer");
    let rows = page["principals"].as_array().expect("rows");
    assert_eq!(page["total"], rows.len());
    rows.iter().map(|row| row["principal"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_a_workspace_makes_and_revokes_its_principals_and_keys() {
    let ledger = Ledger::new().await;
    let caller = delegate(&ledger, "delegate", &["reveal"]).await;
    let grants = json!([{"role": "gateway", "workspaces": [HOME]}]);
    assert_eq!(send(&ledger, &caller, "create-principal", draft("eu-1", &grants)).await, Ok(()));
    let who = json!({"principal": "eu-1"});
    let issue = TestCommand::new("issue-key", &who).at(LEDGER);
    let issued = ledger.send_as(&caller, issue).await.expect("issued").api_key.expect("a key");
    assert!(ledger.engine.authenticate_key(&issued.key).is_ok());
    let fewer = json!({"principal": "eu-1", "grants": [{"role": "viewer", "workspaces": [HOME]}]});
    assert_eq!(send(&ledger, &caller, "update-principal", fewer).await, Ok(()));
    let revoke = json!({"principal": "eu-1", "key": issued.id});
    assert_eq!(send(&ledger, &caller, "revoke-key", revoke).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "disable-principal", who.clone()).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "enable-principal", who).await, Ok(()));
    ledger.make("abroad", json!([{"role": "viewer", "workspaces": [ABROAD]}])).await;
    ledger.make("both", json!([{"role": "viewer", "workspaces": [HOME, ABROAD]}])).await;
    assert_eq!(shown(&ledger, &caller), ["delegate", "eu-1"]);
    let check = |who: &str| json!({"as": who, "may": "read"});
    let asked = |who: &str| ledger.ask_as(&caller, HOME, "access-check", &check(who));
    assert_eq!(asked("eu-1").expect("an answer")["allowed"], true);
    assert_eq!(asked("abroad").map_err(|problem| problem.code), Err(Code::PrincipalUnknown));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_a_right_that_they_lack() {
    let ledger = Ledger::new().await;
    let caller = delegate(&ledger, "delegate", &["reveal"]).await;
    ledger.make("held", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let beyond = [
        json!([]),
        json!([{"role": "viewer"}]),
        json!([{"role": "admin", "workspaces": [HOME]}]),
        json!([{"scopes": ["rotate"], "workspaces": [HOME]}]),
        json!([{"role": "viewer", "workspaces": [ABROAD]}]),
        json!([{"role": "viewer", "workspaces": [HOME, ABROAD]}]),
        json!([{"role": "viewer", "workspaces": [HOME]}, {"role": "viewer", "providers": ["x"]}]),
    ];
    for grants in beyond {
        let create = send(&ledger, &caller, "create-principal", draft("made", &grants)).await;
        assert_eq!(create, Err(Code::Forbidden), "{grants}");
        let update = json!({"principal": "held", "grants": grants});
        let update = send(&ledger, &caller, "update-principal", update).await;
        assert_eq!(update, Err(Code::Forbidden), "{grants}");
    }
    // A right that is limited to some connections gives no more than that.
    let narrow = json!([
        {"scopes": ["read", "administer"], "workspaces": [HOME]},
        {"scopes": ["reveal"], "workspaces": [HOME], "labels": {"env": "test"}},
    ]);
    let narrow = ledger.enter("narrow", narrow).await;
    let gateway = |labels: Value| json!([{"role": "gateway", "workspaces": [HOME], "labels": labels, "providers": ["x"]}]);
    let wide = draft("wide", &gateway(json!({})));
    assert_eq!(send(&ledger, &narrow, "create-principal", wide).await, Err(Code::Forbidden));
    let same = draft("same", &gateway(json!({"env": "test", "team": "a"})));
    assert_eq!(send(&ledger, &narrow, "create-principal", same).await, Ok(()));
    // Who administers only some connections of a workspace administers no principals.
    let partial = json!([{"role": "admin", "workspaces": [HOME], "providers": ["x"]}]);
    let partial = ledger.enter("partial", partial).await;
    let grants = json!([{"role": "viewer", "workspaces": [HOME], "providers": ["x"]}]);
    let made = send(&ledger, &partial, "create-principal", draft("made", &grants)).await;
    assert_eq!(made, Err(Code::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_a_right_by_the_key_of_another() {
    let ledger = Ledger::new().await;
    let caller = delegate(&ledger, "delegate", &[]).await;
    ledger.make("stronger", json!([{"role": "gateway", "workspaces": [HOME]}])).await;
    let key = ledger.issue("stronger", json!({})).await.id.clone();
    let who = json!({"principal": "stronger"});
    assert_eq!(send(&ledger, &caller, "issue-key", who.clone()).await, Err(Code::Forbidden));
    let revoke = json!({"principal": "stronger", "key": key});
    assert_eq!(send(&ledger, &caller, "revoke-key", revoke).await, Ok(()), "taking away is free");
    assert_eq!(send(&ledger, &caller, "disable-principal", who.clone()).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "enable-principal", who).await, Err(Code::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_of_others_look_missing() {
    let ledger = Ledger::new().await;
    let caller = delegate(&ledger, "delegate", &["reveal"]).await;
    let others = [
        ("of-all", json!([{"role": "viewer"}])),
        ("of-both", json!([{"role": "viewer", "workspaces": [HOME, ABROAD]}])),
        ("of-none", json!([])),
    ];
    for (name, grants) in others {
        ledger.make(name, grants).await;
        let key = ledger.issue(name, json!({})).await.id.clone();
        let within = json!([{"role": "viewer", "workspaces": [HOME]}]);
        let commands = [
            ("update-principal", json!({"principal": name, "display_name": "x"})),
            ("update-principal", json!({"principal": name, "grants": within})),
            ("disable-principal", json!({"principal": name})),
            ("enable-principal", json!({"principal": name})),
            ("issue-key", json!({"principal": name})),
            ("revoke-key", json!({"principal": name, "key": key})),
        ];
        for (verb, body) in commands {
            let known = send(&ledger, &caller, verb, body.clone()).await;
            let mut missing = body;
            missing["principal"] = json!("missing");
            assert_eq!(known, Err(Code::PrincipalUnknown), "{verb} to {name}");
            assert_eq!(send(&ledger, &caller, verb, missing).await, known, "{verb}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegated_command_is_decided_on_the_state_it_was_checked_on() {
    let ledger = Ledger::new().await;
    let caller = delegate(&ledger, "delegate", &[]).await;
    ledger.make("one", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let who = json!({"principal": "one"});
    for wrong in [7, 2] {
        let issue = TestCommand::new("issue-key", &who).at(LEDGER).version(wrong);
        let refused = ledger.send_as(&caller, issue).await.expect_err("another version");
        assert_eq!(refused.code, Code::VersionConflict);
    }
    let disable = || TestCommand::new("disable-principal", &who).at(LEDGER).version(1).id("once");
    let first = ledger.send_as(&caller, disable()).await.expect("disabled");
    let again = send_as(&ledger.engine, caller.clone(), disable()).await.expect("answered");
    assert_eq!((again.receipt, again.repeated), (first.receipt, true));
}
