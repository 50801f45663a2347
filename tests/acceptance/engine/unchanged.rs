//! The same secret again is no change, and a new one has no report of health yet.

use ledger_contract::errors::Code;
use serde_json::{Value, json};

use crate::ledger::{Ledger, TestCommand};

const SECRET: &str = "sk-first-value-1";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_secret_again_is_no_change() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let before = ledger.get(&id);
    let same = json!({"connection": id, "secrets": {"api_key": SECRET}});
    for verb in ["rotate-secret", "update"] {
        let code = ledger.refusal(TestCommand::new(verb, &same)).await;
        assert_eq!(code, Code::NothingToChange, "{verb}");
    }
    assert_eq!(ledger.get(&id), before);
    let more = json!({"connection": id, "secrets": {"api_key": SECRET, "token": "t-0123456789"}});
    ledger.run("update", more).await;
    let shown = ledger.get(&id);
    assert_eq!(shown["secrets"]["api_key"], before["secrets"]["api_key"]);
    assert_eq!(shown["secrets"]["token"]["generation"], 1);
    let event = &ledger.ask("history", &json!({"connection": id}))["events"][0]["data"];
    let recorded: Vec<_> = event["secrets"].as_object().expect("secrets").keys().collect();
    assert_eq!(recorded, ["token"], "only what is new");
    assert_eq!(ledger.reveal(&id, "api_key").await, SECRET);
    // An earlier value is another one.
    let other = json!({"connection": id, "secrets": {"api_key": "sk-other-value-2"}});
    ledger.run("rotate-secret", other).await;
    ledger.run("rotate-secret", same).await;
    assert_eq!(ledger.get(&id)["secrets"]["api_key"]["generation"], 3);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_tells_whether_a_guess_is_right() {
    let ledger = Ledger::new().await;
    let secret = "s".repeat(20_000);
    let body = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": secret}});
    let id = ledger.run("create", body).await.receipt.connection.expect("made");
    let filler = |size: usize| json!({"filler": "f".repeat(size)});
    for guess in [secret, "g".repeat(20_000)] {
        let body = json!({
            "connection": id, "config": filler(50_000), "secrets": {"api_key": guess},
        });
        let code = ledger.refusal(TestCommand::new("update", &body)).await;
        assert_eq!(code, Code::RecordTooLarge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_makes_the_health_unknown_and_the_reason_stays_in_history() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let fail = json!({"connection": id, "reason": "401 from the provider"});
    let new = |value: &str| json!({"connection": id, "secrets": {"api_key": value}});
    for (verb, value) in [("rotate-secret", "sk-second-value-2"), ("update", "sk-third-value-03")] {
        ledger.run("mark-failed", fail.clone()).await;
        let same = TestCommand::new(verb, &new(ledger.reveal(&id, "api_key").await.as_str()));
        assert_eq!(ledger.refusal(same).await, Code::NothingToChange);
        assert_eq!(ledger.get(&id)["health"]["state"], "failed", "the same value is no change");
        ledger.run(verb, new(value)).await;
        let shown = ledger.get(&id);
        assert_eq!(shown["health"]["state"], "unknown", "{verb}");
        assert_eq!(shown["health"]["reason"], Value::Null, "{verb}");
        let listed = ledger.ask("list", &json!({"health": ["unknown"]}));
        assert_eq!(listed["total"], 1, "{verb}");
    }
    let history = ledger.ask("history", &json!({"connection": id})).to_string();
    assert_eq!(history.matches("401 from the provider").count(), 2);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_show_nothing_of_passwords_and_short_values() {
    let ledger = Ledger::new().await;
    let secrets = json!({
        "api_key": "sk-first-0123456789", "short": "123456789", "password": "correct-horse-battery",
    });
    let body = json!({"slug": "main", "provider": "openai", "secrets": secrets});
    ledger.run("create", body).await;
    let shown = ledger.get("main")["secrets"].clone();
    let history = ledger.ask("history", &json!({"connection": "main"}));
    let recorded = history["events"][0]["data"]["secrets"].clone();
    assert_eq!(shown["api_key"]["masked"], "sk-*******89");
    assert_eq!(recorded["api_key"]["hint"], json!({"prefix": "sk-", "suffix": "89"}));
    for field in ["short", "password"] {
        assert_eq!(shown[field]["masked"], "********", "{field}");
        assert_eq!(recorded[field], json!({}), "{field}");
    }
}
