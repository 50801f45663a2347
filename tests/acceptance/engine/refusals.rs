//! What is refused, with which code, and without a trace.

use ledger_contract::errors::Code;
use ledger_domain::Micros;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, Ledger, TestCommand};

fn named(connection: &str) -> Value {
    json!({"connection": connection})
}

fn with(connection: &str, mut body: Value) -> Value {
    body["connection"] = json!(connection);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_command_is_refused_with_its_code() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let big = "x".repeat(32 * 1024 - 1);
    let cases: Vec<(&str, Value, Code)> = vec![
        ("create", json!({"slug": "MAIN", "provider": "x"}), Code::SlugTaken),
        ("create", json!({"slug": "a b", "provider": "x"}), Code::FieldInvalid),
        ("create", json!({"slug": id, "provider": "x"}), Code::FieldInvalid),
        ("create", json!({"provider": ""}), Code::FieldInvalid),
        ("create", json!({"provider": "x", "kind": "teapot"}), Code::FieldInvalid),
        ("create", json!({"provider": "x", "labels": {"a\u{1}": "b"}}), Code::FieldInvalid),
        (
            "create",
            json!({"provider": "x", "config": {"k": 1}, "secrets": {"k": "v"}}),
            Code::FieldInvalid,
        ),
        ("create", json!({"provider": 7}), Code::BodyMalformed),
        ("create", json!({"provider": "x", "colour": "red"}), Code::BodyMalformed),
        ("create", json!(["provider"]), Code::BodyMalformed),
        ("create", json!({"provider": "x", "secrets": {"a": big, "b": big}}), Code::RecordTooLarge),
        (
            "create",
            json!({"provider": "x", "access": {"workspaces": {"nowhere": {}}}}),
            Code::WorkspaceUnknown,
        ),
        ("update", named("main"), Code::NothingToChange),
        (
            "update",
            with("main", json!({"secrets": {"new": "v"}, "config": {"new": 1}})),
            Code::FieldInvalid,
        ),
        ("update", with("nobody", json!({"display_name": "x"})), Code::ConnectionUnknown),
        ("update", json!({"display_name": "x"}), Code::FieldInvalid),
        ("enable", named("main"), Code::AlreadyEnabled),
        ("enable", named("018f3d3e-0000-7000-8000-000000000000"), Code::ConnectionUnknown),
        (
            "rotate-secret",
            with("main", json!({"secrets": {"other": "v"}})),
            Code::SecretFieldUnknown,
        ),
        ("rotate-secret", with("main", json!({"secrets": {}})), Code::NothingToChange),
        ("restore", named(&id), Code::ConnectionNotArchived),
        ("grant-workspace", with("main", json!({"grant_to": "nowhere"})), Code::WorkspaceUnknown),
        ("grant-workspace", with("main", json!({"grant_to": "default"})), Code::FieldInvalid),
        ("revoke-workspace", with("main", json!({"grant_to": ABROAD})), Code::GrantUnknown),
        ("set-limits", with("main", json!({"grant_to": ABROAD})), Code::GrantUnknown),
        (
            "unlink-dependent",
            with("main", json!({"kind": "tool", "id": "x"})),
            Code::DependentUnknown,
        ),
        ("set-pricing", with("main", json!({"pricing": null})), Code::NothingToChange),
        ("revert", with("main", json!({"to_version": 9})), Code::VersionUnknown),
        ("revert", with("main", json!({"to_version": 0})), Code::VersionUnknown),
        ("revert", with("main", json!({"to_version": -1})), Code::BodyMalformed),
        ("create-workspace", json!({}), Code::WorkspaceTaken),
        ("explode", named("main"), Code::VerbUnknown),
    ];
    let count = u64::try_from(cases.len()).expect("few");
    for (verb, body, code) in cases {
        assert_eq!(ledger.refusal(TestCommand::new(verb, &body)).await, code, "{verb} {body}");
    }
    let refused = ledger.ask("status", &json!({}));
    let told: u64 =
        refused["refused"].as_object().expect("a map").values().filter_map(Value::as_u64).sum();
    // Those the parser turns away are counted by the transport.
    assert!(told > 0 && told <= count, "{refused}");
    assert_eq!(ledger.get("main")["version"], json!(1));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_refused_and_told_the_real_one() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("disable", named(&id)).await;
    let stale = TestCommand::new("enable", &named(&id)).version(1);
    let problem = ledger.send(stale.clone()).await.expect_err("stale");
    assert_eq!((problem.code, problem.version), (Code::VersionConflict, Some(2)));
    assert_eq!(
        ledger.refusal(TestCommand::new("enable", &named(&id)).absent()).await,
        Code::VersionConflict
    );
    ledger.send(stale.version(2)).await.expect("the real version fits");
    let draft = json!({"provider": "x"});
    assert_eq!(
        ledger.refusal(TestCommand::new("create", &draft).version(1)).await,
        Code::VersionConflict
    );
    ledger.send(TestCommand::new("create", &draft).absent()).await.expect("absent fits a new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_connection_refuses_everything_but_restore() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("archive", named(&id)).await;
    let verbs = [
        "update",
        "enable",
        "disable",
        "mark-degraded",
        "mark-failed",
        "mark-operational",
        "archive",
    ];
    for verb in verbs {
        assert_eq!(
            ledger.refusal(TestCommand::new(verb, &named(&id))).await,
            Code::ConnectionArchived,
            "{verb}"
        );
    }
    let rotate = with(&id, json!({"secrets": {"api_key": "sk-x"}}));
    assert_eq!(
        ledger.refusal(TestCommand::new("rotate-secret", &rotate)).await,
        Code::ConnectionArchived
    );
    let by_slug = TestCommand::new("enable", &named("main"));
    assert_eq!(ledger.refusal(by_slug).await, Code::ConnectionUnknown, "its slug is free");
    assert_eq!(ledger.get(&id)["lifecycle"], "archived", "it can still be read by id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_another_workspace_is_unknown() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let rotate = with(&id, json!({"secrets": {"api_key": "sk-x"}}));
    for (verb, body) in
        [("disable", named(&id)), ("rotate-secret", rotate), ("disable", named("main"))]
    {
        let test_command = TestCommand::new(verb, &body).at(ABROAD);
        assert_eq!(ledger.refusal(test_command).await, Code::ConnectionUnknown, "{verb} {body}");
    }
    let got = ledger.ask_at(ABROAD, "get", &named(&id)).expect_err("hidden");
    assert_eq!(got.code, Code::ConnectionUnknown);
    // The one who may use it hears the same: a grant is for gateways, not for changing it.
    ledger.run("grant-workspace", with(&id, json!({"grant_to": ABROAD}))).await;
    let test_command = TestCommand::new("disable", &named(&id)).at(ABROAD);
    assert_eq!(ledger.refusal(test_command).await, Code::ConnectionUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_workspace_and_a_past_deadline_are_refused() {
    let ledger = Ledger::new().await;
    let draft = json!({"provider": "x"});
    let test_command = TestCommand::new("create", &draft).at("nowhere");
    assert_eq!(ledger.refusal(test_command).await, Code::WorkspaceUnknown);
    assert_eq!(
        ledger.ask_at("nowhere", "list", &json!({})).expect_err("unknown").code,
        Code::WorkspaceUnknown
    );
    let late = TestCommand::new("create", &draft).deadline(Micros::new(1));
    assert_eq!(ledger.refusal(late).await, Code::DeadlineExpired);
    let in_time = TestCommand::new("create", &draft).deadline(Micros::new(i64::MAX));
    ledger.send(in_time).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_something_depends_on_is_archived_by_force_only() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("link-dependent", with(&id, json!({"kind": "tool", "id": "t"}))).await;
    assert_eq!(
        ledger.refusal(TestCommand::new("archive", &named(&id))).await,
        Code::ConnectionInUse
    );
    ledger.run("archive", with(&id, json!({"force": true}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_refused() {
    let ledger = Ledger::new().await;
    ledger.create("a").await;
    ledger.create("b").await;
    let page = ledger.ask("list", &json!({"page_size": 1}));
    let cursor = page["next_cursor"].clone();
    let cases = [
        ("get", json!({}), Code::BodyMalformed),
        ("get", json!({"connection": "nobody"}), Code::ConnectionUnknown),
        ("list", json!({"page": 0}), Code::FieldInvalid),
        ("list", json!({"page_size": 501}), Code::FieldInvalid),
        ("list", json!({"page_size": 0}), Code::FieldInvalid),
        ("list", json!({"sort": "size"}), Code::FieldInvalid),
        ("list", json!({"health": ["fine"]}), Code::FieldInvalid),
        ("list", json!({"colour": "red"}), Code::BodyMalformed),
        ("list", json!({"cursor": "%%"}), Code::CursorInvalid),
        ("list", json!({"cursor": cursor, "sort": "name"}), Code::CursorInvalid),
        ("list", json!({"cursor": cursor, "descending": true}), Code::CursorInvalid),
        ("list", json!({"cursor": cursor, "page": 2}), Code::FieldInvalid),
        ("history", json!({"type": ["exploded"]}), Code::FieldInvalid),
        ("history", json!({"from": "yesterday"}), Code::FieldInvalid),
        ("history", json!({"cursor": cursor}), Code::CursorInvalid),
    ];
    for (name, body, code) in cases {
        let refused = ledger.ask_at("default", name, &body).expect_err("a bad question");
        assert_eq!(refused.code, code, "{name} {body}");
    }
}
