//! Portkey's integrations.

mod access;
mod configurations;
mod models;
mod verbs;

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, CONNECTIONS, Door};

const BASE: &str = "/v1/integrations";

fn product(door: &Door) -> Product<'_> {
    Product::new(door, "x-portkey-api-key", "")
}

fn one(slug: &str) -> String {
    format!("{BASE}/{slug}")
}

/// An integration with OpenAI.
fn openai(slug: &str) -> Value {
    json!({
        "name": "OpenAI, production",
        "ai_provider_id": "openai",
        "slug": slug,
        "key": "sk-canary-0123456789",
        "description": "Ours",
        "configurations": { "openai_organization": "org-1", "openai_project": "proj-1" },
    })
}

/// Makes workspaces.
async fn workspaces(door: &Door, names: &[&str]) {
    for name in names {
        let made = door.post("/api/v1/workspaces", &json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

/// Makes an integration and returns its id.
async fn made(portkey: Product<'_>, body: &Value) -> String {
    let made = portkey.send(Method::POST, BASE, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json().as_object().map(serde_json::Map::len), Some(2), "{made:?}");
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Changes an integration.
async fn put(portkey: Product<'_>, path: &str, body: &Value) {
    let changed = portkey.send(Method::PUT, path, body).await;
    assert_eq!((changed.status, changed.json()), (200, json!({})), "{changed:?}");
    assert_eq!(changed.header("content-type"), Some("application/json"));
}

async fn shown(portkey: Product<'_>, path: &str) -> Value {
    let shown = portkey.get(path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert!(!shown.text.contains("canary"), "{shown:?}");
    shown.json()
}

/// Shows a connection natively.
async fn native(door: &Door, name: &str) -> Value {
    door.get(&format!("{CONNECTIONS}/{name}")).await.json()
}

#[track_caller]
fn expect_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["success"], false, "{answer:?}");
    assert_eq!(body["errorCode"], code, "{answer:?}");
    assert_eq!(body["error"], json!({ "message": body["message"], "code": code }));
    assert!(body["message"].is_string(), "{answer:?}");
    assert_eq!(answer.header("x-portkey-request-id"), answer.header("x-request-id"));
    assert!(!answer.text.contains("canary"), "{answer:?}");
}
