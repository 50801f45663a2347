//! The program gets tokens for its connections, over real sockets.

use std::process::Output;

use serde_json::Value;

use super::http_service::HttpService;
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret, sings};
use crate::output::{said, told};
use crate::service::Service;

/// Lets requests go to this machine, where the token services are.
pub(super) const HERE: [&str; 2] = ["--allow-check-network", "127.0.0.0/8"];

/// Creates a connection with client credentials.
pub(super) async fn create(service: &Service, slug: &str, token_url: &str, more: &[&str]) {
    let url = format!("token_url={token_url}");
    let client_secret = format!("client_secret={}", secret(1));
    let mut args = vec!["create", "--slug", slug, "--provider", "acme"];
    args.extend(["--auth-method", "oauth2_client_credentials"]);
    args.extend(["--config", &url, "--config", "client_id=me", "--secret", &client_secret]);
    args.extend(more);
    told(&service.run(&args).await);
}

/// Reveals the token of a connection.
pub(super) async fn reveal(service: &Service, slug: &str) -> Output {
    service.run(&["reveal", slug, "--field", "access_token", "--reason", "a test"]).await
}

pub(super) async fn view(service: &Service, slug: &str) -> Value {
    let shown = told(&service.run(&["get", slug, "--json"]).await);
    serde_json::from_str(&shown).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_revealed_refreshed_and_shown_and_found_nowhere() {
    let tokens = HttpService::start(0).await;
    let mut service = Service::start(&HERE).await;
    let url = format!("http://127.0.0.1:{}/works", tokens.port);
    let header = format!("custom_headers.X-Key={}", secret(2));
    let more = ["--config", "basic_auth_in_header:=true", "--config", "scopes:=[\"a\", \"b\"]"];
    let more = [&more[..], &["--secret", &header]].concat();
    create(&service, "crm", &url, &more).await;
    let revealed = told(&reveal(&service, "crm").await);
    assert_eq!(revealed.trim(), secret(7));
    let heard = tokens.heard.all();
    assert!(heard[0].starts_with("POST /works HTTP/1.1\r\n"), "{}", heard[0]);
    assert!(heard[0].to_ascii_lowercase().contains("authorization: basic "), "{}", heard[0]);
    assert!(heard[0].contains(&format!("{}\r\n", secret(2))), "{}", heard[0]);
    assert!(heard[0].ends_with("grant_type=client_credentials&scope=a+b"), "{}", heard[0]);

    told(&service.run(&["refresh", "crm"]).await);
    assert_eq!(tokens.heard.all().len(), 2);
    let shown = told(&service.run(&["get", "crm"]).await);
    assert!(shown.lines().any(|line| line.starts_with("token") && line.contains("expires ")));
    assert!(!sings(shown.as_bytes()), "{shown}");
    let history = told(&service.run(&["history", "crm", "--json"]).await);
    for part in ["provider_token_refreshed", "to refresh the token", "secret_revealed"] {
        assert!(history.contains(part), "{part}: {history}");
    }
    assert!(!sings(history.as_bytes()), "{history}");
    let exposed =
        told(&service.run(&["audit", "exposure", "crm", "--field", "client_secret"]).await);
    assert!(!exposed.contains("refresh"), "a token service is nobody who knows it: {exposed}");
    told(&service.run(&["replay", "--verify"]).await);

    told(&service.run(&["keys", "seal"]).await);
    expect_code(&service.run(&["refresh", "crm"]).await, "sealed");
    told(&service.run(&["keys", "unseal"]).await);
    told(&service.run(&["disable", "crm"]).await);
    let refused = reveal(&service, "crm").await;
    expect_code(&refused, "connection_disabled");
    assert_eq!(tokens.heard.all().len(), 2, "{}", said(&refused));
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_leased_and_read_again_as_a_fresh_one() {
    let tokens = HttpService::start(0).await;
    let service = Service::start(&HERE).await;
    let url = format!("http://127.0.0.1:{}/works", tokens.port);
    create(&service, "crm", &url, &[]).await;
    let take = ["lease", "take", "crm", "--field", "access_token", "--reason", "a test", "--json"];
    let taken: Value = serde_json::from_str(&told(&service.run(&take).await)).expect("JSON");
    assert_eq!((&taken["value"], &taken["generation"]), (&secret(7).into(), &1.into()));
    let lease = taken["lease"].as_str().expect("a lease");
    // What the token was got with has changed, so that it is got again.
    told(&service.run(&["update", "crm", "--config", "scopes:=[\"more\"]"]).await);
    let read = told(&service.run(&["lease", "read", "crm", lease, "--json"]).await);
    let read: Value = serde_json::from_str(&read).expect("JSON");
    assert_eq!(read["generation"], 1, "the value is the same: {read}");
    assert!(tokens.heard.all()[1].ends_with("scope=more"), "{:?}", tokens.heard.all());
}
