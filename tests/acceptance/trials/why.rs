//! Why a connection is in its state: told by the real program, from what is in its history.

use serde_json::{Value, json};

use super::provider::{Provider, WORKS};
use super::{HERE, test};
use crate::canary::{expect_silence_in, secret, sings};
use crate::output::{said, told};
use crate::service::Service;

const FIRST: &str = "sk-the-first-that-works";
const SECOND: &str = "sk-the-second-that-works";

/// Creates a connection to the provider, with a value that it accepts.
async fn create(service: &Service, provider: &Provider) {
    let address = format!("base_url=http://127.0.0.1:{}/keyed", provider.port);
    let key = format!("api_key={FIRST}");
    let args = ["create", "--slug", "main", "--provider", "openai", "--config", &address];
    told(&service.run(&[&args[..], &["--secret", &key]].concat()).await);
}

async fn rotate(service: &Service, value: &str) {
    let key = format!("api_key={value}");
    told(&service.run(&["rotate-secret", "main", "--secret", &key]).await);
}

/// Asks over NATS, as the command line does.
async fn why(service: &Service) -> Value {
    let answer = service.run(&["why", "main", "--json"]).await;
    assert!(!sings(&answer.stdout) && !said(&answer).contains(WORKS), "a secret is shown");
    serde_json::from_str(&told(&answer)).expect("JSON")
}

/// Asks over HTTP with a key.
async fn why_over_http(service: &Service, key: &str) -> Value {
    let path = "/api/v1/workspaces/default/connections/main/why";
    let url = format!("{}{path}", service.http_url());
    let answer = crate::http::door::client().get(url).bearer_auth(key).send().await;
    let answer = answer.expect("the ledger answers");
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

/// Returns the key of a new user with a role.
async fn key_of(service: &Service, role: &str) -> String {
    let name = format!("a-{role}");
    told(&service.run(&["principal", "create", &name, "--kind", "user", "--role", role]).await);
    told(&service.run(&["key", "issue", "--for", &name]).await).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rotation_before_a_failure_is_named_and_a_revert_to_the_version_before_helps() {
    let provider = Provider::start(0).await;
    let mut service = Service::start(&HERE).await;
    create(&service, &provider).await;
    let view = why(&service).await;
    assert_eq!(view["health"]["state"], "unknown");
    assert_eq!(view["cause"]["type"], "connection_created");
    assert_eq!(view["what_to_do"], json!({"code": "test"}));
    assert_eq!(test(&service, "main").await["outcome"], "works");
    rotate(&service, &secret(2)).await;
    let link = ["link-dependent", "main", "gateway", "gateway-eu"];
    told(&service.run(&link).await);
    assert_eq!(test(&service, "main").await["outcome"], "credentials_refused");
    assert_eq!(test(&service, "main").await["outcome"], "credentials_refused");

    let view = why(&service).await;
    let by = &view["change_before"];
    assert_eq!((&by["type"], &by["version"]), (&json!("secret_rotated"), &json!(3)), "{view}");
    assert_eq!(by["secrets"], json!({"api_key": 2}));
    assert!(by["actor"].as_str().is_some_and(|actor| actor.contains(':')), "{view}");
    assert!(by["command_id"].is_string(), "{view}");
    let cause = &view["cause"];
    assert_eq!((&cause["version"], &cause["status"]), (&json!(6), &json!(401)), "{view}");
    assert_eq!(cause["outcome"], "credentials_refused");
    assert_eq!(cause["event_id"], view["health"]["by"]);
    assert_eq!(view["first_failure"]["version"], 5);
    assert_eq!(view["last_worked"]["version"], 2);
    assert_eq!(view["reports"]["count"], 2);
    assert_eq!(view["tests"], json!({"count": 2, "last_outcome": "credentials_refused"}));
    assert_eq!(view["dependents"], json!([{"kind": "gateway", "id": "gateway-eu"}]));
    assert_eq!(view["what_to_do"], json!({"code": "revert", "to_version": 2}));

    let text = told(&service.run(&["why", "main"]).await);
    assert!(text.starts_with("main (default) is failed since "), "{text}");
    for part in ["api_key generation 2", "gateway-eu", "revert main --to-version 2"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    told(&service.run(&["revert", "main", "--to-version", "2"]).await);
    assert_eq!(why(&service).await["what_to_do"], json!({"code": "test"}));
    assert_eq!(test(&service, "main").await["outcome"], "works");
    let view = why(&service).await;
    assert_eq!(view["health"]["state"], "operational");
    assert_eq!(view["what_to_do"], json!({"code": "nothing"}));
    assert_eq!(view["cause"], view["last_worked"]);
    assert_eq!((&view["first_failure"], &view["reports"]), (&Value::Null, &json!({"count": 0})));
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_and_while_sealed_it_is_the_same_and_who_it_was_is_for_auditors() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider).await;
    test(&service, "main").await;
    rotate(&service, &secret(2)).await;
    test(&service, "main").await;
    let (auditor, viewer) = (key_of(&service, "auditor").await, key_of(&service, "viewer").await);
    told(&service.run(&["keys", "seal"]).await);
    let view = why(&service).await;
    assert_eq!(why_over_http(&service, &auditor).await, view);

    let seen = why_over_http(&service, &viewer).await;
    assert_eq!(seen["what_to_do"], view["what_to_do"]);
    for name in ["cause", "first_failure", "last_worked", "change_before"] {
        assert_eq!(seen[name]["event_id"], view[name]["event_id"], "{seen}");
        assert_eq!(seen[name]["actor"], "undisclosed", "{seen}");
        assert_eq!(seen[name]["command_id"], Value::Null, "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_is_none_is_not_proposed() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider).await;
    test(&service, "main").await;
    let key = format!("api_key={}", secret(2));
    let rotated = ["rotate-secret", "main", "--secret", &key, "--compromised"];
    told(&service.run(&rotated).await);
    test(&service, "main").await;
    assert_eq!(why(&service).await["what_to_do"], json!({"code": "rotate_secret"}));
    rotate(&service, SECOND).await;
    assert_eq!(test(&service, "main").await["outcome"], "works");
    told(&service.run(&["disable", "main"]).await);
    assert_eq!(why(&service).await["what_to_do"], json!({"code": "enable"}));
    let id = why(&service).await["connection"].as_str().expect("an id").to_owned();
    told(&service.run(&["archive", "main"]).await);
    let hinted = service.run(&["why", "main"]).await;
    assert!(said(&hinted).contains(&id), "{}", said(&hinted));
    let text = told(&service.run(&["why", &id]).await);
    assert!(text.contains("; archived") && text.contains("connledger restore main"), "{text}");
    told(&service.run(&["erase", &id, "--reason", "over"]).await);
    let view: Value =
        serde_json::from_str(&told(&service.run(&["why", &id, "--json"]).await)).expect("JSON");
    assert_eq!(view["cause"]["type"], "connection_erased");
    assert_eq!((&view["last_worked"], &view["reports"]), (&Value::Null, &json!({"count": 0})));
    assert_eq!(view["what_to_do"], json!({"code": "nothing"}));
}
