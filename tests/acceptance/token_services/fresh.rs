//! Whoever asks for a token gets one that is still valid.

use serde_json::json;

use super::{START, Stage, at};
use crate::ledger::TestCommand;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_got_when_somebody_asks_and_again_when_it_expires() {
    let stage = Stage::new().await;
    let id = stage.with_refresh_token("crm").await;
    assert!(stage.service.asked().is_empty(), "nobody has asked for a token yet");
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-2");
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-2");
    assert_eq!(stage.service.asked().len(), 1);
    let view = stage.ledger.get("crm");
    assert_eq!(view["provider_token"]["expires_at"], at(START + 3_600));
    assert_eq!(view["health"]["state"], "operational");
    assert_eq!(view["secrets"]["refresh_token"]["generation"], 2);
    let expected =
        ["connection_created", "secret_revealed", "provider_token_refreshed", "secret_revealed"];
    assert_eq!(stage.events(&id)[..4], expected);

    stage.pass(3_541);
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-3");
    assert_eq!(stage.service.reused(), 0);
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_is_given_out_while_it_is_valid_and_none_that_is_not() {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    stage.token("crm").await.expect("a token");
    stage.service.answer(Some((503, json!({"error": "temporarily_unavailable"}))));
    stage.pass(3_550);
    assert_eq!(stage.token("crm").await.expect("still valid"), "access-crm-2");
    assert_eq!(stage.health("crm"), "degraded");
    stage.pass(60);
    let refused = stage.token("crm").await.expect_err("it has expired");
    assert_eq!(refused.code.as_str(), "provider_token_unavailable", "{refused}");
    assert!(refused.message.contains("503 temporarily_unavailable"), "{refused}");
    let asked = stage.service.asked().len();
    let refused = stage.token("crm").await.expect_err("it is too early to try again");
    assert!(refused.retry_after_seconds.is_some(), "{refused:?}");
    assert_eq!(stage.service.asked().len(), asked, "the service was asked again at once");

    stage.service.answer(None);
    stage.pass(10);
    assert_eq!(stage.token("crm").await.expect("it is well again"), "access-crm-3");
    assert_eq!(stage.health("crm"), "operational");
    assert_eq!(stage.service.reused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_token_takes_no_service_and_other_secrets_no_token() {
    let stage = Stage::new().await;
    let body = json!({
        "slug": "signed", "provider": "acme", "auth_method": "private_key_jwt",
        "config": {"issuer": "me", "audience": "you", "subject": "them"},
        "secrets": {"secret_key": "a-shared-key-of-both"},
    });
    stage.ledger.run("create", body).await;
    let key = stage.ledger.reveal("signed", "secret_key").await;
    assert_eq!(key, "a-shared-key-of-both");
    let everything = crate::ledger::revealed(&stage.ledger.engine, "signed").await;
    let names: Vec<_> = everything.expect("revealed").secrets.keys().cloned().collect();
    assert_eq!(names, ["secret_key"], "nobody asked for a token");
    let token = stage.token("signed").await.expect("a token");
    assert_eq!(token.split('.').count(), 3);
    let expires_at = &stage.ledger.get("signed")["provider_token"]["expires_at"];
    assert_eq!(*expires_at, at(START - 60 + 3_600));
    assert!(stage.service.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_only_to_those_who_want_a_token() {
    let stage = Stage::new().await;
    let body = json!({
        "slug": "half", "provider": "acme", "auth_method": "oauth2_client_credentials",
        "config": {"client_id": "c"}, "secrets": {"client_secret": "its-secret-value"},
    });
    stage.ledger.run("create", body).await;
    crate::ledger::revealed(&stage.ledger.engine, "half").await.expect("all that is there");
    let refused = stage.token("half").await.expect_err("there is no token_url");
    assert_eq!(refused.code.as_str(), "refresh_impossible");
    assert!(refused.message.contains("token_url is missing"), "{refused}");
    let command = TestCommand::new("refresh-token", &json!({"connection": "half"}));
    assert_eq!(stage.ledger.refusal(command).await.as_str(), "refresh_impossible");
    stage.ledger.create("plain").await;
    let command = TestCommand::new("refresh-token", &json!({"connection": "plain"}));
    assert_eq!(stage.ledger.refusal(command).await.as_str(), "refresh_impossible");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_another_token_and_a_repeat_asks_for_nothing() {
    let stage = Stage::new().await;
    stage.with_refresh_token("crm").await;
    stage.token("crm").await.expect("a token");
    let command = TestCommand::new("refresh-token", &json!({"connection": "crm"})).id("once");
    let first = stage.ledger.send(command.clone()).await.expect("accepted");
    let again = stage.ledger.send(command).await.expect("known");
    assert_eq!((first.receipt, first.repeated), (again.receipt, false));
    assert!(again.repeated);
    assert_eq!(stage.service.asked().len(), 2);
    assert_eq!(stage.token("crm").await.expect("a token"), "access-crm-3");
}
