//! The same command id gets the same answer, forever.

use ledger_contract::errors::Code;
use ledger_domain::Micros;
use serde_json::json;

use crate::ledger::{ABROAD, Ledger, TestCommand};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_is_answered_the_same_also_after_a_restart() {
    let mut ledger = Ledger::new().await;
    let test_command =
        TestCommand::new("create", &json!({"slug": "main", "provider": "x"})).id("once");
    let first = ledger.send(test_command.clone()).await.expect("accepted");
    ledger.run("disable", json!({"connection": "main"})).await;
    for _ in 0..2 {
        let head = ledger.engine.head();
        let again = ledger.send(test_command.clone()).await.expect("answered");
        assert!(again.repeated && !first.repeated);
        assert_eq!(again.receipt, first.receipt);
        let late =
            ledger.send(test_command.clone().deadline(Micros::new(1))).await.expect("answered");
        assert_eq!(late.receipt, first.receipt, "a deadline does not matter to what is done");
        assert_eq!(ledger.engine.head(), head);
        ledger = ledger.reopen();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_id_is_not_used_for_another_command() {
    let ledger = Ledger::new().await;
    let body = json!({"slug": "main", "provider": "x"});
    ledger.send(TestCommand::new("create", &body).id("once")).await.expect("accepted");
    let other = TestCommand::new("create", &json!({"slug": "other", "provider": "x"})).id("once");
    assert_eq!(ledger.refusal(other).await, Code::CommandIdReused);
    let verb = TestCommand::new("disable", &json!({"connection": "main"})).id("once");
    assert_eq!(ledger.refusal(verb).await, Code::CommandIdReused);
    let abroad = TestCommand::new("create", &body).id("once").at(ABROAD);
    let abroad = ledger.send(abroad).await.expect("each workspace has command ids of its own");
    assert!(!abroad.repeated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_may_be_tried_again_under_its_id() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let test_command = TestCommand::new("enable", &json!({"connection": "main"})).id("later");
    assert_eq!(ledger.refusal(test_command.clone()).await, Code::AlreadyEnabled);
    ledger.run("disable", json!({"connection": "main"})).await;
    assert!(!ledger.send(test_command).await.expect("accepted now").repeated);
}

/// The slug that named the connection may be gone, or be another's, when the repeat comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_when_the_command_itself_took_the_slug_away() {
    let ledger = Ledger::new().await;
    ledger.create("first").await;
    let rename = json!({"connection": "first", "slug": "second"});
    let archive = json!({"connection": "second"});
    for (verb, body) in [("update", rename), ("archive", archive)] {
        let test_command = TestCommand::new(verb, &body).id(verb);
        let first = ledger.send(test_command.clone()).await.expect("accepted");
        let again = ledger.send(test_command.clone()).await.expect("answered the same");
        assert_eq!(again.receipt, first.receipt, "{verb}");
        let other = TestCommand::new("mark-failed", &json!({"connection": "nobody"})).id(verb);
        assert_eq!(ledger.refusal(other).await, Code::CommandIdReused, "{verb}");
    }
    ledger.create("second").await;
    let archive = TestCommand::new("archive", &json!({"connection": "second"})).id("archive");
    assert!(ledger.send(archive).await.expect("the old answer").repeated);
    assert_eq!(ledger.get("second")["lifecycle"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_under_one_id_one_is_executed() {
    let ledger = Ledger::new().await;
    let test_command =
        TestCommand::new("create", &json!({"slug": "main", "provider": "x"})).id("once");
    let sent = (0..32).map(|_| ledger.send(test_command.clone()));
    let answers = futures::future::join_all(sent).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("answered")).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    assert!(answers.iter().all(|answer| answer.receipt == answers[0].receipt));
    assert_eq!(ledger.ask("list", &json!({}))["total"], 1);
}
