//! Changes that are made only if a test with their secrets works.

use serde_json::{Value, json};

use super::provider::Provider;
use super::{HERE, create, health, post, test};
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret, sings};
use crate::output::{said, told};
use crate::service::Service;

async fn version(service: &Service, slug: &str) -> Value {
    let shown = told(&service.run(&["get", slug, "--json"]).await);
    let view: Value = serde_json::from_str(&shown).expect("JSON");
    view["version"].clone()
}

async fn revealed(service: &Service, slug: &str) -> String {
    let shown = told(&service.run(&["reveal", slug, "--reason", "to compare"]).await);
    shown.trim().strip_prefix("api_key=").expect("the field").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_value_is_refused_before_it_replaces_the_good_one() {
    let provider = Provider::start(0).await;
    let mut service = Service::start(&HERE).await;
    create(&service, &provider, "keyed", &["--check"]).await;
    assert_eq!(version(&service, "keyed").await, 2, "it is created, and tested");
    assert_eq!(health(&service, "keyed").await, "operational");

    let bad = format!("api_key={}", secret(2));
    let rotate = ["rotate-secret", "keyed", "--secret", &bad, "--check"];
    let refused = service.run(&rotate).await;
    expect_code(&refused, "check_failed");
    assert!(said(&refused).contains("credentials_refused"), "{}", said(&refused));
    assert!(!sings(&refused.stderr), "the provider repeated the value");
    assert_eq!(version(&service, "keyed").await, 2);
    assert_eq!(health(&service, "keyed").await, "operational");
    assert_eq!(revealed(&service, "keyed").await, secret(1));

    // Without a check, a test tells, and what was before heals it.
    told(&service.run(&rotate[..4]).await);
    assert_eq!(test(&service, "keyed").await["outcome"], "credentials_refused");
    assert_eq!(health(&service, "keyed").await, "failed");
    let good = format!("api_key={}", secret(1));
    told(&service.run(&["rotate-secret", "keyed", "--secret", &good, "--check"]).await);
    assert_eq!(health(&service, "keyed").await, "operational");
    assert_eq!(revealed(&service, "keyed").await, secret(1));
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_unless_the_provider_accepts_it_and_a_repeat_sends_nothing() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    let connections = "/api/v1/workspaces/default/connections";
    let body = |wish: &str| {
        let address = format!("http://127.0.0.1:{}/{wish}", provider.port);
        json!({
            "slug": wish, "provider": "openai", "config": {"base_url": address},
            "secrets": {"api_key": secret(1)}, "check": true,
        })
    };
    for (wish, outcome) in [
        ("refused", "credentials_refused"),
        ("forbidden", "not_permitted"),
        ("broken", "unreachable"),
        ("odd", "inconclusive"),
    ] {
        let (status, refused) = post(&service, connections, &body(wish)).await;
        assert_eq!((status, &refused["code"]), (422, &json!("check_failed")), "{refused}");
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(outcome), "{detail}");
    }
    let mut beside = body("works");
    beside["secrets"]["webhook_secret"] = json!("of which the request says nothing");
    let (status, refused) = post(&service, connections, &beside).await;
    assert_eq!((status, &refused["code"]), (422, &json!("test_impossible")), "{refused}");
    assert!(refused["detail"].as_str().unwrap_or_default().contains("webhook_secret"), "{refused}");
    let mut lacking = body("works");
    lacking["secrets"] = json!({});
    let (status, refused) = post(&service, connections, &lacking).await;
    assert_eq!((status, &refused["code"]), (422, &json!("test_impossible")), "{refused}");
    let before = provider.heard.count();
    let url = format!("{}{connections}", service.http_url());
    let mut answers = Vec::new();
    for _ in 0..2 {
        let sent = crate::http::door::client().post(&url).bearer_auth(service.key());
        let sent = sent.header("Idempotency-Key", "one").header("Content-Type", "application/json");
        let answer = sent.body(body("works").to_string()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let answer = answer.text().await.expect("a body");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answers.push((status, answer["connection"].clone()));
    }
    assert_eq!(answers[0].1, answers[1].1);
    assert_eq!(provider.heard.count(), before + 1, "a repeat was sent to the provider");
    assert_eq!(health(&service, "works").await, "operational");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_rotate_rotates_with_a_check_and_its_result_is_theirs() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider, "keyed", &[]).await;
    told(&service.run(&["principal", "create", "ro", "--kind", "user", "--role", "rotator"]).await);
    let key = told(&service.run(&["key", "issue", "--for", "ro"]).await);
    let path = "/api/v1/workspaces/default/connections/keyed/rotate-secret";
    let url = format!("{}{path}", service.http_url());
    let body = json!({"secrets": {"api_key": format!("x{}", secret(1))}, "check": true});
    let sent = crate::http::door::client().post(url).bearer_auth(key.trim());
    let sent = sent.header("Content-Type", "application/json").body(body.to_string());
    let answer = sent.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(health(&service, "keyed").await, "operational");
    let history = told(&service.run(&["history", "keyed", "--json"]).await);
    let events = history.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let tested = events.filter(|event| event["type"] == "connection_tested");
    let by: Vec<_> = tested.map(|event| event["actor"].clone()).collect();
    assert_eq!(by, ["user:ro"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_meanwhile_is_not_overwritten_by_what_was_tested_before_it() {
    let provider = Provider::start(0).await;
    let service = Service::start(&HERE).await;
    create(&service, &provider, "held", &[]).await;
    let new = format!("api_key={}", secret(2));
    let mut first = service.command(&["rotate-secret", "held", "--secret", &new, "--check"]);
    let first = tokio::spawn(async move { first.output().await.expect("connledger runs") });
    crate::wait::eventually("the provider is asked", || {
        std::future::ready((provider.heard.count() == 1).then_some(()))
    })
    .await;
    let elsewhere = format!("base_url=http://127.0.0.1:{}/works", provider.port);
    told(&service.run(&["update", "held", "--config", &elsewhere]).await);
    provider.release.notify_one();
    let refused = first.await.expect("it ends");
    expect_code(&refused, "version_conflict");
    assert_eq!(revealed(&service, "held").await, secret(1));
}
