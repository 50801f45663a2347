//! Whatever a token service answers, it has its outcome, and nothing of a secret is told.

use serde_json::{Value, json};

use super::http_service::HttpService;
use super::program::{HERE, create, reveal, view};
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, sings};
use crate::output::{said, told};
use crate::service::Service;
use crate::tls;

/// The way in which a service behaves, the code of the error, the health, and a part of the reason.
const TABLE: [(&str, &str, &str, &str); 14] = [
    ("works", "", "operational", ""),
    ("silent", "", "operational", ""),
    ("garbage", UNAVAILABLE, "degraded", "answered 200 without a usable access_token"),
    ("no-http", UNAVAILABLE, "degraded", "the connection broke"),
    ("redirect", UNAVAILABLE, "degraded", "answered 307, a redirect, which is not followed"),
    ("limited", UNAVAILABLE, "degraded", "answered 429"),
    ("limited-until", UNAVAILABLE, "degraded", "answered 429"),
    ("lost", "provider_token_refused", "failed", "answered 400 invalid_grant: the request"),
    ("unknown", "provider_token_refused", "failed", "answered 401 invalid_client"),
    ("broken", UNAVAILABLE, "degraded", "answered 500"),
    ("midway", UNAVAILABLE, "degraded", "the connection broke"),
    ("huge", UNAVAILABLE, "degraded", "answered 200 without a usable access_token"),
    ("endless", UNAVAILABLE, "degraded", "did not answer in time"),
    ("slow", UNAVAILABLE, "degraded", "did not answer in time"),
];

const UNAVAILABLE: &str = "provider_token_unavailable";

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_of_a_token_service_has_its_outcome() {
    let elsewhere = HttpService::start(0).await;
    let tokens = HttpService::start(elsewhere.port).await;
    let mut service = Service::start(&[&HERE[..], &["--check-timeout", "2s"]].concat()).await;
    for (wish, code, health, reason) in TABLE {
        let url = format!("http://127.0.0.1:{}/{wish}/token", tokens.port);
        create(&service, wish, &url, &[]).await;
        let revealed = reveal(&service, wish).await;
        if code.is_empty() {
            told(&revealed);
        } else {
            expect_code(&revealed, code);
            assert!(said(&revealed).contains(reason), "{wish}: {}", said(&revealed));
        }
        assert!(!sings(&revealed.stderr), "{wish}");
        let shown = view(&service, wish).await;
        assert_eq!(shown["health"]["state"], health, "{wish}: {shown}");
        let told = shown["health"]["reason"].as_str().unwrap_or_default();
        assert!(told.contains(reason) && told.len() < 400, "{wish}: {told}");
    }
    assert!(elsewhere.heard.all().is_empty(), "a credential followed a redirect");
    for (wish, code, ..) in TABLE {
        let heard = tokens.heard.all();
        let asked = heard.iter().filter(|one| one.starts_with(&format!("POST /{wish}/"))).count();
        // What passes is tried again by the ledger itself, and the rest is not.
        assert!(asked == 1 || asked > 1 && code == UNAVAILABLE, "{wish}: {asked}");
    }
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_told_in_both_forms() {
    let tokens = HttpService::start(0).await;
    let service = Service::start(&[&HERE[..], &["--nats", "off"]].concat()).await;
    for (wish, least, most) in [("limited", 20, 31), ("limited-until", 3_590, 3_601)] {
        let secrets = json!({"client_secret": crate::canary::secret(1)});
        let url = format!("http://127.0.0.1:{}/{wish}", tokens.port);
        let config = json!({"token_url": url, "client_id": "c"});
        let body = json!({
            "slug": wish, "provider": "acme", "auth_method": "oauth2_client_credentials",
            "config": config, "secrets": secrets,
        });
        let connections = "/api/v1/workspaces/default/connections";
        assert_eq!(post(&service, connections, &body).await.0, 201);
        let body = json!({"fields": ["access_token"], "reason": "a test"});
        let path = format!("{connections}/{wish}/reveal-secret");
        for _ in 0..2 {
            let (status, wait) = post(&service, &path, &body).await;
            assert_eq!(status, 503);
            let wait: u64 = wait.expect("a wait").parse().expect("a number");
            assert!((least..=most).contains(&wait), "{wish}: {wait}");
        }
    }
    assert_eq!(tokens.heard.all().len(), 2, "the wait was not heeded");
}

/// Returns the status, and how long to wait.
async fn post(service: &Service, path: &str, body: &Value) -> (u16, Option<String>) {
    let url = format!("{}{path}", service.http_url());
    let sent = crate::http::door::client().post(url).bearer_auth(service.key());
    let sent = sent.header("Content-Type", "application/json").body(body.to_string());
    let answer = sent.send().await.expect("the ledger answers");
    let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    (answer.status().as_u16(), wait.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_forbidden_addresses_or_to_another_name() {
    let tokens = HttpService::start(0).await;
    let service = Service::start(&[]).await;
    for (number, host) in
        ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"].into_iter().enumerate()
    {
        let slug = format!("c-{number}");
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/works", tokens.port);
            if scheme == "http" {
                create(&service, &slug, &url, &[]).await;
            } else {
                let config = format!("token_url={url}");
                told(&service.run(&["update", &slug, "--config", &config]).await);
            }
            let revealed = reveal(&service, &slug).await;
            expect_code(&revealed, UNAVAILABLE);
            assert!(said(&revealed).contains("nothing was sent"), "{url}: {}", said(&revealed));
        }
    }
    assert!(tokens.heard.all().is_empty());

    let (tls, certificate) = tls::certified(&["another.example"]);
    let named_otherwise = HttpService::start_with(0, Some(tls)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificate).expect("written");
    let trusts = format!("SSL_CERT_FILE={}", crate::output::text(&trusted));
    let service = Service::start_under(&["env", &trusts], &HERE).await;
    let url = format!("https://localhost:{}/works", named_otherwise.port);
    create(&service, "named", &url, &[]).await;
    let revealed = reveal(&service, "named").await;
    expect_code(&revealed, UNAVAILABLE);
    assert!(said(&revealed).contains("for another name"), "{}", said(&revealed));
    assert!(named_otherwise.heard.all().is_empty());
}
