//! What users of connections report, and what follows.

use std::time::Duration;

use futures::future::join_all;
use ledger_contract::errors::Code;
use serde_json::{Value, json};

use super::scheduled::Stage;
use crate::ledger::TestCommand;
use crate::output::told;
use crate::service::Service;
use crate::wait::eventually;

async fn report(stage: &Stage, slug: &str, more: Value) -> String {
    let mut body = json!({"connection": slug, "outcome": "credentials_refused", "status": 401});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    let executed = stage.ledger.run("report-failure", body).await;
    executed.report.expect("what follows").action
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reports_is_one_test_and_a_false_one_changes_nothing() {
    let stage = Stage::new(2).await;
    let before = stage.head();
    stage.provider.answer_with(401);
    let storm = join_all((0..500).map(|_| report(&stage, "c-0", json!({})))).await;
    assert_eq!(storm.iter().filter(|action| *action == "test").count(), 1);
    assert_eq!(storm.iter().filter(|action| *action == "wait").count(), 499);
    eventually("the test tells", async || (stage.health("c-0") == "failed").then_some(())).await;
    assert_eq!(stage.provider.heard_of_all(), 1);
    assert_eq!(stage.head(), before + 2, "a reveal and a result");

    // It was tested moments ago, and later it works.
    assert_eq!(report(&stage, "c-0", json!({})).await, "wait");
    stage.pass(Duration::from_secs(10));
    stage.provider.answer_with(200);
    eventually("there is a place", async || {
        (report(&stage, "c-0", json!({})).await == "test").then_some(())
    })
    .await;
    eventually("it works", async || (stage.health("c-0") == "operational").then_some(())).await;
    assert_eq!(stage.head(), before + 3, "the reveal covers a day");
    stage.pass(Duration::from_secs(10));
    eventually("there is a place", async || {
        (report(&stage, "c-0", json!({})).await == "test").then_some(())
    })
    .await;
    eventually("it was tested", async || (stage.provider.heard_of_all() == 3).then_some(())).await;
    assert_eq!(report(&stage, "c-0", json!({"generations": {"api_key": 7}})).await, "outdated");
    assert_eq!(report(&stage, "c-0", json!({"generations": {"api_key": 1}})).await, "wait");
    assert_eq!(stage.head(), before + 3, "a report that is wrong changes nothing");
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tested_is_degraded_by_several_reports_and_one_event() {
    let stage = Stage::new(0).await;
    let ledger = &stage.ledger;
    let body = json!({"slug": "own", "provider": "nobody", "secrets": {"api_key": "sk-of-own."}});
    ledger.run("create", body).await;
    let before = stage.head();
    assert_eq!(report(&stage, "own", json!({})).await, "count");
    assert_eq!(report(&stage, "own", json!({})).await, "count");
    stage.pass(Duration::from_secs(61));
    assert_eq!(report(&stage, "own", json!({})).await, "count", "a new minute");
    let storm = join_all((0..200).map(|_| report(&stage, "own", json!({})))).await;
    assert!(storm.iter().any(|action| action == "mark"), "{storm:?}");
    eventually("it is degraded", async || (stage.health("own") == "degraded").then_some(())).await;
    assert_eq!(report(&stage, "own", json!({})).await, "known");
    assert_eq!(stage.head(), before + 1, "one event");
    let reason = ledger.get("own")["health"]["reason"].clone();
    assert_eq!(reason, "reported by its users within a minute: credentials_refused (401)");
    assert_eq!(ledger.get("own")["updated_by"], "system:reports");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_reports_are_refused() {
    let stage = Stage::new(1).await;
    let refused =
        async |body: Value| stage.ledger.refusal(TestCommand::new("report-failure", &body)).await;
    let good = json!({"connection": "c-0", "outcome": "rate_limited"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    assert_eq!(refused(with("connection", json!("nobody"))).await, Code::ConnectionUnknown);
    assert_eq!(refused(with("outcome", json!("works"))).await, Code::FieldInvalid);
    assert_eq!(refused(with("status", json!(99))).await, Code::FieldInvalid);
    assert_eq!(refused(with("status", json!(1e30))).await, Code::FieldInvalid);
    assert_eq!(refused(with("generations", json!({"x": 1}))).await, Code::SecretFieldUnknown);
    assert_eq!(refused(with("generations", json!({"api_key": 0}))).await, Code::FieldInvalid);
    assert_eq!(refused(with("reason", json!("free text"))).await, Code::BodyMalformed);
    stage.ledger.run("archive", json!({"connection": "c-0"})).await;
    let archived = refused(good).await;
    assert!(matches!(archived, Code::ConnectionArchived | Code::ConnectionUnknown), "{archived:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_reports_over_nats() {
    let service = Service::start(&[]).await;
    let create = ["create", "--slug", "own", "--provider", "nobody", "--secret", "k=v-1-of-own"];
    told(&service.run(&create).await);
    let args = ["report-failure", "own", "--outcome", "unreachable", "--generation", "k=1"];
    let taken = told(&service.run(&args).await);
    assert!(taken.starts_with("count: own  reports 1  health unknown"), "{taken}");
    let taken = told(&service.run(&[&args[..], &["--json"]].concat()).await);
    let taken: Value = serde_json::from_str(&taken).expect("JSON");
    assert_eq!(taken, json!({"action": "count", "reports": 2, "health": "unknown"}));
}
