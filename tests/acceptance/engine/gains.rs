//! Who may change a connection gains no further right to it by the change.

use ledger_contract::errors::{Code, Problem};
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::verbs::REVEAL;

/// Everything at home but to get secrets and to see who did what.
const MANAGES: [&str; 4] = ["read", "write", "rotate", "administer"];
/// Everything at home that sharing takes, but not to see what is shared.
const SHARES: [&str; 4] = ["write", "rotate", "reveal", "administer"];

fn reveal(id: &str) -> TestCommand {
    TestCommand::new(REVEAL, &json!({"connection": id, "reason": "to look"}))
}

fn expect_gain(refused: &Problem, scope: &str) {
    assert_eq!(refused.code, Code::Forbidden, "{refused}");
    assert!(
        refused.message.contains(&format!("would give the credential the scope `{scope}`")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_shares_a_connection_with_a_workspace_where_they_may_do_more() {
    let ledger = Ledger::new().await;
    let id = ledger.create("main").await;
    let grants = json!([
        {"scopes": SHARES, "workspaces": [HOME]}, {"role": "viewer", "workspaces": [ABROAD]},
    ]);
    let caller = ledger.enter("caller", grants).await;
    let share =
        |to: &str| TestCommand::new("grant-workspace", &json!({"connection": id, "grant_to": to}));
    for to in [ABROAD, "*"] {
        let refused = ledger.send_as(&caller, share(to)).await.expect_err("it would be seen");
        expect_gain(&refused, "read");
    }
    // What was shared once is not shared again by going back.
    let told = json!({"connection": id, "grant_to": ABROAD});
    ledger.run("grant-workspace", told.clone()).await;
    ledger.run("revoke-workspace", told).await;
    let back = TestCommand::new("revert", &json!({"connection": id, "to_version": 2}));
    expect_gain(&ledger.send_as(&caller, back).await.expect_err("shared then"), "read");
    // Where they may do nothing, or no more than at home, sharing is theirs.
    let third = TestCommand::new("create-workspace", &json!({})).at("third");
    ledger.send(third).await.expect("made");
    ledger.send_as(&caller, share("third")).await.expect("nothing is gained");
    let reads = json!([
        {"scopes": SHARES, "workspaces": [HOME]}, {"scopes": ["read"], "workspaces": [HOME, ABROAD]},
    ]);
    let reader = ledger.enter("reader", reads).await;
    ledger.send_as(&reader, share(ABROAD)).await.expect("they read it at home, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_labels_a_connection_into_their_reach() {
    let ledger = Ledger::new().await;
    let draft = |slug: &str, env: &str| {
        json!({
            "slug": slug, "provider": "openai", "labels": {"env": env},
            "secrets": {"api_key": "sk-first-value-1"},
        })
    };
    let made = ledger.run("create", draft("live", "production")).await;
    let id = made.receipt.connection.expect("a connection");
    let change = |body: Value| {
        let mut body = body;
        body["connection"] = json!(id);
        TestCommand::new("update", &body)
    };
    let narrow = [
        (json!({"scopes": ["reveal"], "labels": {"env": "test"}}), "reveal"),
        (json!({"scopes": ["audit"], "labels": {"env": "test"}}), "audit"),
        (json!({"scopes": ["reveal"], "providers": ["mistral"]}), "reveal"),
    ];
    for (number, (grant, scope)) in narrow.into_iter().enumerate() {
        let grants = json!([{"scopes": MANAGES, "workspaces": [HOME]}, grant]);
        let caller = ledger.enter(&format!("caller-{number}"), grants).await;
        let moved = change(json!({
            "labels": {"env": "test"}, "provider": "mistral", "detach_secrets": true,
        }));
        expect_gain(&ledger.send_as(&caller, moved).await.expect_err("into reach"), scope);
        let refused = ledger.send_as(&caller, reveal(&id)).await.expect_err("not theirs");
        assert_eq!(refused.code, Code::Forbidden);
        let plain = change(json!({"description": format!("by {number}")}));
        ledger.send_as(&caller, plain).await.expect("nothing is gained");
        let own = TestCommand::new("create", &draft(&format!("own-{number}"), "test"));
        ledger.send_as(&caller, own).await.expect("what they make is theirs");
    }
}
