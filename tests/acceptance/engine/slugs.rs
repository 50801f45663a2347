//! Slugs are unique among the active connections of a workspace.

use ledger_contract::errors::Code;
use serde_json::json;

use crate::ledger::{ABROAD, Ledger, TestCommand};

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_is_free_after_archive_and_restore_then_needs_a_new_one() {
    let ledger = Ledger::new().await;
    let old = ledger.create("Main").await;
    ledger.run("archive", json!({"connection": "main"})).await;
    let new = ledger.create("main").await;
    let taken = TestCommand::new("restore", &json!({"connection": old}));
    assert_eq!(ledger.refusal(taken).await, Code::SlugTaken);
    let also_taken = TestCommand::new("restore", &json!({"connection": old, "slug": "MAIN"}));
    assert_eq!(ledger.refusal(also_taken).await, Code::SlugTaken);
    ledger.run("restore", json!({"connection": old, "slug": "main-old"})).await;
    assert_eq!(ledger.get("main-old")["id"], json!(old));
    assert_eq!(ledger.get("main")["id"], json!(new));
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_connection_takes_its_slug_back_when_it_is_free() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("archive", json!({"connection": "main"})).await;
    ledger.run("restore", json!({"connection": id})).await;
    assert_eq!(ledger.get("main")["id"], json!(id));
    let taken = TestCommand::new("create", &json!({"slug": "main", "provider": "x"}));
    assert_eq!(ledger.refusal(taken).await, Code::SlugTaken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_connection_lets_its_slug_go_and_may_change_its_case() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("update", json!({"connection": "main", "slug": "MAIN"})).await;
    assert_eq!(ledger.get("main")["slug"], "MAIN");
    ledger.run("update", json!({"connection": "main", "slug": "new"})).await;
    ledger.create("main").await;
    let taken = TestCommand::new("update", &json!({"connection": id, "slug": "Main"}));
    assert_eq!(ledger.refusal(taken).await, Code::SlugTaken);
    let revert = TestCommand::new("revert", &json!({"connection": id, "to_version": 1}));
    assert_eq!(ledger.refusal(revert).await, Code::SlugTaken, "also by way of a revert");
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_have_slugs_of_their_own() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let abroad = TestCommand::new("create", &json!({"slug": "main", "provider": "x"})).at(ABROAD);
    ledger.send(abroad).await.expect("another workspace");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_a_slug_at_once_one_gets_it() {
    let ledger = Ledger::new().await;
    let test_command = TestCommand::new("create", &json!({"slug": "main", "provider": "x"}));
    let answers =
        futures::future::join_all((0..32).map(|_| ledger.send(test_command.clone()))).await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert_eq!(refused.filter(|problem| problem.code == Code::SlugTaken).count(), 31);
    assert_eq!(ledger.ask("list", &json!({}))["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_brings_settings_back_and_keeps_what_happened() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    ledger.run("update", json!({"connection": id, "slug": "two", "tags": ["t"]})).await;
    ledger
        .run("rotate-secret", json!({"connection": id, "secrets": {"api_key": "sk-other-value"}}))
        .await;
    ledger.run("mark-failed", json!({"connection": id, "reason": "down"})).await;
    ledger.run("revert", json!({"connection": id, "to_version": 1})).await;
    let view = ledger.get("main");
    assert_eq!((&view["version"], &view["tags"]), (&json!(5), &json!([])));
    assert_eq!(view["secrets"]["api_key"]["masked"], "sk-*******-1", "the old value is back");
    assert_eq!(view["health"]["state"], "unknown", "the report was about another value");
    let same = TestCommand::new("revert", &json!({"connection": id, "to_version": 1}));
    assert_eq!(ledger.refusal(same).await, Code::NothingToChange);
    ledger.run("mark-failed", json!({"connection": id, "reason": "down"})).await;
    ledger.run("update", json!({"connection": id, "tags": ["u"]})).await;
    let before = ledger.get(&id);
    ledger.run("revert", json!({"connection": id, "to_version": 6})).await;
    assert_eq!(ledger.get(&id)["health"], before["health"], "health is no setting");
    ledger.expect_replay_equal();
}

/// All slugs of a workspace are one set: whoever makes a connection learns that a name is in use.
/// That is all they learn.
#[tokio::test(flavor = "multi_thread")]
async fn that_a_slug_is_taken_is_all_that_is_told_of_what_has_it() {
    let ledger = Ledger::new().await;
    let hidden = json!({
        "slug": "Theirs", "provider": "secretive", "labels": {"team": "b"}, "display_name": "B",
    });
    let hidden = ledger.run("create", hidden).await.receipt.connection.expect("made");
    let mine = |slug: &str| json!({"slug": slug, "provider": "x", "labels": {"team": "a"}});
    for slug in ["visible", "own", "renamed"] {
        ledger.run("create", mine(slug)).await;
    }
    ledger.run("update", json!({"connection": "renamed", "slug": "now-other"})).await;
    let old = ledger.run("create", mine("old")).await.receipt.connection.expect("made");
    ledger.run("archive", json!({"connection": "old"})).await;
    let grants = json!([{"role": "editor", "labels": {"team": "a"}}]);
    let limited = ledger.enter("limited", grants).await;

    let heard = async |slug: &'static str| {
        let asked = [
            ("create", mine(slug)),
            ("update", json!({"connection": "own", "slug": slug})),
            ("restore", json!({"connection": old, "slug": slug})),
        ];
        let mut heard = Vec::new();
        for (verb, body) in asked {
            let refused = ledger.send_as(&limited, TestCommand::new(verb, &body)).await;
            let problem = refused.expect_err("it is taken");
            assert_eq!(problem.code, Code::SlugTaken, "{verb}");
            let told = format!("{problem:?}");
            for word in [&hidden, "Theirs", "secretive", "team"] {
                assert!(!told.contains(word), "{verb} told {word}: {told}");
            }
            heard.push(told.replace(slug, "SLUG"));
        }
        heard
    };
    assert_eq!(heard("theirs").await, heard("visible").await);
    // What is archived has no slug, and so nothing is told of it either.
    ledger.run("archive", json!({"connection": hidden})).await;
    let free = TestCommand::new("create", &mine("theirs"));
    ledger.send_as(&limited, free).await.expect("it is free");
}
