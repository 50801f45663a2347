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

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_has_its_path() {
    let door = Door::open().await;
    let id = door.create(&draft("main")).await;
    let steps = [
        ("rotate-secret", json!({ "secrets": { "api_key": secret(2) } })),
        ("disable", json!({ "reason": "pause" })),
        ("enable", json!({})),
        ("mark-degraded", json!({ "reason": "slow" })),
        ("mark-failed", json!({})),
        ("mark-operational", json!({})),
        ("grant-workspace", json!({ "grant_to": "other" })),
        (
            "set-limits",
            json!({
                "grant_to": "other",
                "limits": { "rate": { "type": "requests", "unit": "rpm", "value": 5 } },
            }),
        ),
        ("revoke-workspace", json!({ "grant_to": "other" })),
        ("set-model-policy", json!({ "policy": { "allow_all": false } })),
        ("set-pricing", json!({ "pricing": { "image_default": 1.5 } })),
        ("link-dependent", json!({ "kind": "tool", "id": "t-1" })),
        ("unlink-dependent", json!({ "kind": "tool", "id": "t-1" })),
        ("archive", json!({})),
        ("restore", json!({})),
        ("revert", json!({ "to_version": 10 })),
    ];
    for (version, (verb, body)) in (2..).zip(steps) {
        let done = door.post(&format!("{CONNECTIONS}/{id}/{verb}"), &body).await;
        assert_eq!(done.status, 200, "{verb}: {done:?}");
        assert_eq!(done.json()["version"], version, "{verb}");
        assert_eq!(done.header("etag"), Some(format!("\"{version}\"").as_str()), "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_answer_and_another_body_is_refused() {
    let door = Door::open().await;
    let send = async |path: &str, body: &Value| {
        let request = door.ask(Method::POST, path).header("idempotency-key", "k-1");
        read(with_body(request, body)).await
    };
    let first = send(CONNECTIONS, &draft("main")).await;
    let again = send(CONNECTIONS, &draft("main")).await;
    assert_eq!((first.status, first.header("ledger-repeated")), (201, None));
    assert_eq!((again.status, again.header("ledger-repeated")), (201, Some("true")));
    assert_eq!(first.text, again.text);
    assert_eq!(first.header("location"), again.header("location"));
    send(CONNECTIONS, &draft("other")).await.expect_problem(409, "command_id_reused");
    // The path is part of what was asked.
    door.create(&draft("second")).await;
    let disable = async |slug: &str| {
        let request = door.ask(Method::POST, &format!("{CONNECTIONS}/{slug}/disable"));
        read(with_body(request.header("idempotency-key", "k-2"), &json!({}))).await
    };
    assert_eq!(disable("main").await.status, 200);
    assert_eq!(disable("MAIN").await.header("ledger-repeated"), Some("true"));
    disable("second").await.expect_problem(409, "command_id_reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_answered_after_the_deadline_too() {
    let door = Door::open().await;
    let send = async |path: &str, deadline: &str, body: &Value| {
        let request = door.ask(Method::POST, path).header("idempotency-key", "once");
        read(with_body(request.header("ledger-deadline", deadline), body)).await
    };
    let (early, late) = ("2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    let first = send(CONNECTIONS, early, &draft("main")).await;
    let again = send(CONNECTIONS, late, &draft("main")).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!((again.header("ledger-repeated"), &again.text), (Some("true"), &first.text));
    let look = json!({ "reason": "to look" });
    let path = format!("{CONNECTIONS}/main/reveal-secret");
    send(&path, late, &look).await.expect_problem(422, "deadline_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_the_version_is_spared_the_body() {
    let door = Door::open().await;
    door.create(&draft("main")).await;
    let path = format!("{CONNECTIONS}/main");
    let with =
        async |known: &str| read(door.ask(Method::GET, &path).header("if-none-match", known)).await;
    let same = with("\"1\"").await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    assert_eq!(same.header("etag"), Some("\"1\""));
    assert_eq!(with("\"7\", W/\"1\"").await.status, 304);
    assert_eq!(with("\"7\"").await.status, 200);
    patch(&door, &path, "*", &json!({ "description": "new" })).await;
    assert_eq!(with("\"1\"").await.status, 200);
    let head = read(door.ask(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("etag"), Some("\"2\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_is_sent_with_is_recorded() {
    let door = Door::open().await;
    let request = door
        .ask(Method::POST, CONNECTIONS)
        .header("ledger-correlation-id", "talk-1")
        .header("ledger-causation-id", "step-1")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!(read(with_body(request, &draft("main"))).await.status, 201);
    let path = "/api/v1/workspaces/_all/history?correlation_id=talk-1";
    let found = door.get(path).await.json();
    let event = &found["events"][0];
    assert_eq!(event["correlation_id"], "talk-1");
    assert_eq!(event["causation_id"], "step-1");
    assert_eq!(event["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(event["actor"], "user:admin");
    let late =
        door.ask(Method::POST, CONNECTIONS).header("ledger-deadline", "2020-01-01T00:00:00Z");
    read(with_body(late, &draft("late"))).await.expect_problem(422, "deadline_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_names_the_connection_of_the_path_or_none() {
    let door = Door::open().await;
    let id = door.create(&draft("main")).await;
    door.create(&draft("second")).await;
    let path = format!("{CONNECTIONS}/main/disable");
    let other = door.post(&path, &json!({ "connection": "second" })).await;
    other.expect_problem(400, "field_invalid");
    assert_eq!(other.json()["field"], "connection");
    assert_eq!(door.post(&path, &json!({ "connection": "Main" })).await.status, 200);
    let by_id = format!("{CONNECTIONS}/{id}/enable");
    assert_eq!(door.post(&by_id, &json!({ "connection": id })).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_made_and_listed() {
    let door = Door::open().await;
    let body = json!({ "name": "team-1", "display_name": "Team 1" });
    let made = door.post("/api/v1/workspaces", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), Some("/api/v1/workspaces/team-1/connections"));
    let listed = door.get("/api/v1/workspaces").await.json();
    let names: Vec<_> = listed["workspaces"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|workspace| workspace["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["default", "other", "team-1"]);
    door.post("/api/v1/workspaces", &body).await.expect_problem(409, "workspace_taken");
    let odd = door.post("/api/v1/workspaces", &json!({ "name": "Team" })).await;
    odd.expect_problem(400, "field_invalid");
    assert_eq!(odd.json()["field"], "name");
}
