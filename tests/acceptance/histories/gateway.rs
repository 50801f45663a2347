//! The example gateway, whose process goes on while the ledger gets another history.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::stage::Stage;
use crate::http::door;
use crate::settings;
use crate::wait::eventually;

/// The key of the last request to the provider.
type LastKey = Arc<Mutex<String>>;

async fn provide(State(last): State<LastKey>, headers: HeaderMap) {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    key.clone_into(&mut last.lock().expect("not poisoned"));
}

/// Starts a provider that takes every key, and returns its address.
async fn provider(last: &LastKey) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(provide).with_state(Arc::clone(last));
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    url
}

/// Starts the example, and returns its address.
async fn gateway(stage: &Stage) -> (Child, String) {
    let mut child = Command::new(settings::example("gateway"))
        .env("LEDGER_KEY", stage.service.key())
        .env("LEDGER_NATS_URL", stage.nats.url())
        .env("LEDGER_XKEY", stage.xkey())
        .env("GATEWAY_LISTEN", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the example is built");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("readable").expect("it says that it is ready");
    let url = line.strip_prefix("ready on ").expect("an address").to_owned();
    (child, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_gateway_goes_on_in_another_history_and_drops_no_request() {
    let mut stage = Stage::new().await;
    let last = LastKey::default();
    let base_url = provider(&last).await;
    let connection = |slug: &str, value: &str| {
        json!({
            "slug": slug, "provider": "mock",
            "config": { "base_url": base_url }, "secrets": { "api_key": value },
        })
    };
    stage.create("default", &connection("main", "sk-first-value-1")).await;
    let (_gateway, url) = gateway(&stage).await;
    let http = door::client();
    let ask = async |slug: &str| {
        let answer = http.get(format!("{url}/{slug}/v1/models")).send().await;
        answer.expect("the gateway answers").status()
    };
    assert_eq!(ask("main").await, StatusCode::OK);
    let copy = stage.other_history().await;
    stage.create("default", &connection("lost", "sk-lost-value-1")).await;
    eventually("the gateway follows", async || (ask("lost").await == StatusCode::OK).then_some(()))
        .await;

    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, main) = (Arc::clone(&stop), format!("{url}/main/v1/models"));
    let load = tokio::spawn(async move {
        let http = door::client();
        while !stopped.load(Ordering::Relaxed) {
            let answer = http.get(&main).send().await.expect("the gateway answers");
            assert_eq!(answer.status(), StatusCode::OK, "a request was dropped");
        }
    });
    stage.replace_by(copy).await;
    stage.create("default", &connection("other", "sk-other-value-1")).await;
    eventually("it has the states of the other history", async || {
        (ask("other").await == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(ask("lost").await, StatusCode::NOT_FOUND, "what the list does not have is gone");
    stop.store(true, Ordering::Relaxed);
    load.await.expect("no request was dropped");
    assert_eq!(ask("other").await, StatusCode::OK);
    assert_eq!(*last.lock().expect("not poisoned"), "sk-other-value-1");
}
