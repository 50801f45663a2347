//! Tokens in use are refreshed ahead of their expiry, and others are not.

use serde_json::json;

use super::Stage;
use crate::wait::eventually;

/// Waits until a connection has some generation of its token.
async fn generation(stage: &Stage, slug: &str, wanted: u64) {
    eventually("the token is refreshed", || {
        let view = stage.ledger.get(slug);
        let now = view["secrets"]["access_token"]["generation"].as_u64();
        std::future::ready((now == Some(wanted)).then_some(()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_use_is_refreshed_ahead_and_by_the_ledger_itself() {
    let stage = Stage::new().await;
    stage.with_refresh_token("used").await;
    stage.token("used").await.expect("a token");
    // Within four margins of its end.
    stage.pass(3_600 - 119);
    generation(&stage, "used", 2).await;
    assert_eq!(stage.ledger.get("used")["updated_by"], "system:refresh");
    stage.pass(3_600 - 119);
    generation(&stage, "used", 3).await;
    assert_eq!(stage.token("used").await.expect("fresh already"), "access-used-4");
    assert_eq!(stage.service.asked().len(), 3);
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_asks_for_is_left_alone() {
    let stage = Stage::new().await;
    stage.service.tokens_last(30 * 86_400);
    stage.with_refresh_token("forgotten").await;
    stage.token("forgotten").await.expect("a token");
    stage.service.tokens_last(3_600);
    stage.with_refresh_token("used").await;
    stage.pass(30 * 86_400 - 119);
    stage.token("used").await.expect("a token");
    stage.pass(3_600 - 119);
    generation(&stage, "used", 2).await;
    // By now it was looked at, too, because its time came earlier.
    assert_eq!(stage.ledger.get("forgotten")["secrets"]["access_token"]["generation"], 1);
    assert!(stage.token("forgotten").await.is_ok(), "who asks again has it refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_while_the_ledger_was_closed_is_made_up_for() {
    let stage = Stage::new().await;
    stage.with_refresh_token("used").await;
    stage.token("used").await.expect("a token");
    let stage = stage.reopened_after(7_200);
    generation(&stage, "used", 2).await;
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_passes_is_made_up_for_by_the_ledger_itself() {
    let stage = Stage::new().await;
    stage.with_refresh_token("used").await;
    stage.token("used").await.expect("a token");
    stage.service.answer(Some((503, json!({}))));
    stage.pass(3_600 - 119);
    eventually("the health tells of it", || {
        std::future::ready((stage.health("used") == "degraded").then_some(()))
    })
    .await;
    stage.service.answer(None);
    // When it is tried again follows the health, so time goes on until it is.
    eventually("the token is refreshed", || {
        stage.pass(1);
        let view = stage.ledger.get("used");
        let is_new = view["secrets"]["access_token"]["generation"] == json!(2);
        std::future::ready(is_new.then_some(()))
    })
    .await;
    assert_eq!(stage.health("used"), "operational");
}
