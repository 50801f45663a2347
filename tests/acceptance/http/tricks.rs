//! Paths and headers that play tricks, on every route: a clean refusal, and never a fault.

use ledger_http::routes::{Route, Subject, routes};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::{CONNECTIONS, Door, read, with_body};

const NAMES: [&str; 4] = ["{workspace}", "{connection}", "{principal}", "{key}"];

/// Sends a request as it is: clients tidy paths up before they send them.
pub(super) async fn raw(door: &Door, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(door.address).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}",
        door.key
    );
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[track_caller]
fn expect_refused(answer: &str, what: &str) {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(status.starts_with('4'), "{what}: {answer}");
    let shown = answer.to_ascii_lowercase();
    assert!(shown.contains("content-type: application/problem+json"), "{what}: {answer}");
}

fn filled(path: &str) -> String {
    let path = path.replace("{workspace}", "default").replace("{connection}", "main");
    let path = path.replace("{principal}", "admin").replace("{key}", "k3x9a2bq71ce");
    path.replace("{*tile}", "0/000.p/1")
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_in_paths_are_refused_on_every_route() {
    let door = Door::open().await;
    door.create(&json!({ "slug": "main", "provider": "x" })).await;
    let long = "a".repeat(10_000);
    let odd = [
        "..",
        ".",
        "%2e%2e",
        "%2E%2E%2F",
        "..%2f..%2fetc",
        "%00",
        "a%00b",
        "a%2fb",
        "%5c",
        "%ff",
        "%",
        "%zz",
        "a%20b",
        "%0d%0a",
        "a;b",
        "_ledger",
        "%E2%80%AE",
        "*",
        &long,
    ];
    for route in routes() {
        for name in NAMES.into_iter().filter(|name| route.path.contains(name)) {
            for odd in odd {
                let path = filled(&route.path.replace(name, odd));
                let answer = raw(&door, route.method.as_str(), &path, "").await;
                let what = format!("{} {}", route.id, path.chars().take(120).collect::<String>());
                expect_refused(&answer, &what);
                assert!(answer.len() < 2_000, "{what}: the name is not repeated");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_given_twice_are_refused_on_every_route() {
    let door = Door::open().await;
    let is_command = |route: &&Route| matches!(route.terms.subject, Subject::Command(_));
    for route in routes().filter(|route| route.needs_key()) {
        let path = filled(route.path);
        let other = "Authorization: Bearer other\r\n";
        let answer = raw(&door, route.method.as_str(), &path, other).await;
        expect_refused(&answer, route.id);
        assert!(answer.contains("header_invalid"), "{}: {answer}", route.id);
    }
    for route in routes().filter(is_command) {
        for twice in [
            "Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
            "Idempotency-Key: a\r\nLedger-Command-Id: a\r\n",
            "If-Match: \"1\"\r\nIf-Match: \"2\"\r\n",
        ] {
            let answer = raw(&door, route.method.as_str(), &filled(route.path), twice).await;
            expect_refused(&answer, route.id);
            assert!(answer.contains("header_invalid"), "{}: {answer}", route.id);
        }
    }
}

/// A secret may be used as the name of something by mistake.
#[tokio::test(flavor = "multi_thread")]
async fn names_from_a_body_are_not_repeated_when_they_could_be_secrets() {
    use crate::canary::{secret, sings};
    let door = Door::open().await;
    door.create(&json!({ "slug": "main", "provider": "x", "secrets": { "k": "v-1" } })).await;
    let name = secret(1);
    let name = name.as_str();
    let long = "x".repeat(2_000);
    let create = |field: &str, value: serde_json::Value| {
        let mut draft = json!({ "provider": "x" });
        draft[field] = value;
        (CONNECTIONS.to_owned(), draft)
    };
    let verb = |verb: &str, body| (format!("{CONNECTIONS}/main/{verb}"), body);
    let grant = json!({ "role": "viewer", "labels": { name: long } });
    for (path, body) in [
        create("labels", json!({ name: long })),
        create("secrets", json!({ name: "" })),
        create(
            "models",
            json!({ "allow_all": true, "models": { name: { "enabled": true, "settings": 1 } } }),
        ),
        create("pricing", json!({ "additional_units": { name: -1.0 } })),
        create("pricing", json!({ "multipliers": { name: 1.0 } })),
        create("access", json!({ "workspaces": { (format!("{name}.")): {} } })),
        verb(
            "set-model-policy",
            json!({ "policy": { "allow_all": true, "models": { name: { "enabled": true, "settings": 1 } } } }),
        ),
        verb("set-pricing", json!({ "pricing": { "additional_units": { name: -1.0 } } })),
        verb("rotate-secret", json!({ "secrets": { name: "v-2" } })),
        (
            "/api/v1/principals".to_owned(),
            json!({ "principal": "p", "kind": "user", "grants": [grant] }),
        ),
    ] {
        let answer = door.post(&path, &body).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert!(!sings(answer.text.as_bytes()), "{path}: {answer:?}");
    }
    let plain =
        door.post(CONNECTIONS, &json!({ "provider": "x", "labels": { "team": long } })).await;
    assert_eq!(plain.json()["field"], "labels.team");
    let update = door.ask(reqwest::Method::PATCH, &format!("{CONNECTIONS}/main"));
    let update = read(with_body(update, &json!({ "labels": { name: long } }))).await;
    assert_eq!(update.json()["field"], "labels.?");
}
