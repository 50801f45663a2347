//! One attempt for all who ask at once, and what becomes of those that come too late.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures::future::join_all;
use ledger_contract::errors::Problem;
use ledger_engine::Executed;
use serde_json::json;

use super::{Stage, token};
use crate::ledger::{TestCommand, send};
use crate::wait::eventually;

async fn asked(stage: &Stage, times: usize) {
    eventually("the service is asked", || {
        std::future::ready((stage.service.asked().len() >= times).then_some(()))
    })
    .await;
}

/// Returns a stage with a connection `crm` and somebody who asks for its token, for whom the
/// service is asked and does not answer yet.
async fn held() -> (Stage, tokio::task::JoinHandle<Result<String, Problem>>) {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    stage.service.hold(true);
    let engine = stage.ledger.engine.clone();
    let reader = tokio::spawn(async move { token(&engine, "crm").await });
    asked(&stage, 1).await;
    (stage, reader)
}

fn refresh() -> TestCommand {
    TestCommand::new("refresh-token", &json!({"connection": "crm"}))
}

/// The same with a command in place of the reader.
async fn held_command(
    command: TestCommand,
) -> (Stage, tokio::task::JoinHandle<Result<Executed, Problem>>) {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    stage.service.hold(true);
    let engine = stage.ledger.engine.clone();
    let sent = tokio::spawn(async move { send(&engine, command).await });
    asked(&stage, 1).await;
    (stage, sent)
}

