//! Every command, when there is nothing against it.

use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::verbs::verbs;

/// A verb, its body without `connection`, and what must be where afterwards.
pub(super) type Case = (&'static str, Value, &'static str, Value);

/// What changes fields and secrets.
fn edits() -> Vec<Case> {
    vec![
        ("update", json!({"display_name": "Main"}), "/display_name", json!("Main")),
        (
            "update",
            json!({"config": {"a.b": [1, {"c": null}]}}),
            "/config/a.b",
            json!([1, {"c": null}]),
        ),
        ("update", json!({"display_name": null}), "/display_name", Value::Null),
        ("update", json!({"tags": ["a", "b"], "kind": "stream"}), "/tags", json!(["a", "b"])),
        (
            "rotate-secret",
            json!({"secrets": {"api_key": "sk-second-value"}}),
            "/secrets/api_key/masked",
            json!("********"),
        ),
        (
            "rotate-secret",
            json!({"secrets": {"api_key": "sk-third-value"}, "keep_former_until": "1h"}),
            "/secrets/api_key/former/generation",
            json!(2),
        ),
        (
            "retire-former",
            json!({"at": "2h"}),
            "/secrets/api_key/former/waits_for",
            json!("deadline"),
        ),
        ("cancel-rotation", json!({}), "/secrets/api_key/generation", json!(4)),
        (
            "rotate-secret",
            json!({"secrets": {"api_key": "sk-fourth-value"}, "compromised": true}),
            "/secrets/api_key/compromised",
            json!(4),
        ),
    ]
}

/// In the order of a life, each command finding what the ones before it left.
pub(super) fn life() -> Vec<Case> {
    let limits = json!({"rate": {"type": "requests", "unit": "rpm", "value": 60}});
    let wider = json!({"usage": {"type": "cost", "credit_limit": 9, "reset": "30d"}});
    let more = [
        ("disable", json!({"reason": "pause"}), "/enabled", json!(false)),
        ("enable", json!({}), "/enabled", json!(true)),
        ("mark-degraded", json!({"reason": "slow"}), "/health/state", json!("degraded")),
        ("mark-failed", json!({"reason": "down"}), "/health/reason", json!("down")),
        ("mark-operational", json!({}), "/health/state", json!("operational")),
        (
            "grant-workspace",
            json!({"grant_to": ABROAD, "limits": limits}),
            "/access/workspaces/other/limits/rate/value",
            json!(60),
        ),
        (
            "set-limits",
            json!({"grant_to": ABROAD, "limits": wider}),
            "/access/workspaces/other/limits/usage/reset",
            json!("30d"),
        ),
        ("grant-workspace", json!({"grant_to": "*"}), "/access/everyone/rate", Value::Null),
        (
            "revoke-workspace",
            json!({"grant_to": ABROAD}),
            "/access/workspaces/other/allowed",
            json!(false),
        ),
        (
            "set-model-policy",
            json!({"policy": {"allow_all": false, "models": {"gpt-5": {"enabled": true}}}}),
            "/models/models/gpt-5/enabled",
            json!(true),
        ),
        (
            "set-pricing",
            json!({"pricing": {"image_default": 1.5}}),
            "/pricing/image_default",
            json!(1.5),
        ),
        ("set-pricing", json!({"pricing": null}), "/pricing", Value::Null),
        (
            "link-dependent",
            json!({"kind": "tool", "id": "t1", "name": "Tool"}),
            "/dependents/0/id",
            json!("t1"),
        ),
        ("unlink-dependent", json!({"kind": "tool", "id": "t1"}), "/dependents", json!([])),
        ("revert", json!({"to_version": 2}), "/display_name", json!("Main")),
        ("test-connection", json!({}), "/health/reason", json!("the provider answered 200")),
        (
            "update",
            json!({
                "auth_method": "private_key_jwt", "secrets": {"secret_key": "a-shared-key"},
                "config": {"issuer": "me", "audience": "you", "subject": "them"},
            }),
            "/auth_method",
            json!("private_key_jwt"),
        ),
        ("refresh-token", json!({}), "/secrets/access_token/generation", json!(1)),
        ("archive", json!({"reason": "old"}), "/lifecycle", json!("archived")),
        ("restore", json!({}), "/lifecycle", json!("active")),
        ("erase", json!({"reason": "contract ended"}), "/lifecycle", json!("erased")),
    ];
    edits().into_iter().chain(more).collect()
}

