//! One connection's life over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use super::door::{Answer, CONNECTIONS, Door, read, with_body};
use crate::canary::{secret, sings};

fn draft(slug: &str) -> Value {
    json!({ "slug": slug, "provider": "openai", "secrets": { "api_key": secret(1) } })
}

async fn patch(door: &Door, path: &str, version: &str, body: &Value) -> Answer {
    let request = door.ask(Method::PATCH, path).header("if-match", version);
    read(with_body(request, body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_shown_changed_and_archived() {
    let door = Door::open().await;
    let made = door.post(CONNECTIONS, &draft("main")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("etag"), Some("\"1\""));
    let id = made.json()["connection"].as_str().expect("an id").to_owned();
    let place = made.header("location").expect("a place").to_owned();
    assert_eq!(place, format!("{CONNECTIONS}/{id}"));

    let by_slug = door.get(&format!("{CONNECTIONS}/main")).await;
    let by_id = door.get(&place).await;
    assert_eq!(by_slug.text, by_id.text);
    assert_eq!(by_id.header("etag"), Some("\"1\""));
    assert!(!sings(by_id.text.as_bytes()), "{}", by_id.text);
    assert_eq!(by_id.json(), door.ledger.get("main"), "the same as over any other door");

    let changed = patch(&door, &place, "\"1\"", &json!({ "display_name": "Main" })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")), "{changed:?}");
    let late = patch(&door, &place, "\"1\"", &json!({ "display_name": "Late" })).await;
    late.expect_problem(409, "version_conflict");
    assert_eq!(late.json()["version"], 2);

    let archived = door.post(&format!("{place}/archive"), &json!({ "reason": "done" })).await;
    assert_eq!(archived.status, 200, "{archived:?}");
    door.get(&format!("{CONNECTIONS}/main")).await.expect_problem(404, "connection_unknown");
    assert_eq!(door.get(&place).await.json()["lifecycle"], "archived");
    let history = door.get(&format!("{place}/history?oldest_first=true")).await.json();
    let events = history["events"].as_array().expect("events").iter();
    let types: Vec<_> = events.map(|event| event["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(types, ["connection_created", "connection_updated", "connection_archived"]);
    assert_eq!(history["events"][0]["via"], "http");
}
