//! Where a secret is sent is decided by those who may see it.

use ledger_contract::errors::{Code, Problem};
use ledger_engine::Caller;
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, TestCommand, ask_as};

const SECRET: &str = "sk-first-value-1";

/// Somebody who may change connections and their secrets, but not see these.
async fn editor(ledger: &Ledger) -> Caller {
    ledger.enter("editor", json!([{"role": "editor", "workspaces": [HOME]}])).await
}

async fn make(ledger: &Ledger) {
    let body = json!({
        "slug": "main", "provider": "openai", "secrets": {"api_key": SECRET},
        "config": {"base_url": "https://api.example/v1", "organization": "org-1"},
    });
    ledger.run("create", body).await;
}

async fn send(ledger: &Ledger, caller: &Caller, verb: &str, body: &Value) -> Result<(), Problem> {
    ledger.send_as(caller, TestCommand::new(verb, body)).await.map(drop)
}

#[track_caller]
fn expect_refusal(answer: Result<(), Problem>, field: &str) {
    let refused = answer.expect_err("it would send the secret elsewhere");
    assert_eq!(refused.code, Code::DestinationForbidden, "{refused}");
    assert_eq!(refused.field.as_deref(), Some(field), "{refused}");
    for part in [field, "`reveal`", "detach_secrets"] {
        assert!(refused.message.contains(part), "{part}: {refused}");
    }
}

