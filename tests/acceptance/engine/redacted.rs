//! What once stood in the clear and is a secret now is hidden from those who may not reveal.

use std::sync::Arc;

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Code;
use ledger_contract::queries::QueryWorkspace;
use ledger_domain::{CheckedText as _, Position, Version};
use ledger_engine::{Caller, EngineOptions};
use ledger_providers::Catalogue;
use serde_json::{Value, json};

use crate::canary::CANARY;
use crate::ledger::{HOME, Ledger, TestCommand, ask_as, open, send};

/// A setting that no rule takes for a secret.
const SETTING: &str = "note";

async fn auditor(ledger: &Ledger) -> Caller {
    ledger.enter("auditor", json!([{"role": "auditor", "workspaces": [HOME]}])).await
}

/// Makes a connection that has the canary in a setting, shown as it is for a while.
async fn make(ledger: &Ledger) -> String {
    let body = json!({
        "slug": "main", "provider": "openai", "config": {SETTING: CANARY, "model": "gpt-4.1"},
    });
    let id = ledger.run("create", body).await.receipt.connection.expect("made");
    let more = json!({"connection": "main", "config": {SETTING: {"inner": CANARY}}});
    ledger.run("update", more).await;
    ledger.run("update", json!({"connection": "main", "description": "x"})).await;
    id
}

fn history(ledger: &Ledger, caller: &Caller) -> String {
    let query = json!({"connection": "main"});
    ask_as(&ledger.engine, caller, HOME, "history", &query).expect("they may").to_string()
}

fn config_at(ledger: &Ledger, caller: &Caller, version: u64) -> String {
    let workspace = QueryWorkspace::parse(HOME).expect("a workspace");
    let reader = ledger.engine.reader(caller, &workspace).expect("a reader");
    let target = ConnectionRef::parse("connection", "main").expect("a name");
    let then = reader.connection_at(&target, Version::new(version)).expect("it was there");
    then.details.config.values().map(|value| value.text().to_owned()).collect()
}

/// Returns all notifications, as feeds and the event stream have them.
fn notifications(ledger: &Ledger) -> String {
    let mut outbox = ledger.engine.outbox();
    let (mut all, mut after) = (String::new(), Position::ZERO);
    loop {
        let items = outbox.read(after, 100).expect("readable");
        let Some(last) = items.last() else { return all };
        after = last.position;
        all.extend(items.iter().map(|item| String::from_utf8_lossy(&item.body).into_owned()));
    }
}

#[track_caller]
fn expect_hidden(ledger: &Ledger, caller: &Caller) {
    assert!(!history(ledger, caller).contains(CANARY), "history");
    for version in 1..=3 {
        let config = config_at(ledger, caller, version);
        assert!(!config.contains(CANARY), "version {version}: {config}");
        assert!(config.contains("gpt-4.1") && config.contains("********"), "{config}");
    }
    assert!(!notifications(ledger).contains(CANARY), "notifications");
    for after in 0..ledger.engine.head().get() {
        let mut late = ledger.engine.outbox_leaving_out(0);
        for item in late.read(Position::new(after), 1).expect("readable") {
            let body = String::from_utf8_lossy(&item.body);
            assert!(!body.contains(CANARY), "after {after}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_moved_to_the_secrets_is_hidden_wherever_it_stood() {
    let ledger = Ledger::new().await;
    let id = make(&ledger).await;
    let auditor = auditor(&ledger).await;
    assert!(history(&ledger, &auditor).contains(CANARY), "not hidden yet");
    assert!(notifications(&ledger).contains(CANARY), "not hidden yet");
    let moved = json!({"connection": id, "config": {SETTING: null}, "secrets": {SETTING: CANARY}});
    ledger.run("update", moved).await;
    expect_hidden(&ledger, &auditor);
    // Also when the secret is gone, after a start, and once a new setting has the name.
    ledger.run("update", json!({"connection": id, "secrets": {SETTING: null}})).await;
    ledger.run("update", json!({"connection": id, "config": {SETTING: "harmless"}})).await;
    expect_hidden(&ledger, &auditor);
    assert!(history(&ledger, &auditor).contains("harmless"), "the new one is no secret");
    let ledger = ledger.reopen();
    expect_hidden(&ledger, &auditor);
    ledger.expect_replay_equal();
    // Who may reveal sees what the log holds.
    let admin = Caller::system("user:admin");
    assert!(history(&ledger, &admin).contains(CANARY));
    assert!(config_at(&ledger, &admin, 1).contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_setting_is_hidden_and_no_revert_brings_it_back() {
    let ledger = Ledger::new().await;
    let id = make(&ledger).await;
    let auditor = auditor(&ledger).await;
    let still_there = TestCommand::new("update", &json!({"connection": id, "redact": [SETTING]}));
    assert_eq!(ledger.refusal(still_there).await, Code::FieldInvalid);
    let redact = json!({"connection": id, "config": {SETTING: "new"}, "redact": [SETTING]});
    ledger.run("update", redact).await;
    expect_hidden(&ledger, &auditor);
    assert_eq!(ledger.get(&id)["config"][SETTING], "new");
    let back = TestCommand::new("revert", &json!({"connection": id, "to_version": 2}));
    assert_eq!(ledger.refusal(back).await, Code::SecretExposed);
    expect_hidden(&ledger, &auditor);
    let event = ledger.ask("history", &json!({"connection": id}))["events"][0].clone();
    assert_eq!(event["data"]["redact"], json!([SETTING]), "{event}");
}

/// An operator's description of a provider whose setting is a secret.
const DESCRIPTION: &str = r#"{
    "id": "acme", "display_name": "Acme", "auth_methods": ["api_key"],
    "fields": [{"name": "note", "title": "Note", "secret": true}]
}"#;

/// What was accepted before its provider was described is hidden by any change that takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_revert_takes_away_is_hidden() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("acme.json"), DESCRIPTION).expect("written");
    let catalogue = Arc::new(Catalogue::with_folder(folder.path()).expect("a description"));
    let ledger = Ledger::new().await;
    ledger.run("create", json!({"slug": "main", "provider": "acme"})).await;
    ledger.run("update", json!({"connection": "main", "config": {SETTING: CANARY}})).await;
    let place = ledger.close();
    let options = || EngineOptions { catalogue: Arc::clone(&catalogue), ..place.options() };
    let engine = open(options).expect("it opens");
    let back = TestCommand::new("revert", &json!({"connection": "main", "to_version": 1}));
    send(&engine, back).await.expect("accepted");
    engine.shutdown();
    drop(engine);
    let ledger = place.open();
    let auditor = auditor(&ledger).await;
    assert!(!history(&ledger, &auditor).contains(CANARY), "history");
    assert!(!config_at(&ledger, &auditor, 2).contains(CANARY));
    assert!(!notifications(&ledger).contains(CANARY), "notifications");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_moved_to_the_secrets_is_hidden_within_its_object() {
    let ledger = Ledger::new().await;
    let auditor = auditor(&ledger).await;
    let headers = |value: Value| json!({"x_headers": value});
    let body = json!({
        "slug": "main", "provider": "openai",
        "config": headers(json!({"X-Id": CANARY, "X-Team": "team-a"})),
    });
    ledger.run("create", body).await;
    let moved = json!({
        "connection": "main", "config": headers(json!({"X-Team": "team-a"})),
        "secrets": {"x_headers.X-Id": CANARY},
    });
    ledger.run("update", moved).await;
    let shown = history(&ledger, &auditor);
    assert!(!shown.contains(CANARY) && shown.contains("team-a"), "{shown}");
    assert!(!notifications(&ledger).contains(CANARY));
}
