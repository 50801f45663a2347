//! A secret goes in and is nowhere to be seen.

use ledger_domain::Position;
use serde_json::{Value, json};

use crate::canary::{CANARY, expect_silence_in, secret, sings};
use crate::ledger::{Ledger, TestCommand};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_file_answer_or_notification() {
    let ledger = Ledger::new().await;
    for number in 0..20 {
        let slug = format!("c-{number}");
        let secrets = json!({"api_key": secret(number), "pem": format!("-----\n{CANARY}\n-----")});
        ledger.run("create", json!({"slug": slug, "provider": "x", "secrets": secrets})).await;
        let rotated = json!({"api_key": secret(number + 100)});
        ledger.run("rotate-secret", json!({"connection": slug, "secrets": rotated})).await;
        let updated = json!({"api_key": secret(number + 200), "more": secret(number + 300)});
        ledger.run("update", json!({"connection": slug, "secrets": updated})).await;
        ledger.run("revert", json!({"connection": slug, "to_version": 2})).await;
    }
    let answers = [
        ledger.ask("list", &json!({"page_size": 500})),
        ledger.ask("history", &json!({"page_size": 500})),
        ledger.get("c-1"),
        ledger.ask("status", &json!({})),
    ];
    for answer in answers {
        assert!(!sings(answer.to_string().as_bytes()), "{answer}");
    }
    for item in ledger.engine.outbox().read(Position::ZERO, 1_000).expect("readable") {
        assert!(!sings(&item.body), "{item:?}");
    }
    let folder = ledger.place.path();
    // Once while all of it is in the database's own log, which is not compressed, once after.
    assert!(expect_silence_in(&folder) > 10_000);
    ledger.replay(false);
    let place = ledger.close();
    assert!(expect_silence_in(&place.path()) > 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_wrong_place_is_not_repeated_in_the_refusal() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let canary = CANARY;
    let bodies: Vec<(&str, String)> = vec![
        ("create", format!("{{\"provider\": \"x\", \"secrets\": {canary}}}")),
        ("create", format!("{{\"{canary}\": 1}}")),
        ("create", json!({"provider": "x", "kind": canary}).to_string()),
        ("create", json!({"provider": "x", "enabled": canary}).to_string()),
        ("create", json!({"provider": "x", "slug": format!("{canary} !")}).to_string()),
        ("create", json!({"provider": "x", "secrets": [canary]}).to_string()),
        ("create", json!({"provider": "x", "secrets": {"k": {"v": canary}}}).to_string()),
        ("create", json!({"provider": "x", "tags": [format!("{canary}\u{0}")]}).to_string()),
        ("create", json!({"provider": format!("{canary}\n")}).to_string()),
        ("rotate-secret", json!({"connection": "main", "secrets": canary}).to_string()),
        (
            "set-limits",
            json!({"connection": "main", "grant_to": canary, "limits": {"rate": canary}})
                .to_string(),
        ),
    ];
    for (verb, body) in bodies {
        let refused = ledger.send(TestCommand::of_bytes(verb, body.clone().into_bytes())).await;
        let problem = refused.expect_err("refused");
        let shown = serde_json::to_string(&problem.body()).expect("JSON") + &format!("{problem:?}");
        assert!(!sings(shown.as_bytes()), "{body}\n{shown}");
    }
    for question in [json!({canary: 1}), json!({"sort": canary}), json!({"cursor": canary})] {
        let problem = ledger.ask_at("default", "list", &question).expect_err("refused");
        let shown = serde_json::to_string(&problem.body()).expect("JSON");
        assert!(!sings(shown.as_bytes()), "{question}\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_values_of_a_secret_are_told_apart_by_what_is_shown() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let shown = |view: Value| view["secrets"]["api_key"].clone();
    let before = shown(ledger.get(&id));
    ledger
        .run(
            "rotate-secret",
            json!({"connection": id, "secrets": {"api_key": "sk-another-value-zz"}}),
        )
        .await;
    let after = shown(ledger.get(&id));
    assert_ne!(before["masked"], after["masked"]);
    assert_eq!((&before["generation"], &after["generation"]), (&json!(1), &json!(2)));
}