/// What makes something new, or is recorded beside a connection.
const WITHOUT_CASE: [&str; 20] = [
    "create",
    "connect",
    "report-failure",
    "list-models",
    "revoke-handover",
    "renew-lease",
    "return-lease",
    "revoke-leases",
    "revoke-workspace-leases",
    "confirm-secret",
    "remove-consumer",
    "create-workspace",
    "set-secret-policy",
    "remove-secret-policy",
    "create-alert",
    "update-alert",
    "rotate-alert-secret",
    "test-alert",
    "replay-alert",
    "remove-alert",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_it_says_and_is_read_at_once() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let mut version = 1;
    for (verb, mut body, place, wanted) in life() {
        body["connection"] = json!(id);
        let done = ledger.run(verb, body.clone()).await;
        version += 1;
        let view = ledger.get(&id);
        assert_eq!(view.pointer(place), Some(&wanted), "{verb} {body}: {view}");
        assert_eq!(done.receipt.version, version, "{verb}");
        assert_eq!(view["version"], json!(version), "{verb}: a read did not see the write");
        assert_eq!(view["position"], json!(done.receipt.position));
        assert_eq!(view["updated_at"], json!(done.receipt.recorded_at));
        assert_eq!(done.receipt.position, ledger.engine.head().get());
        assert!(!done.repeated);
    }
    let done: Vec<_> = life().into_iter().map(|(verb, ..)| verb).collect();
    let left = verbs().filter(|verb| !done.contains(verb));
    assert_eq!(left.collect::<Vec<_>>(), WITHOUT_CASE, "verbs without a case");
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_with_everything_it_was_given() {
    let ledger = Ledger::new().await;
    let body = json!({
        "slug": "Full-1", "display_name": "Full", "description": "line 1\nline 2",
        "provider": "openai", "provider_version": "2.1", "kind": "databasesql",
        "environment": "test", "auth_method": "basic",
        "config": {"base_url": "https://api.openai.com/v1", "retries": 3, "nested": {"b": 1, "a": 2}},
        "secrets": {"password": "pw-0123456789"},
        "secret_references": [{"target": "token", "reference": "vault/a", "key": "k", "format": "json"}],
        "labels": {"team": "a"}, "tags": ["x"], "annotations": {"portkey.id": {"n": 1}},
        "identity": {"type": "team", "value": "t-9"}, "enabled": false,
        "access": {"everyone": {}, "workspaces": {"other": {}}},
        "models": {"allow_all": true, "models": {"m": {"enabled": false, "settings": {"z": 1}}}},
        "pricing": {"multipliers": {}, "additional_units": {"page": 2.0}},
    });
    let made = ledger.run("create", body.clone()).await;
    assert_eq!(made.receipt.version, 1);
    let view = ledger.get("full-1");
    for field in [
        "slug",
        "display_name",
        "description",
        "provider",
        "provider_version",
        "kind",
        "environment",
        "auth_method",
        "config",
        "labels",
        "tags",
        "annotations",
        "identity",
        "enabled",
        "secret_references",
    ] {
        assert_eq!(view[field], body[field], "{field}");
    }
    assert_eq!(view["secrets"]["password"]["masked"], json!("********"));
    assert_eq!(view["pricing"]["additional_units"]["page"], json!(2.0));
    assert_eq!(view["workspace"], json!(HOME));
    assert_eq!(view["created_by"], json!("user:admin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_slug_gets_one_and_is_found_by_it() {
    let ledger = Ledger::new().await;
    let made = ledger.run("create", json!({"provider": "Open AI!"})).await;
    let view = ledger.get(&made.receipt.connection.expect("made"));
    let slug = view["slug"].as_str().expect("a slug");
    assert!(slug.starts_with("open-ai"), "{slug}");
    assert_eq!(ledger.get(slug), view);
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_made_and_told() {
    let ledger = Ledger::new().await;
    let body = json!({"display_name": "Third"});
    ledger.send(TestCommand::new("create-workspace", &body).at("third")).await.expect("accepted");
    let page = ledger.ask("workspaces", &json!({}));
    let names: Vec<_> =
        page["workspaces"].as_array().expect("a list").iter().map(|w| &w["name"]).collect();
    assert_eq!(names, ["default", "other", "third"]);
    assert_eq!(page["workspaces"][2]["display_name"], "Third");
    ledger
        .send(TestCommand::new("create", &json!({"provider": "x"})).at("third"))
        .await
        .expect("usable");
}
