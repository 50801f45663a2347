//! A lost right is lost at once: also for commands and questions of those who were let in before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::join_all;
use ledger_contract::errors::Code;
use ledger_contract::subjects::LEDGER;
use ledger_domain::Micros;
use ledger_domain::connection::Environment;
use ledger_engine::{Caller, Clock, Engine, EngineOptions, Ports};
use ledger_vault::Keyring;
use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger, TestCommand, ask_as, send_as};
use crate::matrix::bodies::body;
use crate::verbs::{REVEAL, ledger_verbs, principal_verbs, token_verbs, verbs};

const EVERYTHING: &str =
    r#"{"scopes": ["read", "write", "rotate", "reveal", "audit", "administer"]}"#;

fn everything() -> Value {
    serde_json::from_str(EVERYTHING).expect("JSON")
}

fn create() -> TestCommand {
    TestCommand::new("create", &json!({"provider": "x"}))
}

/// A command of every verb.
fn commands() -> Vec<TestCommand> {
    let about = |verb: &'static str, field: &str, name: &str| {
        let mut body = body(verb, 1);
        let names_nothing = [
            "create",
            "create-workspace",
            "create-principal",
            "revoke-handover",
            "revoke-workspace-leases",
            "set-secret-policy",
            "remove-secret-policy",
            "create-alert",
            "update-alert",
            "rotate-alert-secret",
            "test-alert",
            "replay-alert",
            "remove-alert",
        ];
        let names_nothing = names_nothing.contains(&verb);
        if !names_nothing {
            body[field] = json!(name);
        }
        if verb == "revoke-key" {
            body["key"] = json!("k3x9a2bq71ce");
        }
        TestCommand::new(verb, &body)
    };
    let here = verbs().chain([REVEAL]).map(|verb| {
        let command = about(verb, "connection", "main");
        if verb == "create-workspace" { command.at("new") } else { command }
    });
    let of_principals = principal_verbs().map(|verb| about(verb, "principal", "one").at(LEDGER));
    let of_tokens = token_verbs().chain(ledger_verbs());
    let of_tokens = of_tokens.map(|verb| TestCommand::new(verb, &body(verb, 1)).at(LEDGER));
    here.chain(of_principals).chain(of_tokens).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_in_before_a_loss_may_do_nothing_after_it() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    for (verb, more, code) in [
        ("revoke-key", json!({}), Code::CredentialRevoked),
        ("disable-principal", json!({}), Code::CredentialRevoked),
        ("update-principal", json!({"grants": []}), Code::Forbidden),
        ("update-principal", json!({"grants": [{"role": "viewer"}]}), Code::Forbidden),
    ] {
        let name = format!("p-{verb}-{}", more.to_string().len());
        let caller = ledger.enter(&name, json!([everything()])).await;
        let mut body = more.clone();
        body["principal"] = json!(name);
        if verb == "revoke-key" {
            body["key"] = json!(caller.key().expect("a key").as_str());
        }
        ledger.lead(verb, body).await;
        for command in commands() {
            let shown = format!("{} after {verb} {more}", command.verb);
            // Who may only read gets the models of the catalogue.
            if command.verb == "list-models" && more.to_string().contains("viewer") {
                let listed = ledger.send_as(&caller, command).await.expect(&shown);
                assert_eq!(listed.models.expect("models").source, "catalogue");
                continue;
            }
            // To who may not see it, a handover does not exist.
            let hidden = command.verb == "revoke-handover" && code == Code::Forbidden;
            let refused = ledger.send_as(&caller, command).await.expect_err(&shown).code;
            assert!(refused == code || hidden && refused == Code::HandoverUnknown, "{shown}");
        }
        for name in ["history", "audit"] {
            let asked = ledger.ask_as(&caller, HOME, name, &json!({}));
            assert_eq!(asked.expect_err("refused").code, code, "{name} after {verb} {more}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_was_given_meanwhile_counts() {
    let ledger = Ledger::new().await;
    let caller = ledger.enter("one", json!([{"role": "viewer"}])).await;
    let refused = ledger.send_as(&caller, create()).await.expect_err("a viewer");
    assert_eq!(refused.code, Code::Forbidden);
    ledger.lead("update-principal", json!({"principal": "one", "grants": [everything()]})).await;
    ledger.send_as(&caller, create()).await.expect("an editor by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_only_while_its_sender_is_let_in() {
    let ledger = Ledger::new().await;
    let caller = ledger.enter("one", json!([everything()])).await;
    let issue = || TestCommand::new("issue-key", &json!({"principal": "one"})).at(LEDGER).id("a");
    ledger.send_as(&caller, issue()).await.expect("accepted");
    let archive = || TestCommand::new("archive", &json!({"connection": "main"})).id("b");
    ledger.create("main").await;
    ledger.send_as(&caller, archive()).await.expect("accepted");
    ledger.lead("disable-principal", json!({"principal": "one"})).await;
    for command in [issue(), archive()] {
        let refused = ledger.send_as(&caller, command).await.expect_err("refused");
        assert_eq!(refused.code, Code::CredentialRevoked);
    }
}

/// Commands that wait in the queue while a revocation is decided come after it in the log.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_a_key_comes_after_its_revocation() {
    let ledger = Ledger::new().await;
    for round in 0..8 {
        let name = format!("p-{round}");
        let caller = ledger.enter(&name, json!([everything()])).await;
        let id = caller.key().expect("a key").as_str().to_owned();
        let create = || send_as(&ledger.engine, caller.clone(), create());
        let revoke = TestCommand::new("revoke-key", &json!({"principal": name, "key": id}));
        let before = join_all((0..200).map(|_| create()));
        let (first, revoked, second) = tokio::join!(
            before,
            ledger.send(revoke.at(LEDGER)),
            join_all((0..200).map(|_| create()))
        );
        let revoked = revoked.expect("accepted").receipt.position;
        let accepted = first.into_iter().chain(second).filter_map(Result::ok);
        let late = accepted.filter(|executed| executed.receipt.position > revoked).count();
        assert_eq!(late, 0, "of a key that was revoked at {revoked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_expired_since_it_was_checked_is_refused() {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let shown = Arc::clone(&now);
    let clock = Clock::new(move || Micros::new(shown.load(Ordering::SeqCst)));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keyring = Keyring::generate(&mut rand::rng());
    let options = EngineOptions::new(folder.path().join("data"), keyring);
    let ports = Ports { clock, ..Ports::default() };
    let engine = Engine::open(EngineOptions { create: true, ports, ..options }).expect("new");
    let admin = engine.issue_admin_key(Environment::Test).await.expect("a key");
    let admin = engine.authenticate_key(&admin).expect("a good key");
    let workspace = TestCommand::new("create-workspace", &json!({}));
    send_as(&engine, admin.clone(), workspace).await.expect("accepted");
    let issue = json!({"principal": "admin", "expires_at": "2027-01-15T09:00:00Z"});
    let issued = send_as(&engine, admin, TestCommand::new("issue-key", &issue).at(LEDGER)).await;
    let key = issued.expect("accepted").api_key.expect("a key");
    let end = ledger_contract::time::parse("at", "2027-01-15T09:00:00Z").expect("a time");
    let by_key = engine.authenticate_key(&key.key).expect("a good key");
    let by_token = Caller::system("oidc:anna").until(end);
    for caller in [by_key, by_token] {
        now.store(end.get() - 1, Ordering::SeqCst);
        send_as(&engine, caller.clone(), create()).await.expect("it is good for a moment more");
        ask_as(&engine, &caller, HOME, "list", &json!({})).expect("answered");
        now.store(end.get(), Ordering::SeqCst);
        let refused = send_as(&engine, caller.clone(), create()).await.expect_err("too late");
        assert_eq!(refused.code, Code::CredentialExpired);
        let refused = ask_as(&engine, &caller, HOME, "list", &json!({})).expect_err("too late");
        assert_eq!(refused.code, Code::CredentialExpired);
    }
    engine.shutdown();
}
