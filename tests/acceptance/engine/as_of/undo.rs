//! Bringing a workspace back by a plan.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::past::{Past, without_version};
use crate::ledger::{HOME, Ledger, TestCommand};

/// The fields that tell of the present.
const OF_THE_PRESENT: [&str; 6] =
    ["archived_at", "dependents", "health", "lifecycle", "secrets", "provider_token"];

/// Returns all steps of a plan.
fn plan(ledger: &Ledger, as_of: u64) -> Vec<Value> {
    let mut question = json!({"as_of": as_of.to_string(), "page_size": 5});
    let mut steps = Vec::new();
    loop {
        let page = ledger.ask("undo-plan", &question);
        steps.extend(page["steps"].as_array().expect("steps").iter().cloned());
        if page["next_cursor"].is_null() {
            return steps;
        }
        question["cursor"] = page["next_cursor"].clone();
    }
}

/// Sends the commands of a step. Returns the code of the first refusal.
async fn carry_out(ledger: &Ledger, step: &Value) -> Option<String> {
    let mut version = step["version"].as_u64().expect("a version");
    for command in step["commands"].as_array().into_iter().flatten() {
        let mut body = json!({"connection": step["connection"]});
        if !command["to_version"].is_null() {
            body["to_version"] = command["to_version"].clone();
        }
        let verb = command["verb"].as_str().expect("a verb");
        let sent = ledger.send(TestCommand::new(verb, &body).version(version)).await;
        match sent {
            Ok(executed) => version = executed.receipt.version,
            Err(problem) => return Some(problem.code.as_str().to_owned()),
        }
    }
    None
}

/// Returns what of a state an undo brings back.
fn settings(state: &Value) -> Value {
    let mut state = without_version(state);
    let fields = state.as_object_mut().expect("a state");
    fields.retain(|name, _| !OF_THE_PRESENT.contains(&name.as_str()));
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_brings_a_workspace_back_to_what_it_was() {
    let mut past = Past::begin(25).await;
    past.live(200).await;
    let then = past.head();
    let mut values = BTreeMap::new();
    for id in past.ids.clone() {
        let state = past.ledger.get(&id);
        if state["lifecycle"] == "active" && state["enabled"] == true {
            values.insert(id.clone(), past.ledger.reveal(&id, "api_key").await);
        }
    }
    past.live(400).await;
    let (head, steps) = (past.head(), plan(&past.ledger, then));
    assert_eq!(past.head(), head, "a plan changes nothing");
    assert!(steps.len() > 10, "{}", steps.len());
    let mut refused = BTreeMap::new();
    for step in &steps {
        let id = step["connection"].as_str().expect("an id").to_owned();
        if step["commands"].is_null() {
            assert!(step["code"].is_string() && step["stays"][0].is_string(), "{step}");
            refused.insert(id, step["code"].to_string());
        } else if let Some(code) = carry_out(&past.ledger, step).await {
            // Another connection may have taken the slug meanwhile; it is brought back later.
            assert_eq!(code, "slug_taken", "{step}");
            refused.insert(id, code);
        }
    }
    for id in past.ids.clone() {
        let now = past.ledger.get(&id);
        match past.was(&id, then) {
            _ if refused.contains_key(&id) => {}
            None => assert_eq!(now["lifecycle"], "archived", "{id} was not there"),
            Some(was) if was["lifecycle"] == "archived" => {
                assert_eq!(now["lifecycle"], "archived", "{id} was archived");
            }
            Some(was) => {
                assert_eq!(now["lifecycle"], "active", "{id} was active");
                assert_eq!(settings(&now), settings(was), "{id}");
                if let Some(value) = values.get(&id) {
                    assert_eq!(past.ledger.reveal(&id, "api_key").await, *value, "{id}");
                }
            }
        }
    }
    // What could be brought back needs nothing more.
    for step in plan(&past.ledger, then) {
        let id = step["connection"].as_str().expect("an id");
        assert!(refused.contains_key(id), "{step}");
    }
    past.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_connection_was_changed_since_the_plan_is_refused() {
    let ledger = Ledger::new().await;
    let id = ledger.create("one").await;
    let then = ledger.engine.head().get();
    ledger.run("disable", json!({"connection": id, "reason": "pause"})).await;
    let steps = plan(&ledger, then);
    assert_eq!(steps.len(), 1);
    let step = &steps[0];
    assert_eq!(step["commands"], json!([{"verb": "revert", "to_version": 1}]), "{step}");
    assert_eq!(step["fields"], json!(["enabled"]));
    assert_eq!(step["affects"], json!({"workspaces": 0, "dependents": 0, "consumers": 0}));
    ledger.run("update", json!({"connection": id, "display_name": "Newer"})).await;
    assert_eq!(carry_out(&ledger, step).await.as_deref(), Some("version_conflict"));
    let again = plan(&ledger, then);
    assert_eq!(again[0]["fields"], json!(["display_name", "enabled"]));
    assert_eq!(carry_out(&ledger, &again[0]).await, None);
    assert_eq!(plan(&ledger, then), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_brought_back_is_told_with_its_code() {
    let ledger = Ledger::new().await;
    let [erased, leaked, made] = ["erased", "leaked", "made"];
    let (erased, leaked) = (ledger.create(erased).await, ledger.create(leaked).await);
    let then = ledger.engine.head().get();
    let made = ledger.create(made).await;
    ledger.run("archive", json!({"connection": erased})).await;
    ledger.run("erase", json!({"connection": erased, "reason": "contract ended"})).await;
    let rotate =
        json!({"connection": leaked, "secrets": {"api_key": "sk-new-1"}, "compromised": true});
    ledger.run("rotate-secret", rotate).await;
    let steps = plan(&ledger, then);
    let of = |id: &str| steps.iter().find(|step| step["connection"] == id).expect("a step");
    assert_eq!(of(&erased)["code"], "connection_erased");
    assert_eq!(of(&leaked)["code"], "generation_compromised");
    assert!(of(&erased)["commands"].is_null() && of(&leaked)["commands"].is_null());
    assert_eq!(of(&made)["commands"], json!([{"verb": "archive"}]));
    let dependent = json!({"connection": made, "kind": "tool", "id": "t-1"});
    ledger.run("link-dependent", dependent).await;
    let steps = plan(&ledger, then);
    let blocked = steps.iter().find(|step| step["connection"] == made).expect("a step");
    assert_eq!(blocked["code"], "connection_in_use", "{blocked}");
    assert_eq!(blocked["affects"]["dependents"], 1);
    assert!(ledger.ask_at(HOME, "undo-plan", &json!({"as_of": "v1"})).is_err());
}
