//! References in place of secrets, followed by the real program: to variables and files, a Vault
//! and AWS Secrets Manager.

mod aws;
mod facades;
mod local;
mod vault;

use serde_json::{Value, json};

use crate::backup::expect_code;
use crate::output::said;
use crate::service::Service;

/// Runs a command that must succeed, and returns what it printed.
async fn run(service: &Service, args: &[&str]) -> String {
    let done = service.run(args).await;
    assert!(done.status.success(), "{args:?}: {}", said(&done));
    String::from_utf8(done.stdout).expect("text")
}

/// Creates a connection whose field `k` has a reference.
async fn create(service: &Service, slug: &str, reference: &str) {
    let secret = format!("k={reference}");
    run(service, &["create", "--slug", slug, "--provider", "x", "--secret-ref", &secret]).await;
}

/// Reveals `k` with the command line, which asks over NATS.
async fn reveal(service: &Service, slug: &str) -> String {
    run(service, &["reveal", slug, "--field", "k", "--reason", "a test"])
        .await
        .trim_end()
        .to_owned()
}

/// Tries the same, which must fail with a code, and returns what is said.
async fn unrevealed(service: &Service, slug: &str, code: &str) -> String {
    let refused = service.run(&["reveal", slug, "--field", "k", "--reason", "a test"]).await;
    expect_code(&refused, code);
    said(&refused)
}

/// Asks over HTTP.
async fn post(service: &Service, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/workspaces/default/connections{path}", service.http_url());
    let sent = crate::http::door::client().post(url).bearer_auth(service.key());
    let sent = sent.header("Content-Type", "application/json").body(body.to_string());
    let answer = sent.send().await.expect("the ledger answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// Reveals `k` over HTTP.
async fn reveal_over_http(service: &Service, slug: &str) -> (u16, Value) {
    let path = format!("/{slug}/reveal-secret");
    post(service, &path, &json!({"fields": ["k"], "reason": "a test"})).await
}
