//! To a URL.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use super::{expect_whole, forward, in_folder, live, reached};
use crate::service::Service;
use crate::wait::eventually;

/// What a receiver was sent, and how it answers next.
#[derive(Default)]
struct Received {
    /// The bodies that it took.
    taken: Vec<Value>,
    media_types: Vec<String>,
    authorizations: Vec<String>,
    /// Requests that it does not take.
    refuse: usize,
}

type Shared = Arc<Mutex<Received>>;

async fn receive(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut received = shared.lock().expect("no panic");
    let header = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    received.media_types.push(header("content-type"));
    received.authorizations.push(header("authorization"));
    if received.refuse > 0 {
        received.refuse -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    received.taken.push(serde_json::from_slice(&body).expect("JSON"));
    StatusCode::ACCEPTED
}

async fn receiver() -> (Shared, String) {
    let shared = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/in", post(receive)).with_state(shared.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (shared, format!("http://{address}/in"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_and_a_ledger_that_restarts_lose_nothing() {
    let mut service = Service::start(&[]).await;
    let (shared, url) = receiver().await;
    shared.lock().expect("no panic").refuse = 2;
    let (cursor, secret) = (in_folder(&service, "cursor.json"), in_folder(&service, "token"));
    fs::write(&secret, "Bearer of-the-receiver\n").expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("private");
    let secret = secret.to_str().expect("text").to_owned();
    let args = ["--to", &url, "--format", "cloudevents", "--authorization-file", &secret];
    let mut forwarder = forward(&service, &cursor, &args);
    live(&service, 0, 10).await;
    eventually("it is taken", || async { (reached(&cursor) > 0).then_some(()) }).await;
    service.kill().await;
    service.start_again().await;
    let last = live(&service, 1, 10).await;
    eventually("all are taken", || async { (reached(&cursor) >= last).then_some(()) }).await;
    forwarder.kill().await.expect("killed");
    let received = shared.lock().expect("no panic");
    let events = received.taken.iter().flat_map(|page| page.as_array().expect("a batch"));
    let positions: Vec<u64> =
        events.map(|event| event["data"]["position"].as_u64().expect("a position")).collect();
    expect_whole(&positions, last, 0);
    let media_type = "application/cloudevents-batch+json";
    assert!(received.media_types.iter().all(|one| one == media_type));
    assert!(received.authorizations.iter().all(|one| one == "Bearer of-the-receiver"));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_records_of_opentelemetry_are_sent_as_one_request_a_page() {
    let service = Service::start(&[]).await;
    let (shared, url) = receiver().await;
    let last = live(&service, 0, 10).await;
    let cursor = in_folder(&service, "cursor.json");
    super::forward_once(&service, &cursor, &["--to", &url, "--format", "otlp"]).await;
    let received = shared.lock().expect("no panic");
    let mut count = 0;
    for page in &received.taken {
        let records = &page["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        count += records.as_array().expect("records").len();
        let name = &page["resourceLogs"][0]["resource"]["attributes"][0];
        assert_eq!(name["value"]["stringValue"], "connledger");
    }
    assert!(u64::try_from(count).expect("small") >= last);
}
