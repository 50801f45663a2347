//! Connections are tested by the real program, against a provider over real sockets.

mod aws_peer;
mod checked;
mod databases;
mod models;
mod provider;
mod proxied;
mod reports;
mod scheduled;
mod signed;
mod token_peer;
mod uptime;
mod why;

use serde_json::{Value, json};

use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret, sings};
use crate::output::{said, told};
use crate::service::Service;
use crate::wait::eventually;
use provider::Provider;

/// Lets tests go to this machine, where they are made.
const HERE: [&str; 2] = ["--allow-check-network", "127.0.0.0/8"];

/// Creates a connection to the provider, called like the way in which that is to behave.
async fn create(service: &Service, provider: &Provider, wish: &str, more: &[&str]) {
    let address = format!("base_url=http://127.0.0.1:{}/{wish}", provider.port);
    let key = format!("api_key={}", secret(1));
    let mut args = vec!["create", "--slug", wish, "--provider", "openai", "--config", &address];
    args.extend(["--secret", &key]);
    args.extend(more);
    told(&service.run(&args).await);
}

/// Tests a connection with the command line, which asks over NATS.
async fn test(service: &Service, slug: &str) -> Value {
    let tested = service.run(&["test", slug, "--json"]).await;
    assert!(!sings(&tested.stdout) && !sings(&tested.stderr), "{slug}");
    serde_json::from_str(&told(&tested)).expect("JSON")
}

async fn health(service: &Service, slug: &str) -> Value {
    let shown = told(&service.run(&["get", slug, "--json"]).await);
    let view: Value = serde_json::from_str(&shown).expect("JSON");
    view["health"]["state"].clone()
}

