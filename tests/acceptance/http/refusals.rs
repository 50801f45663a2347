//! Refusals over HTTP: bodies, headers and paths that are not as they should be.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::{CONNECTIONS, Door, read, with_body};
use crate::canary::{secret, sings};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_plain_json_of_a_fitting_size_is_refused() {
    let door = Door::open().await;
    let head = door.ledger.engine.head();
    let post = || door.ask(Method::POST, CONNECTIONS);
    let text = post().header("content-type", "text/plain").body("{}");
    read(text).await.expect_problem(415, "media_type_unsupported");
    read(post().body("{}")).await.expect_problem(415, "media_type_unsupported");
    let zipped = with_body(post().header("content-encoding", "gzip"), &json!({}));
    read(zipped).await.expect_problem(415, "media_type_unsupported");
    let json = || post().header("content-type", "application/json");
    read(json().body("{")).await.expect_problem(400, "body_malformed");
    read(json().body("[]")).await.expect_problem(400, "body_malformed");
    let large = format!("{{\"provider\":\"{}\"}}", "x".repeat(1024 * 1024));
    read(json().body(large)).await.expect_problem(413, "message_too_large");
    let unknown = json!({ "provider": "x", "provder": "y" }).to_string();
    read(json().body(unknown)).await.expect_problem(400, "body_malformed");
    assert_eq!(door.ledger.engine.head(), head, "nothing of it was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refusal_repeats_a_secret() {
    let door = Door::open().await;
    let canary = secret(3);
    let bodies = [
        json!({ "provider": "x", "secrets": canary }),
        json!({ "provider": "x", "secrets": { "api_key": [canary] } }),
        json!({ "provider": "x", (canary.as_str()): 1 }),
        json!({ "provider": "x", "slug": format!("{canary} ") }),
        json!({ "provider": "x", "environment": canary }),
    ];
    for body in bodies {
        let answer = door.post(CONNECTIONS, &body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!sings(answer.text.as_bytes()), "{answer:?}");
    }
    for path in [
        format!("{CONNECTIONS}?{canary}=1"),
        format!("{CONNECTIONS}?sort={canary}"),
        format!("{CONNECTIONS}/{canary}%20"),
    ] {
        let answer = door.get(&path).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!sings(answer.text.as_bytes()), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_and_doubled_headers_are_named() {
    let door = Door::open().await;
    for (name, value) in [
        ("If-Match", "7"),
        ("If-Match", "\"1\", \"2\""),
        ("If-None-Match", "\"1\""),
        ("Idempotency-Key", "with space"),
        ("Ledger-Deadline", "soon"),
        ("Ledger-Correlation-Id", ""),
    ] {
        let request = door.ask(Method::POST, CONNECTIONS).header(name, value);
        let answer = read(with_body(request, &json!({ "provider": "x" }))).await;
        answer.expect_problem(400, "header_invalid");
        assert_eq!(answer.json()["field"], name, "{value}");
    }
    for name in ["Idempotency-Key", "If-Match", "Ledger-Causation-Id"] {
        let request = door.ask(Method::POST, CONNECTIONS);
        let request = request.header(name, "\"1\"").header(name, "\"1\"");
        let answer = read(with_body(request, &json!({ "provider": "x" }))).await;
        answer.expect_problem(400, "header_invalid");
    }
    let two = door.ask(Method::GET, CONNECTIONS).header("authorization", "Bearer other");
    read(two).await.expect_problem(400, "header_invalid");
}

/// Clients tidy paths up before they send them, so these are sent as bytes.
#[tokio::test(flavor = "multi_thread")]
async fn paths_that_play_tricks_get_a_clean_refusal() {
    let door = Door::open().await;
    let long = format!("/api/v1/workspaces/default/connections/{}", "a".repeat(4_000));
    for path in [
        "/api/v1/workspaces/default/connections/../../../../etc/passwd",
        "/api/v1/workspaces/default/connections/..",
        "/api/v1/../status",
        "//api/v1/status",
        "/api/v1/workspaces/default/connections/a%00b",
        "/api/v1/workspaces/default/connections/a%2Fhistory",
        "/api/v1/workspaces/default%2Fconnections",
        "/api/v1/workspaces/default/connections/%",
        "/api/v1/workspaces/default/connections/%FF%FE",
        "/api/v1/workspaces/default/connections/a;b",
        "/api/v1/docs/../../Cargo.toml",
        "/api/v1/docs/page.html",
        &long,
    ] {
        let answer = raw(&door, path).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "404"].contains(&status), "{path}: {answer}");
        let shown = answer.to_ascii_lowercase();
        assert!(shown.contains("content-type: application/problem+json"), "{path}: {answer}");
        assert!(shown.contains("x-request-id: "), "{path}: {answer}");
    }
}

async fn raw(door: &Door, path: &str) -> String {
    let mut stream = TcpStream::connect(door.address).await.expect("a connection");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        door.key
    );
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}
