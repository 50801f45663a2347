//! Status, replays, and the API's description of itself.

use reqwest::Method;
use serde_json::{Value, json};

use super::door::{CONNECTIONS, Door, read, with_body};
use super::feed::events_in;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_how_far_it_is_when_asked_for_events() {
    let door = Door::open().await;
    door.create(&json!({ "provider": "x" })).await;
    let ask = |body: &Value| {
        let request = door.ask(Method::POST, "/api/v1/replay");
        with_body(request.header("accept", "text/event-stream"), body)
    };
    let told = read(ask(&json!({ "verify": true }))).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.header("content-type"), Some("text/event-stream"));
    let events = events_in(&told.text);
    let (last, before) = events.split_last().expect("at least the report");
    assert_eq!(last.kind, "report");
    assert_eq!(last.data["events"], 5);
    assert!(before.iter().all(|event| event.kind == "progress"), "{events:?}");
    let refused = read(ask(&json!({ "projection": "x" }))).await;
    refused.expect_problem(404, "projection_unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_the_same_as_over_any_other_door() {
    let door = Door::open().await;
    let status = door.get("/api/v1/status").await.json();
    assert_eq!(status["position"], 4);
    assert_eq!(status["ledger_id"], door.ledger.engine.ledger_id().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_and_its_page_need_no_key_and_load_nothing_from_elsewhere() {
    let door = Door::open().await;
    let open = async |path: &str| {
        read(super::door::client().get(door.url(path)).header("accept-encoding", "identity")).await
    };
    let document = open("/api/v1/openapi.json").await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    let page = open("/api/v1/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for file in ["/api/v1/docs/page.js", "/api/v1/docs/page.css"] {
        assert!(page.text.contains(file), "{file}");
        assert_eq!(open(file).await.status, 200);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(open(path).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_those_who_take_it() {
    let door = Door::open().await;
    for number in 0..20 {
        door.create(&json!({ "slug": format!("c-{number}"), "provider": "x" })).await;
    }
    let plain = door.get(CONNECTIONS).await;
    assert_eq!(plain.header("content-encoding"), None);
    for encoding in ["gzip", "zstd"] {
        let request = door.ask(Method::GET, CONNECTIONS).header("accept-encoding", encoding);
        let small = read(request).await;
        assert_eq!(small.header("content-encoding"), Some(encoding));
        assert!(small.text.len() < plain.text.len());
    }
    let feed = door.ask(Method::GET, "/api/v1/events?after=0").header("accept-encoding", "gzip");
    let feed = feed.send().await.expect("a feed");
    assert!(feed.headers().get("content-encoding").is_none(), "events are not held back");
}
