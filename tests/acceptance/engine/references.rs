//! Secret fields that hold references: what is stored and shown, who may set and follow them, and
//! what goes wrong at the other end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Reference, WorkspaceName};
use ledger_engine::{Caller, FollowReference, Followed, ReferenceProblem};
use ledger_vault::Plaintext;
use serde_json::{Value, json};

use crate::canary::secret;
use crate::ledger::{ABROAD, Ledger, TestCommand, send_as};

/// What is outside, by the name of a variable. Nothing else is allowed.
#[derive(Debug, Default)]
struct Outside(Mutex<BTreeMap<String, String>>);

impl Outside {
    fn beside(ledger: &Ledger) -> Arc<Self> {
        let outside = Arc::new(Self::default());
        ledger.engine.set_reference_follower(outside.clone());
        outside
    }

    fn set(&self, name: &str, value: &str) {
        self.0.lock().expect("not poisoned").insert(name.to_owned(), value.to_owned());
    }

    fn forbid(&self, name: &str) {
        self.0.lock().expect("not poisoned").remove(name);
    }
}

impl FollowReference for Outside {
    fn check(&self, _: &WorkspaceName, reference: &Reference) -> Result<(), ReferenceProblem> {
        let known = self.0.lock().expect("not poisoned");
        let is_known = known.contains_key(reference.name.as_str());
        is_known.then_some(()).ok_or_else(|| ReferenceProblem::forbidden("it is not allowed"))
    }

    fn follow<'a>(&'a self, _: &'a WorkspaceName, reference: &'a Reference) -> Followed<'a> {
        let value = self.0.lock().expect("not poisoned").get(reference.name.as_str()).cloned();
        Box::pin(async move {
            let value = value.ok_or_else(|| ReferenceProblem::unusable("it is not set"))?;
            if value == "away" {
                return Err(ReferenceProblem::away("it does not answer"));
            }
            Ok(Arc::new(Plaintext::from_string(value)))
        })
    }

    fn forget(&self) {
        // It keeps nothing of what it finds.
    }
}

fn at(kind: &str, name: &str) -> Value {
    json!({"reference": {"kind": kind, "name": name}})
}

fn draft(slug: &str, key: &Value) -> Value {
    json!({"slug": slug, "provider": "openai", "secrets": {"api_key": key}})
}

fn rotate(slug: &str, key: &Value) -> TestCommand {
    TestCommand::new("rotate-secret", &json!({"connection": slug, "secrets": {"api_key": key}}))
}

fn ask(slug: &str) -> TestCommand {
    let body = json!({"connection": slug, "fields": ["api_key"], "reason": "a test"});
    TestCommand::new("reveal-secret", &body)
}

async fn refused(ledger: &Ledger, caller: &Caller, command: TestCommand) -> Problem {
    let shown = format!("{} {}", command.verb, String::from_utf8_lossy(&command.body));
    send_as(&ledger.engine, caller.clone(), command).await.expect_err(&shown)
}

/// Returns the codes, messages included, with which a reveal is refused.
async fn unrevealed(ledger: &Ledger, slug: &str) -> (Code, String) {
    let problem = refused(ledger, &Caller::system("user:admin"), ask(slug)).await;
    (problem.code, problem.message)
}

