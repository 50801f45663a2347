//! When only a person can help, nothing is tried until one has acted.

use serde_json::json;

use super::Stage;
use crate::ledger::TestCommand;
use crate::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_is_told_once_and_a_new_one_heals_it() {
    let stage = Stage::new().await;
    let id = stage.with_refresh_token("crm").await;
    stage.token("crm").await.expect("a token");
    // Somebody else used the refresh token, or took the grant back.
    stage.service.grant("crm");
    stage.pass(3_700);
    for _ in 0..3 {
        let refused = stage.token("crm").await.expect_err("the grant is lost");
        assert_eq!(refused.code.as_str(), "provider_token_refused", "{refused}");
        assert!(refused.message.contains("400 invalid_grant"), "{refused}");
    }
    assert_eq!(stage.service.asked().len(), 2, "it was tried again");
    let view = stage.ledger.get("crm");
    assert_eq!(view["health"]["state"], "failed");
    assert_eq!(view["provider_token"]["given_up"], true);
    let failures = |stage: &Stage| {
        let events = stage.events(&id);
        events.iter().filter(|event| *event == "provider_token_failed").count()
    };
    assert_eq!(failures(&stage), 1);

    let stage = stage.reopened_after(86_400);
    stage.token("crm").await.expect_err("a restart does not help");
    assert_eq!(stage.service.asked().len(), 2);
    let command = TestCommand::new("refresh-token", &json!({"connection": "crm"}));
    let refused = stage.ledger.send(command).await.expect_err("it is tried once more");
    assert_eq!(refused.code.as_str(), "provider_token_refused");
    assert_eq!((stage.service.asked().len(), failures(&stage)), (3, 1));

    let secrets = json!({"refresh_token": stage.service.grant("crm")});
    stage.ledger.run("rotate-secret", json!({"connection": "crm", "secrets": secrets})).await;
    let token = stage.token("crm").await.expect("a person has acted");
    assert!(token.starts_with("access-crm-"), "{token}");
    assert_eq!(stage.health("crm"), "operational");
    assert_eq!(stage.ledger.get("crm")["provider_token"]["given_up"], false);
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_pass_are_one_event_and_what_others_report_stays() {
    let stage = Stage::new().await;
    let id = stage.with_refresh_token("crm").await;
    stage.service.answer(Some((500, json!({}))));
    for _ in 0..5 {
        stage.token("crm").await.expect_err("the service is not well");
        stage.pass(400);
    }
    // The ledger itself may have tried it as well.
    assert!(stage.service.asked().len() >= 5);
    let failed = stage.events(&id).iter().filter(|one| *one == "provider_token_failed").count();
    assert_eq!((failed, stage.health("crm")), (1, json!("degraded")));
    let reason = json!({"connection": "crm", "reason": "the quota is used up"});
    stage.ledger.run("mark-failed", reason).await;
    stage.service.answer(None);
    // An attempt of the ledger itself may still have the answer of before.
    eventually("there is a token", async || {
        stage.pass(400);
        stage.token("crm").await.ok()
    })
    .await;
    assert_eq!(stage.health("crm"), "failed", "a token says nothing about the quota");
}
