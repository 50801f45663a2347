//! What is a secret stands nowhere in the clear, and a mask is none.

use ledger_contract::errors::Code;
use serde_json::{Value, json};

use crate::canary::{CANARY, expect_silence_in};
use crate::ledger::{Ledger, TestCommand};

/// Settings with a secret in them, and the place that the refusal names.
fn exposed() -> Vec<(Value, &'static str)> {
    let url = |rest: &str| json!({"url": rest.replace("SECRET", CANARY)});
    vec![
        (json!({"api_key": CANARY}), "config.api_key"),
        (json!({"apiKey": CANARY}), "config.apiKey"),
        (json!({"authorization": CANARY}), "config.authorization"),
        (json!({"database_url": CANARY}), "config.database_url"),
        (json!({"custom_headers": {"Cookie": CANARY}}), "config.custom_headers.Cookie"),
        (json!({"extra": {"deep": [{"pat": CANARY}]}}), "config.extra.deep.pat"),
        (json!({"note": format!("Bearer {CANARY}")}), "config.note"),
        (url("https://user:SECRET@api.example"), "config.url"),
        (url("https://api.example?token=SECRET"), "config.url"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_holds_a_secret_is_refused_with_its_place_and_nothing_is_stored() {
    let ledger = Ledger::new().await;
    ledger.run("create", json!({"slug": "main", "provider": "openai"})).await;
    for (config, place) in exposed() {
        for (verb, body) in [
            ("create", json!({"provider": "openai", "config": config})),
            ("update", json!({"connection": "main", "config": config})),
        ] {
            let head = ledger.engine.head();
            let refused = ledger.send(TestCommand::new(verb, &body)).await.expect_err("a secret");
            assert_eq!(refused.code, Code::SecretExposed, "{verb} {place}: {refused}");
            assert_eq!(refused.field.as_deref(), Some(place), "{refused}");
            assert!(refused.message.contains("under `secrets`"), "{refused}");
            assert!(!refused.to_string().contains(CANARY), "{place}");
            assert_eq!(ledger.engine.head(), head, "nothing is recorded");
        }
    }
    let done_right = json!({
        "connection": "main", "secrets": {"custom_headers.Cookie": CANARY},
        "config": {"custom_headers": {"X-Team": "a"}, "url": "https://api.example/v1"},
    });
    ledger.run("update", done_right).await;
    let place = ledger.close();
    expect_silence_in(&place.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_label_an_annotation_or_a_rule_of_a_model_is_refused_by_its_form() {
    let ledger = Ledger::new().await;
    ledger.run("create", json!({"slug": "main", "provider": "openai"})).await;
    let (token, url) = (format!("sk-{CANARY}"), format!("https://user:{CANARY}@api.example"));
    let rule = json!({"enabled": true, "settings": {"key": token}});
    let policy =
        json!({"connection": "main", "policy": {"allow_all": true, "models": {"gpt-5": rule}}});
    for (verb, body, place) in [
        ("update", json!({"connection": "main", "labels": {"a": token}}), "labels.a"),
        ("create", json!({"provider": "x", "labels": {"a": url}}), "labels.a"),
        (
            "update",
            json!({"connection": "main", "annotations": {"a": {"b": [url]}}}),
            "annotations.a.b",
        ),
        ("create", json!({"provider": "x", "annotations": {"a": token}}), "annotations.a"),
        ("set-model-policy", policy, "policy.models.gpt-5.settings.key"),
    ] {
        let refused = ledger.send(TestCommand::new(verb, &body)).await.expect_err("a secret");
        assert_eq!(refused.code, Code::SecretExposed, "{verb} {place}: {refused}");
        assert_eq!(refused.field.as_deref(), Some(place), "{refused}");
        assert!(!refused.to_string().contains(CANARY), "{place}");
    }
    let harmless = json!({
        "connection": "main", "labels": {"token": "in the vault"},
        "annotations": {"password": "hunter2", "docs": "https://wiki.example/keys"},
    });
    ledger.run("update", harmless).await;
    let place = ledger.close();
    expect_silence_in(&place.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_is_never_stored_as_a_secret_and_lines_have_no_loose_ends() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let first = ledger.get(&id)["secrets"]["api_key"]["masked"].clone();
    let rotated = json!({"connection": id, "secrets": {"api_key": "sk-second-value-0123456"}});
    ledger.run("rotate-secret", rotated).await;
    let first = first.as_str().expect("a mask");
    for value in
        [first, "********", "***", "sk-***", "ab*******yz", "sk-1\n", " sk-1", "sk-1\u{feff}"]
    {
        let secrets = json!({"api_key": value});
        for (verb, body) in [
            ("create", json!({"provider": "openai", "secrets": secrets})),
            ("update", json!({"connection": id, "secrets": secrets})),
            ("rotate-secret", json!({"connection": id, "secrets": secrets})),
        ] {
            let refused = ledger.send(TestCommand::new(verb, &body)).await.expect_err(value);
            assert_eq!(refused.code, Code::FieldInvalid, "{verb} {value}: {refused}");
            assert_eq!(refused.field.as_deref(), Some("secrets.api_key"), "{refused}");
        }
    }
    assert_eq!(ledger.get(&id)["version"], 2, "nothing of it happened");
    for whole in ["-----BEGIN KEY-----\nMIIE\n-----END KEY-----\n", "{\"a\": 1}\n", "two words"] {
        let body = json!({"connection": id, "secrets": {"pem": whole}});
        ledger.run("update", body).await;
        assert_eq!(ledger.reveal(&id, "pem").await, whole, "byte for byte");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_has_no_white_space_at_its_ends() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    for provider in ["openai ", " openai", "openai\u{a0}"] {
        for (verb, body) in [
            ("create", json!({"provider": provider})),
            ("update", json!({"connection": "main", "provider": provider})),
        ] {
            let code = ledger.refusal(TestCommand::new(verb, &body)).await;
            assert_eq!(code, Code::FieldInvalid, "{verb} {provider:?}");
        }
    }
}