fn types(ledger: &Ledger, query: &Value) -> Vec<String> {
    let page = ledger.ask("history", query);
    let events = page["events"].as_array().expect("events").iter();
    events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_write_sends_no_secret_elsewhere() {
    let ledger = Ledger::new().await;
    make(&ledger).await;
    let editor = editor(&ledger).await;
    let reference = json!([{"target": "token", "reference": "vault/other"}]);
    for (field, change) in [
        ("config.base_url", json!({"config": {"base_url": "https://evil.example"}})),
        ("config.base_url", json!({"config": {"base_url": null}})),
        ("config.http_proxy", json!({"config": {"http_proxy": "evil"}})),
        ("config.target", json!({"config": {"target": "https://evil.example"}})),
        ("config.options", json!({"config": {"options": {"Host": "evil"}}})),
        ("provider", json!({"provider": "evil"})),
        ("auth_method", json!({"auth_method": "basic"})),
        ("secret_references", json!({"secret_references": reference})),
        (
            "config.base_url",
            json!({"config": {"base_url": "https://evil.example"}, "secrets": {"new": "x"}}),
        ),
    ] {
        let mut body = change;
        body["connection"] = json!("main");
        let head = ledger.engine.head();
        expect_refusal(send(&ledger, &editor, "update", &body).await, field);
        assert_eq!(ledger.engine.head(), head, "nothing is recorded");
    }
    for change in [
        json!({"connection": "main", "config": {"organization": "org-2", "timeout": 30}}),
        json!({"connection": "main", "description": "https://elsewhere.example"}),
        json!({"connection": "main", "provider": "OpenAI"}),
        json!({
            "connection": "main", "config": {"base_url": "https://mine.example"},
            "secrets": {"api_key": "sk-of-the-editor-1"},
        }),
    ] {
        send(&ledger, &editor, "update", &change).await.expect("no secret goes elsewhere");
    }
    assert!(types(&ledger, &json!({"type": ["destination_changed"]})).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_destination_can_detach_the_secrets_and_is_found_in_the_history() {
    let ledger = Ledger::new().await;
    make(&ledger).await;
    let editor = editor(&ledger).await;
    let moved = json!({
        "connection": "main", "config": {"base_url": "https://new.example"},
        "secrets": {"token": "t-of-the-editor-1"}, "detach_secrets": true,
    });
    send(&ledger, &editor, "update", &moved).await.expect("it takes the secret away");
    let shown = ledger.get("main");
    assert_eq!(shown["config"]["base_url"], "https://new.example");
    let left: Vec<_> = shown["secrets"].as_object().expect("secrets").keys().collect();
    assert_eq!(left, ["token"]);
    let page = ledger.ask("history", &json!({"type": ["destination_changed"]}));
    let event = &page["events"][0];
    assert_eq!(event["data"]["destination"], json!(["config.base_url"]), "{event}");
    assert_eq!(event["data"]["secrets"]["api_key"], Value::Null, "{event}");
    // Without a change of destination the flag takes nothing away.
    let plain = json!({"connection": "main", "description": "x", "detach_secrets": true});
    send(&ledger, &editor, "update", &plain).await.expect("nothing goes elsewhere");
    assert!(ledger.get("main")["secrets"]["token"].is_object());
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_reveal_a_secret_may_send_it_elsewhere_and_is_found_in_the_history() {
    let ledger = Ledger::new().await;
    make(&ledger).await;
    let moved = json!({"connection": "main", "config": {"base_url": "https://new.example"}});
    ledger.run("update", moved).await;
    assert!(ledger.get("main")["secrets"]["api_key"].is_object());
    assert_eq!(types(&ledger, &json!({"connection": "main"}))[0], "destination_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_follows_the_same_rule() {
    let ledger = Ledger::new().await;
    make(&ledger).await;
    let editor = editor(&ledger).await;
    let moved = json!({"connection": "main", "config": {"base_url": "https://new.example"}});
    ledger.run("update", moved).await;
    let back = json!({"connection": "main", "to_version": 1});
    expect_refusal(send(&ledger, &editor, "revert", &back).await, "config.base_url");
    let detached = json!({"connection": "main", "to_version": 1, "detach_secrets": true});
    send(&ledger, &editor, "revert", &detached).await.expect("without the secret");
    let shown = ledger.get("main");
    assert_eq!(shown["config"]["base_url"], "https://api.example/v1");
    assert_eq!(shown["secrets"], json!({}));
    ledger.run("revert", json!({"connection": "main", "to_version": 2})).await;
    let id = shown["id"].as_str().expect("an id");
    assert_eq!(ledger.reveal(id, "api_key").await, SECRET);
    let found = types(&ledger, &json!({"type": ["destination_reverted"]}));
    assert_eq!(found.len(), 2);
    // To a version with the same destination, a revert takes what it always took.
    let same = json!({"connection": "main", "description": "x"});
    ledger.run("update", same).await;
    let back = json!({"connection": "main", "to_version": 4});
    send(&ledger, &editor, "revert", &back).await.expect("nothing goes elsewhere");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_secrets_goes_where_its_editor_wants() {
    let ledger = Ledger::new().await;
    let editor = editor(&ledger).await;
    let body = json!({"slug": "bare", "provider": "openai"});
    send(&ledger, &editor, "create", &body).await.expect("theirs");
    let moved = json!({"connection": "bare", "provider": "mistral", "config": {"base_url": "x"}});
    send(&ledger, &editor, "update", &moved).await.expect("there is nothing to send");
    let references = json!({
        "connection": "bare", "secret_references": [{"target": "api_key", "reference": "vault"}],
    });
    send(&ledger, &editor, "update", &references).await.expect("a reference of their own");
    // A reference is as good as the secret that it stands for.
    let moved = json!({"connection": "bare", "config": {"base_url": "y"}});
    expect_refusal(send(&ledger, &editor, "update", &moved).await, "config.base_url");
    // It leads to the same secret, whatever else it says.
    let mut reworded = moved.clone();
    reworded["secret_references"] = json!([{"target": "token", "reference": "vault", "key": "k"}]);
    expect_refusal(send(&ledger, &editor, "update", &reworded).await, "secret_references");
    let mut detached = moved;
    detached["detach_secrets"] = json!(true);
    send(&ledger, &editor, "update", &detached).await.expect("without the reference");
    assert_eq!(ledger.get("bare")["secret_references"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_check_shows_what_a_change_of_destination_takes() {
    let ledger = Ledger::new().await;
    make(&ledger).await;
    let editor = editor(&ledger).await;
    for verb in ["update", "revert"] {
        let question = json!({"as": "editor", "may": verb, "on": "main"});
        let answer = ask_as(&ledger.engine, &editor, HOME, "access-check", &question);
        let answer = answer.expect("about themselves");
        assert_eq!(answer["allowed"], true, "{verb}: {answer}");
        let conditions = answer["conditions"].as_array().expect("conditions");
        let redirects = conditions.iter().find(|condition| {
            let when = condition["when"].as_str().expect("a clause");
            when.contains("where, or as whom, secrets are sent")
        });
        let redirects = redirects.unwrap_or_else(|| panic!("{verb}: {answer}"));
        assert_eq!(redirects["scope"], "reveal", "{verb}: {answer}");
        assert_eq!(redirects["allowed"], false, "{verb}: {answer}");
    }
}