/// Polls a request once, by which it joins the attempt that is held. Returns whether it waits.
async fn is_waiting<T>(mut request: Pin<&mut impl Future<Output = T>>) -> bool {
    poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_pending())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_ask_at_once_wait_for_one_answer() {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    stage.service.hold(true);
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let engine = stage.ledger.engine.clone();
            tokio::spawn(async move { token(&engine, "crm").await })
        })
        .collect();
    asked(&stage, 1).await;
    let engine = stage.ledger.engine.clone();
    let late = tokio::spawn(async move {
        let command = TestCommand::new("refresh-token", &json!({"connection": "crm"}));
        send(&engine, command).await
    });
    stage.service.hold(false);
    for read in join_all(readers).await {
        assert_eq!(read.expect("no panic").expect("a token"), "access-crm-2");
    }
    // A command that comes while it is asked for is superseded; one that comes later asks again.
    match late.await.expect("no panic") {
        Ok(_) => assert_eq!(stage.service.asked().len(), 2),
        Err(problem) => {
            assert_eq!(problem.code.as_str(), "refresh_superseded");
            assert_eq!(stage.service.asked().len(), 1);
        }
    }
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_during_an_attempt_is_superseded_and_never_refused() {
    let (stage, first) = held_command(refresh()).await;
    let mut second = Box::pin(stage.ledger.send(refresh()));
    assert!(is_waiting(second.as_mut()).await, "it waits for the first");
    stage.service.hold(false);
    let code = second.await.expect_err("it is not the first").code;
    assert_eq!(code.as_str(), "refresh_superseded");
    first.await.expect("no panic").expect("the first is accepted");
    assert_eq!(stage.service.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loser_takes_the_token_of_the_winner_and_is_not_given_up() {
    let (stage, loser) = held().await;
    // As another server would: it was faster, and used up the refresh token of the one that waits.
    let secrets = json!({"refresh_token": stage.service.grant("crm")});
    stage.ledger.run("rotate-secret", json!({"connection": "crm", "secrets": secrets})).await;
    stage.service.hold(false);
    let read = loser.await.expect("no panic").expect("the grant of the winner is used");
    assert_eq!(read, "access-crm-3");
    assert_eq!(stage.service.reused(), 1, "that of the loser");
    assert_eq!(stage.health("crm"), "operational");
    let events = stage.events("crm");
    assert!(!events.contains(&"provider_token_failed".to_owned()), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_other_things_change_is_stored() {
    let (stage, reader) = held().await;
    let renamed = json!({"connection": "crm", "display_name": "CRM", "labels": {"team": "a"}});
    stage.ledger.run("update", renamed).await;
    let config = json!({"scopes": ["more"]});
    stage.ledger.run("update", json!({"connection": "crm", "config": config})).await;
    stage.service.hold(false);
    reader.await.expect("no panic").expect("a token");
    let view = stage.ledger.get("crm");
    assert_eq!(view["secrets"]["refresh_token"]["generation"], 2, "the new one is kept");
    assert_eq!(view["provider_token"]["expires_at"], json!(null), "it has the former scopes");
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-3");
    assert_eq!(stage.service.asked()[1]["scope"], "more");
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_outlives_a_token_that_somebody_sets_meanwhile() {
    let (stage, reader) = held().await;
    let secrets = json!({"access_token": "by-hand"});
    stage.ledger.run("update", json!({"connection": "crm", "secrets": secrets})).await;
    stage.service.hold(false);
    let token = reader.await.expect("no panic").expect("a token");
    assert_eq!(token, "by-hand");
    let kept = stage.ledger.get("crm")["secrets"]["refresh_token"]["generation"].as_u64();
    assert!(kept.is_some_and(|generation| generation >= 2), "{kept:?}");
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_outlives_an_archiving_meanwhile() {
    let (stage, reader) = held().await;
    let id = stage.ledger.get("crm")["id"].clone();
    stage.ledger.run("archive", json!({"connection": "crm"})).await;
    stage.service.hold(false);
    let refused = reader.await.expect("no panic").expect_err("it is archived");
    assert_eq!(refused.code.as_str(), "connection_unknown", "its name is free");
    stage.ledger.run("restore", json!({ "connection": id })).await;
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-3");
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_outlives_a_command_id_that_another_command_takes_meanwhile() {
    let (stage, first) = held_command(refresh().id("same")).await;
    let labels = json!({"connection": "crm", "labels": {"team": "a"}});
    stage.ledger.send(TestCommand::new("update", &labels).id("same")).await.expect("accepted");
    stage.service.hold(false);
    let refused = first.await.expect("no panic").expect_err("its id is taken");
    assert_eq!(refused.code.as_str(), "command_id_reused");
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-2");
    assert_eq!((stage.service.asked().len(), stage.service.reused()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_during_the_attempt_gets_the_same_receipt() {
    let (stage, first) = held_command(refresh().id("same")).await;
    let mut second = Box::pin(stage.ledger.send(refresh().id("same")));
    assert!(is_waiting(second.as_mut()).await, "it waits for the first");
    stage.service.hold(false);
    let first = first.await.expect("no panic").expect("accepted");
    let second = second.await.expect("the same");
    assert_eq!(first.receipt.position, second.receipt.position);
    assert_eq!(stage.service.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_outlives_an_answer_without_the_wanted_token() {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    let config = json!({"token_response_field": "id_token"});
    stage.ledger.run("update", json!({"connection": "crm", "config": config})).await;
    let refused = stage.token("crm").await.expect_err("there is no id token");
    assert_eq!(refused.code.as_str(), "provider_token_unavailable");
    assert_eq!(stage.health("crm"), "degraded");
    stage
        .ledger
        .run("update", json!({"connection": "crm", "config": {"token_response_field": null}}))
        .await;
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-3");
    assert_eq!((stage.service.reused(), stage.health("crm")), (0, json!("operational")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_gave_out_is_stored_even_if_nobody_waits_any_more() {
    let (stage, reader) = held().await;
    reader.abort();
    assert!(reader.await.expect_err("it was ended").is_cancelled());
    let service = Arc::clone(&stage.service);
    let closing = tokio::task::spawn_blocking(move || stage.reopened_after(1));
    service.hold(false);
    let stage = closing.await.expect("no panic");
    assert_eq!(stage.ledger.get("crm")["secrets"]["refresh_token"]["generation"], 2);
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-2");
}