fn events(ledger: &Ledger, slug: &str) -> Vec<Value> {
    let page = ledger.ask("history", &json!({"connection": slug, "oldest_first": true}));
    page["events"].as_array().expect("events").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_kept_in_the_clear_and_followed_when_its_field_is_revealed() {
    let ledger = Ledger::new().await;
    let outside = Outside::beside(&ledger);
    let (first, second) = (secret(1), secret(2));
    outside.set("OPENAI_KEY", &first);
    let id = ledger.run("create", draft("main", &at("env", "OPENAI_KEY"))).await;
    let id = id.receipt.connection.expect("an id");
    let shown = &ledger.get("main")["secrets"]["api_key"];
    let expected = json!({"kind": "env", "name": "OPENAI_KEY", "format": "string"});
    assert_eq!((&shown["reference"], &shown["generation"]), (&expected, &json!(1)));
    assert_eq!(ledger.reveal("main", "api_key").await, first);
    outside.set("OPENAI_KEY", &second);
    assert_eq!(ledger.reveal("main", "api_key").await, second, "it changed at its source");

    let created = &events(&ledger, "main")[0];
    let stored = &created["data"]["secrets"]["api_key"]["reference"];
    assert_eq!(stored, &json!({"kind": "env", "name": "OPENAI_KEY"}), "{created}");
    ledger.send(rotate("main", &at("env", "OPENAI_KEY"))).await.expect("the value is a new one");
    assert_eq!(ledger.get("main")["secrets"]["api_key"]["generation"], 2);
    let again = json!({"connection": "main", "secrets": {"api_key": at("env", "OPENAI_KEY")}});
    let unchanged = ledger.refusal(TestCommand::new("update", &again)).await;
    assert_eq!(unchanged, Code::NothingToChange);

    let exposure = json!({"connection": "main", "field": "api_key", "generation": 1});
    let report = ledger.ask("exposure", &exposure);
    assert_eq!(report["reference"]["name"], "OPENAI_KEY", "{report}");
    assert_eq!(report["readers"][0]["reveals"], 2);
    ledger.expect_replay_equal();
    let ledger = ledger.reopen();
    let outside = Outside::beside(&ledger);
    outside.set("OPENAI_KEY", &first);
    assert_eq!(ledger.reveal(&id, "api_key").await, first);

    ledger
        .run(
            "rotate-secret",
            json!({
                "connection": "main", "secrets": {"api_key": &second},
                "keep_former_until": "1h",
            }),
        )
        .await;
    let former = ledger.get("main")["secrets"]["api_key"]["former"].clone();
    assert_eq!(former["reference"]["name"], "OPENAI_KEY", "{former}");
    ledger.run("cancel-rotation", json!({"connection": "main"})).await;
    assert_eq!(ledger.reveal("main", "api_key").await, first);
    let report = ledger.ask("exposure", &json!({"connection": "main", "field": "api_key"}));
    assert_eq!(report["generation"], 4, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_refused_when_it_is_set_and_when_it_is_followed() {
    let ledger = Ledger::new().await;
    let admin = Caller::system("user:admin");
    let create = TestCommand::new("create", &draft("main", &at("env", "KEY")));
    let problem = refused(&ledger, &admin, create.clone()).await;
    assert_eq!(problem.code, Code::ReferenceForbidden, "nothing is allowed by default");
    assert!(problem.message.contains("env:KEY") && problem.message.contains("--allow-reference"));
    assert_eq!(problem.field.as_deref(), Some("api_key"));
    let outside = Outside::beside(&ledger);
    assert_eq!(ledger.refusal(create.clone()).await, Code::ReferenceForbidden);
    outside.set("KEY", &secret(1));
    ledger.send(create).await.expect("it is allowed");
    outside.forbid("KEY");
    let (code, message) = unrevealed(&ledger, "main").await;
    assert_eq!(code, Code::ReferenceForbidden, "{message}");
    let revealed = events(&ledger, "main");
    assert_eq!(revealed.last().expect("events")["type"], "secret_revealed", "it was asked for");
    let journal = ledger.ask("audit", &json!({"kind": ["reference_forbidden"]}));
    assert_eq!(journal["entries"][0]["operation"], "reveal-secret", "{journal}");

    for (value, code, part) in [
        ("away", Code::ReferenceUnavailable, "does not answer"),
        ("", Code::ReferenceUnusable, "is empty"),
        (&"canary".repeat(6_000), Code::ReferenceUnusable, "larger than 32 KiB"),
    ] {
        outside.set("KEY", value);
        let (found, message) = unrevealed(&ledger, "main").await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(part) && message.contains("env:KEY of api_key"), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    let keyed = json!({"reference": {"kind": "env", "name": "KEY", "key": "token"}});
    ledger.send(rotate("main", &keyed)).await.expect("allowed");
    outside.set("KEY", "{\"other\": \"canary\"}");
    let (code, message) = unrevealed(&ledger, "main").await;
    assert_eq!(code, Code::ReferenceUnusable);
    assert!(message.contains("env:KEY#token") && !message.contains("canary"), "{message}");
    outside.set("KEY", "{\"token\": \"found\"}");
    assert_eq!(ledger.reveal("main", "api_key").await, "found");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_reveal_sets_no_reference() {
    let ledger = Ledger::new().await;
    let outside = Outside::beside(&ledger);
    outside.set("KEY", &secret(1));
    ledger.create("main").await;
    let writer = ledger.enter("writer", json!([{"scopes": ["read", "write", "rotate"]}])).await;
    let reference = at("env", "KEY");
    let update = json!({"connection": "main", "secrets": {"token": reference}});
    for command in [
        TestCommand::new("create", &draft("other", &reference)),
        TestCommand::new("update", &update),
        rotate("main", &reference),
    ] {
        let problem = refused(&ledger, &writer, command).await;
        assert_eq!(problem.code, Code::Forbidden);
        assert!(problem.message.contains("`reveal`"), "{problem}");
    }
    send_as(&ledger.engine, writer, rotate("main", &json!(secret(2)))).await.expect("a value");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_connection_is_revealed_there_too() {
    let ledger = Ledger::new().await;
    let value = secret(1);
    ledger.run("create", draft("source", &json!(value))).await;
    ledger.run("create", draft("middle", &at("connection", "Source/api_key"))).await;
    ledger.run("create", draft("main", &at("connection", "middle/api_key"))).await;
    assert_eq!(ledger.reveal("main", "api_key").await, value);
    for slug in ["main", "middle", "source"] {
        let all = events(&ledger, slug);
        let last = all.last().expect("events");
        assert_eq!(
            (&last["type"], &last["data"]["reason"]),
            (&json!("secret_revealed"), &json!("a test"))
        );
    }
    let (main, middle) = (events(&ledger, "main"), events(&ledger, "middle"));
    let cause = &middle.last().expect("events")["causation_id"];
    assert_eq!(cause, &main.last().expect("events")["event_id"]);

    let renamed = json!({"connection": "source", "slug": "renamed"});
    ledger.run("update", renamed).await;
    ledger.run("create", draft("source", &json!(secret(2)))).await;
    assert_eq!(ledger.reveal("main", "api_key").await, value, "the id is what counts");
    ledger.run("disable", json!({"connection": "renamed"})).await;
    let (code, message) = unrevealed(&ledger, "main").await;
    assert_eq!(code, Code::ReferenceUnusable);
    assert!(message.contains("the connection is disabled"), "{message}");
    ledger.run("archive", json!({"connection": "renamed"})).await;
    assert_eq!(unrevealed(&ledger, "main").await.0, Code::ReferenceUnusable);
    ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_somebody_may_not_reveal_is_out_of_reach_of_their_references() {
    let ledger = Ledger::new().await;
    let labeled = |slug: &str, team: &str| {
        let mut draft = draft(slug, &json!(secret(1)));
        draft["labels"] = json!({"team": team});
        draft
    };
    ledger.run("create", labeled("theirs", "a")).await;
    ledger.run("create", labeled("mine", "b")).await;
    let scopes = json!(["read", "write", "rotate", "reveal"]);
    let grants = |team: &str| json!([{"scopes": scopes, "labels": {"team": team}}]);
    let caller = ledger.enter("somebody", grants("b")).await;
    for name in ["theirs/api_key", "missing/api_key"] {
        let problem = refused(&ledger, &caller, rotate("mine", &at("connection", name))).await;
        assert_eq!(problem.code, Code::ReferenceForbidden);
        assert!(problem.message.contains("no such active connection"), "{problem}");
    }
    let abroad = draft("abroad", &json!(secret(3)));
    ledger.send(TestCommand::new("create", &abroad).at(ABROAD)).await.expect("created");
    assert_eq!(
        ledger.refusal(rotate("mine", &at("connection", "abroad/api_key"))).await,
        Code::ReferenceForbidden,
        "references stay within a workspace"
    );
    ledger.send(rotate("mine", &at("connection", "theirs/api_key"))).await.expect("an admin may");
    let problem = refused(&ledger, &caller, ask("mine")).await;
    assert_eq!(problem.code, Code::ReferenceForbidden, "a right that was lost, or never there");
    assert!(!problem.message.contains("theirs"), "{problem}");
    let reveals =
        events(&ledger, "theirs").iter().filter(|one| one["type"] == "secret_revealed").count();
    assert_eq!(reveals, 0);
    assert!(send_as(&ledger.engine, Caller::system("user:admin"), ask("mine")).await.is_ok());
    let missing = ledger.refusal(rotate("mine", &at("connection", "theirs/none"))).await;
    assert_eq!(missing, Code::ReferenceUnusable);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_go_in_a_circle_or_too_deep_are_refused() {
    let ledger = Ledger::new().await;
    for number in 0..=5 {
        ledger.create(&format!("c-{number}")).await;
    }
    let link = |from: u32, to: u32| {
        rotate(&format!("c-{from}"), &at("connection", &format!("c-{to}/api_key")))
    };
    assert_eq!(ledger.refusal(link(0, 0)).await, Code::ReferenceUnusable, "to itself");
    ledger.send(link(1, 0)).await.expect("one step");
    assert_eq!(ledger.refusal(link(0, 1)).await, Code::ReferenceUnusable, "a circle");
    for from in 2..=4 {
        ledger.send(link(from, from - 1)).await.expect("as deep as may be");
    }
    assert_eq!(ledger.reveal("c-4", "api_key").await, "sk-first-value-1");
    assert_eq!(ledger.refusal(link(5, 4)).await, Code::ReferenceUnusable, "five steps");

    // What a revert brings back is found out by whoever follows it.
    ledger.run("revert", json!({"connection": "c-1", "to_version": 1})).await;
    ledger.send(link(0, 1)).await.expect("no circle yet");
    ledger.run("revert", json!({"connection": "c-1", "to_version": 2})).await;
    let (code, message) = unrevealed(&ledger, "c-0").await;
    assert_eq!(code, Code::ReferenceUnusable);
    assert!(message.contains("more than 4 connections"), "{message}");
}
