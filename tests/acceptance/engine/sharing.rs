//! Letting other workspaces use a connection, and who may.

use ledger_contract::errors::Code;
use ledger_engine::Caller;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::verbs::REVEAL;

/// Someone who may change connections at home and read secrets abroad.
async fn smuggler(ledger: &Ledger) -> Caller {
    let grants = json!([
        {"role": "editor", "workspaces": [HOME]},
        {"role": "gateway", "workspaces": [ABROAD]},
    ]);
    ledger.enter("smuggler", grants).await
}

async fn send(ledger: &Ledger, caller: &Caller, verb: &str, body: Value) -> Result<(), Code> {
    let sent = ledger.send_as(caller, TestCommand::new(verb, &body)).await;
    sent.map(drop).map_err(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_write_lets_nobody_else_in() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let share = json!({"connection": "main", "grant_to": ABROAD});
    ledger.run("grant-workspace", share.clone()).await;
    ledger.run("revoke-workspace", share.clone()).await;
    let caller = smuggler(&ledger).await;
    let shared = |access: Value| json!({"provider": "x", "access": access});
    let refused = [
        ("grant-workspace", share.clone()),
        ("grant-workspace", json!({"connection": "main", "grant_to": "*"})),
        ("grant-workspace", json!({"connection": "main", "grant_to": "nowhere"})),
        ("create", shared(json!({"workspaces": {ABROAD: {}}}))),
        ("create", shared(json!({"workspaces": {"nowhere": {}}}))),
        ("create", shared(json!({"everyone": {}}))),
        ("revert", json!({"connection": "main", "to_version": 2})),
    ];
    for (verb, body) in refused {
        let answer = send(&ledger, &caller, verb, body.clone()).await;
        assert_eq!(answer, Err(Code::Forbidden), "{verb} {body}");
    }
    let look = TestCommand::new(REVEAL, &json!({"connection": id, "reason": "a look"})).at(ABROAD);
    let refused = ledger.send_as(&caller, look).await.expect_err("it is not shared");
    assert_eq!(refused.code, Code::ConnectionUnknown);
    // An empty access lets nobody in, and so takes nothing more than any draft.
    assert_eq!(send(&ledger, &caller, "create", shared(json!({}))).await, Ok(()));
    assert_eq!(ledger.get("main")["version"], 3, "nothing of it happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_limits_and_ends_what_is_shared() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let share = json!({"connection": "main", "grant_to": ABROAD});
    ledger.run("grant-workspace", share.clone()).await;
    let caller = smuggler(&ledger).await;
    let rate = json!({"type": "requests", "unit": "rpm", "value": 7});
    let limits = json!({"connection": "main", "grant_to": ABROAD, "limits": {"rate": rate}});
    assert_eq!(send(&ledger, &caller, "set-limits", limits).await, Ok(()));
    let described = json!({"connection": "main", "description": "other"});
    assert_eq!(send(&ledger, &caller, "update", described).await, Ok(()));
    let back = json!({"connection": "main", "to_version": 2});
    assert_eq!(send(&ledger, &caller, "revert", back.clone()).await, Ok(()), "nobody new gets in");
    assert_eq!(send(&ledger, &caller, "revoke-workspace", share).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "revert", back).await, Err(Code::Forbidden));
    ledger.run("update", json!({"connection": "main", "description": "again"})).await;
    let back = json!({"connection": "main", "to_version": 1});
    assert_eq!(send(&ledger, &caller, "revert", back).await, Ok(()), "it was not shared then");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_a_connection_shares_it_in_every_way() {
    let ledger = Ledger::new().await;
    let grants = json!([{"role": "admin", "workspaces": [HOME], "labels": {"team": "a"}}]);
    let caller = ledger.enter("admin-of-a", grants).await;
    let draft = json!({
        "slug": "main", "provider": "x", "labels": {"team": "a"},
        "access": {"workspaces": {ABROAD: {}}},
    });
    assert_eq!(send(&ledger, &caller, "create", draft).await, Ok(()));
    let share = json!({"connection": "main", "grant_to": ABROAD});
    assert_eq!(send(&ledger, &caller, "revoke-workspace", share.clone()).await, Ok(()));
    let back = json!({"connection": "main", "to_version": 1});
    assert_eq!(send(&ledger, &caller, "revert", back).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "revoke-workspace", share.clone()).await, Ok(()));
    assert_eq!(send(&ledger, &caller, "grant-workspace", share).await, Ok(()));
    let may = json!({"as": "admin-of-a", "may": "grant-workspace", "on": "main"});
    let told = ledger.ask_at(HOME, "access-check", &may).expect("an answer");
    assert_eq!((&told["allowed"], &told["scope"]), (&json!(true), &json!("administer")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_themselves_rights_by_changing_what_rights_go_by() {
    let ledger = Ledger::new().await;
    let draft = json!({"slug": "main", "provider": "openai", "labels": {"team": "b"}});
    ledger.run("create", draft).await;
    let grants = json!([
        {"role": "editor"},
        {"role": "gateway", "labels": {"team": "a"}},
        {"role": "auditor", "providers": ["mistral"]},
    ]);
    let caller = ledger.enter("climber", grants).await;
    for change in [json!({"labels": {"team": "a"}}), json!({"provider": "Mistral"})] {
        let mut body = change.clone();
        body["connection"] = json!("main");
        let refused = send(&ledger, &caller, "update", body.clone()).await;
        assert_eq!(refused, Err(Code::Forbidden), "{change}");
        ledger.run("update", body).await;
        let away = json!({"connection": "main", "labels": {"team": "b"}, "provider": "openai"});
        assert_eq!(send(&ledger, &caller, "update", away).await, Ok(()), "losing rights is free");
    }
    let back = json!({"connection": "main", "to_version": 2});
    assert_eq!(send(&ledger, &caller, "revert", back).await, Err(Code::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_a_connection_may_reveal_it() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let manages = json!(["read", "write", "rotate", "administer"]);
    let manages = json!([{"scopes": manages, "workspaces": [HOME]}]);
    let caller = ledger.enter("manager", manages).await;
    let share = json!({"connection": "main", "grant_to": ABROAD});
    ledger.run("grant-workspace", share.clone()).await;
    ledger.run("revoke-workspace", share.clone()).await;
    let shared = json!({"provider": "x", "access": {"workspaces": {ABROAD: {}}}});
    let back = json!({"connection": "main", "to_version": 2});
    for (verb, body) in [("grant-workspace", share), ("create", shared), ("revert", back)] {
        let refused = ledger.send_as(&caller, TestCommand::new(verb, &body)).await;
        let refused = refused.expect_err("others would reveal it");
        assert_eq!(refused.code, Code::Forbidden, "{verb}");
        assert!(refused.message.contains("`reveal`"), "{verb}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_sees_of_a_shared_connection_what_it_takes_to_use_it() {
    let ledger = Ledger::new().await;
    ledger.send(TestCommand::new("create-workspace", &json!({})).at("third")).await.expect("made");
    let id = ledger.create("main").await;
    let about = |body: Value| {
        let mut body = body;
        body["connection"] = json!("main");
        body
    };
    let rate = |value: u64| json!({"rate": {"type": "requests", "unit": "rpm", "value": value}});
    for (to, requests) in [(ABROAD, 7), ("third", 8)] {
        let share = about(json!({"grant_to": to, "limits": rate(requests)}));
        ledger.run("grant-workspace", share).await;
    }
    ledger.run("link-dependent", about(json!({"kind": "tool", "id": "t-1"}))).await;
    ledger.run("update", about(json!({"annotations": {"x.note": "internal"}}))).await;
    let whole = ledger.get("main");
    assert_eq!(whole["dependents"].as_array().map(Vec::len), Some(1));
    let get = |caller: &Caller, workspace: &str| {
        ledger.ask_as(caller, workspace, "get", &json!({"connection": id})).expect("shared")
    };
    let guest = ledger.enter("guest", json!([{"role": "gateway", "workspaces": [ABROAD]}])).await;
    let seen = get(&guest, ABROAD);
    assert_eq!(get(&guest, "_all"), seen);
    let mut expected = whole.clone();
    expected["access"]["workspaces"] = json!({ABROAD: whole["access"]["workspaces"][ABROAD]});
    (expected["annotations"], expected["dependents"]) = (json!({}), json!([]));
    expected["created_by"] = json!("undisclosed");
    expected["updated_by"] = json!("undisclosed");
    assert_eq!(seen, expected);
    let auditor = json!([
        {"scopes": ["audit"], "workspaces": [HOME]}, {"role": "viewer", "workspaces": [ABROAD]},
    ]);
    let auditor = ledger.enter("auditor", auditor).await;
    assert_eq!(get(&auditor, ABROAD), whole, "who may audit it at home sees the whole");
}
