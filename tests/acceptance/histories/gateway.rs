//! The example gateway, whose process goes on while the ledger gets another history.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::StatusCode;
use serde_json::json;

use super::stage::Stage;
use crate::example_gateway::{Gateway, provider};
use crate::http::door;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_example_gateway_goes_on_in_another_history_and_drops_no_request() {
    let mut stage = Stage::new().await;
    let base_url = provider().await;
    let connection = |slug: &str, value: &str| {
        json!({
            "slug": slug, "provider": "mock",
            "config": { "base_url": base_url }, "secrets": { "api_key": value },
        })
    };
    stage.create("default", &connection("main", "sk-first-value-1")).await;
    let (key, xkey, nats_url) = (stage.service.key(), stage.service.xkey(), stage.nats.url());
    let gateway = Gateway::start(&[
        ("LEDGER_KEY", &key),
        ("LEDGER_NATS_URL", &nats_url),
        ("LEDGER_XKEY", &xkey),
    ])
    .await;
    let ask = async |slug: &str| gateway.ask(slug).await.0;
    assert_eq!(ask("main").await, StatusCode::OK);
    let copy = stage.other_history().await;
    stage.create("default", &connection("lost", "sk-lost-value-1")).await;
    eventually("the gateway follows", async || (ask("lost").await == StatusCode::OK).then_some(()))
        .await;

    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, main) = (Arc::clone(&stop), gateway.models("main"));
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
    assert_eq!(gateway.ask("other").await, (StatusCode::OK, "sk-other-value-1".to_owned()));
    assert_eq!(gateway.restarts(), ["history_changed"]);
}