async fn post(service: &Service, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}{path}", service.http_url());
    let sent = crate::http::door::client().post(url).bearer_auth(service.key());
    let sent = sent.header("Content-Type", "application/json").body(body.to_string());
    let answer = sent.send().await.expect("the ledger answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    assert!(!sings(text.as_bytes()), "{text}");
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_a_provider_has_its_outcome_and_tells_nothing_of_the_secret() {
    let elsewhere = Provider::start(0).await;
    let provider = Provider::start(elsewhere.port).await;
    let mut service = Service::start(&[&HERE[..], &["--check-timeout", "2s"]].concat()).await;
    let table = [
        ("works", "works", json!(200), "answered 200"),
        ("refused", "credentials_refused", json!(401), "API key provided: Bearer *** Look"),
        ("forbidden", "not_permitted", json!(403), "answered 403: missing_scope"),
        ("limited", "rate_limited", json!(429), "it asks to wait 30 s"),
        ("broken", "unreachable", json!(500), "answered 500"),
        ("odd", "inconclusive", json!(418), "answered 418"),
        ("redirect", "inconclusive", json!(307), "not followed"),
        ("midway", "unreachable", Value::Null, "the connection broke"),
        ("garbage", "unreachable", Value::Null, "the connection broke"),
        ("endless", "works", json!(200), "answered 200"),
        ("slow", "unreachable", Value::Null, "did not answer in time"),
        ("trickle", "unreachable", Value::Null, "did not answer in time"),
    ];
    for (wish, outcome, status, part) in &table {
        create(&service, &provider, wish, &[]).await;
        let tested = test(&service, wish).await;
        assert_eq!(tested["outcome"], json!(outcome), "{wish}: {tested}");
        assert_eq!(tested["status"], *status, "{wish}: {tested}");
        let reason = tested["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(part) && reason.len() < 300, "{wish}: {reason}");
        assert!(tested["latency_ms"].as_u64().is_some_and(|ms| ms < 5_000), "{tested}");
        let known = match *outcome {
            "works" => "operational",
            "credentials_refused" => "failed",
            _ => "unknown",
        };
        assert_eq!(health(&service, wish).await, json!(known), "{wish}");
        let shown = if known == "unknown" { Value::Null } else { json!(known) };
        assert_eq!(tested["health"], shown, "{wish}");
        assert_eq!(tested["version"], 2, "{wish}");
        let heard = provider.heard.with(&format!("GET /{wish}/models "));
        assert_eq!(heard.len(), 1, "{wish}");
        assert!(heard[0].contains(&format!("authorization: Bearer {}", secret(1))), "{wish}");
    }
    assert_eq!(elsewhere.heard.count(), 0, "a credential followed a redirect");
    assert_eq!(test(&service, "works").await["request_id"], "req-200");
    assert_eq!(test(&service, "forbidden").await["request_id"], "req-403");
    assert_eq!(test(&service, "refused").await["request_id"], Value::Null, "it is the credential");

    let shown = told(&service.run(&["test", "forbidden"]).await);
    assert!(shown.starts_with("not_permitted: forbidden") && shown.contains("req-403"), "{shown}");
    let failed = service.run(&["test", "forbidden", "--require-works"]).await;
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    told(&service.run(&["test", "works", "--require-works"]).await);
    let history = told(&service.run(&["history", "refused", "--json"]).await);
    for event in ["secret_revealed", "connection_tested", "to test the connection"] {
        assert!(history.contains(event), "{event}: {history}");
    }
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_over_http_and_at_umbraco_is_the_same_and_a_repeat_sends_nothing() {
    let provider = Provider::start(0).await;
    let service = Service::start(&[&HERE[..], &["--nats", "off"]].concat()).await;
    let connections = "/api/v1/workspaces/default/connections";
    for wish in ["works", "refused"] {
        let address = format!("http://127.0.0.1:{}/{wish}", provider.port);
        let body = json!({
            "slug": wish, "provider": "openai", "enabled": wish == "works",
            "config": {"base_url": address}, "secrets": {"api_key": secret(1)},
        });
        assert_eq!(post(&service, connections, &body).await.0, 201);
    }
    let path = format!("{connections}/works/test-connection");
    let (status, tested) = post(&service, &path, &json!({})).await;
    assert_eq!((status, &tested["outcome"]), (200, &json!("works")), "{tested}");
    assert_eq!(tested["version"], 2);
    let path = format!("{connections}/refused/test-connection");
    let (status, tested) = post(&service, &path, &json!({})).await;
    assert_eq!((status, &tested["outcome"]), (200, &json!("credentials_refused")), "{tested}");

    let url = format!("{}{path}", service.http_url());
    let mut answers = Vec::new();
    let before = provider.heard.count();
    for _ in 0..2 {
        let sent = crate::http::door::client().post(&url).bearer_auth(service.key());
        let sent = sent.header("Idempotency-Key", "one-test").body("{}");
        let sent = sent.header("Content-Type", "application/json");
        let answer = sent.send().await.expect("the ledger answers");
        answers.push(answer.text().await.expect("a body"));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("credentials_refused"), "{}", answers[0]);
    assert_eq!(provider.heard.count(), before + 1, "a repeat was sent to the provider");

    let umbraco = "/umbraco/ai/management/api/v1/connections";
    let (status, tested) = post(&service, &format!("{umbraco}/works/test"), &json!({})).await;
    assert_eq!((status, tested), (200, json!({"success": true, "errorMessage": null})));
    let (status, tested) = post(&service, &format!("{umbraco}/refused/test"), &json!({})).await;
    assert_eq!((status, &tested["success"]), (200, &json!(false)), "{tested}");
    let said = tested["errorMessage"].as_str().unwrap_or_default();
    assert!(said.starts_with("credentials_refused: the provider answered 401"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_or_may_not_be_tested_is_refused_before_anything_is_sent() {
    let provider = Provider::start(0).await;
    let mut service = Service::start(&[]).await;
    create(&service, &provider, "works", &[]).await;
    for host in ["127.0.0.1", "localhost"] {
        let address = format!("base_url=http://{host}:{}/works", provider.port);
        if host == "localhost" {
            told(&service.run(&["update", "works", "--config", &address]).await);
        }
        let tested = test(&service, "works").await;
        assert_eq!(tested["outcome"], "inconclusive", "{tested}");
        assert_eq!(tested["health"], Value::Null, "{tested}");
        let reason = tested["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("nothing was sent"), "{reason}");
    }
    assert_eq!(provider.heard.count(), 0, "loopback was reached");

    let made = ["create", "--slug", "db", "--provider", "redis", "--secret", "password=p"];
    told(&service.run(&made).await);
    let made = ["create", "--slug", "snow", "--provider", "cortex", "--secret", "api_key=p"];
    told(&service.run(&made).await);
    told(&service.run(&["create", "--slug", "bare", "--provider", "openai"]).await);
    told(&service.run(&["create", "--slug", "odd", "--provider", "acme"]).await);
    for (slug, part) in [
        ("db", "takes host, which the connection lacks"),
        ("snow", "no request by which cortex can be tested"),
        ("bare", "takes api_key, which the connection lacks"),
        ("odd", "no request by which acme can be tested"),
    ] {
        let refused = service.run(&["test", slug]).await;
        expect_code(&refused, "test_impossible");
        assert!(said(&refused).contains(part), "{}", said(&refused));
    }
    told(&service.run(&["archive", "works"]).await);
    let refused = service.run(&["test", "works"]).await;
    expect_code(&refused, "connection_unknown");
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_connection_is_tested_and_a_sealed_ledger_tests_none() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider, "works", &["--disabled"]).await;
    assert_eq!(test(&service, "works").await["outcome"], "works");
    told(&service.run(&["keys", "seal"]).await);
    let refused = service.run(&["test", "works"]).await;
    expect_code(&refused, "sealed");
    assert_eq!(provider.heard.count(), 1);
    told(&service.run(&["keys", "unseal"]).await);
    assert_eq!(test(&service, "works").await["outcome"], "works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_once_at_a_time_and_by_what_it_is_then() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider, "held", &[]).await;
    let mut first = service.command(&["test", "held", "--json"]);
    let first = tokio::spawn(async move { first.output().await.expect("connledger runs") });
    eventually("the provider is asked", || {
        std::future::ready((provider.heard.count() == 1).then_some(()))
    })
    .await;
    expect_code(&service.run(&["test", "held"]).await, "test_running");
    // What is changed meanwhile may have other credentials, of which the test says nothing.
    told(&service.run(&["rotate-secret", "held", "--secret", "api_key=another-value"]).await);
    provider.release.notify_one();
    let tested = told(&first.await.expect("it ends"));
    let tested: Value = serde_json::from_str(&tested).expect("JSON");
    assert_eq!(tested["outcome"], "works", "{tested}");
    assert_eq!(tested["health"], Value::Null, "{tested}");
    assert_eq!(health(&service, "held").await, "unknown");
}
