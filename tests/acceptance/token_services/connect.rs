//! People connect connections by a link.

use std::collections::BTreeMap;

use ledger_engine::{CallbackAnswer, NotConnected};
use reqwest::Url;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Stage, at};
use crate::ledger::{TestCommand, send};

const PUBLIC: &str = "https://ledger.example";

impl Stage {
    /// Makes a connection that a person can connect, with more settings.
    async fn connectable(&self, slug: &str, more: &Value) -> String {
        self.ledger.engine.set_public_url(PUBLIC);
        let mut config = json!({
            "authorization_url": "https://as.example/authorize", "client_id": "me",
            "token_url": "https://as.example/token", "scopes": ["read"],
        });
        config.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        let body = json!({
            "slug": slug, "provider": "acme", "auth_method": "refresh_token", "config": config,
            "secrets": {"client_secret": "its-secret"},
        });
        self.ledger.run("create", body).await.receipt.connection.expect("made")
    }

    /// Begins an attempt, and returns what its link says.
    async fn link(&self, connection: &str) -> BTreeMap<String, String> {
        let body = json!({ "connection": connection });
        let begun = self.ledger.run("connect", body).await.connect.expect("begun");
        let link = Url::parse(&begun.link.expect("a link")).expect("a URL");
        assert_eq!(link.host_str(), Some("as.example"));
        link.query_pairs().into_owned().collect()
    }

    /// Has a browser come back from a link with a code.
    async fn come_back(&self, link: &BTreeMap<String, String>) -> Result<String, NotConnected> {
        let done = self.ledger.engine.finish_connect(with_code(&link["state"]), None).await;
        done.map(|connected| connected.connection)
    }

    fn gives(&self, tokens: Value) {
        self.service.answer(Some((200, tokens)));
    }

    fn attempts(&self, connection: &str) -> Value {
        self.ledger.ask("attempts", &json!({ "connection": connection }))
    }
}

fn with_code(state: &str) -> CallbackAnswer {
    CallbackAnswer {
        state: Some(state.to_owned()),
        code: Some(Zeroizing::new("the-code".to_owned())),
        ..CallbackAnswer::default()
    }
}

fn tokens() -> Value {
    json!({"access_token": "first", "refresh_token": "r1", "expires_in": 3_600})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_once_and_its_tokens_are_one_event_of_who_began() {
    let stage = Stage::new().await;
    let id = stage.connectable("crm", &json!({})).await;
    let link = stage.link("crm").await;
    assert_eq!(link["redirect_uri"], "https://ledger.example/oauth/callback");
    assert_eq!((link["scope"].as_str(), link["code_challenge_method"].as_str()), ("read", "S256"));
    assert_eq!(stage.attempts("crm")["attempts"][0]["state"], "waiting");
    stage.gives(tokens());
    assert_eq!(stage.come_back(&link).await.as_deref(), Ok("crm"));
    let sent = &stage.service.asked()[0];
    assert_eq!(sent["code_verifier"].len(), 43);
    assert_ne!(sent["code_verifier"], link["code_challenge"]);
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("redirect_uri", "https://ledger.example/oauth/callback"),
        ("client_secret", "its-secret"),
    ] {
        assert_eq!(sent[name], value);
    }
    assert_eq!(stage.health("crm"), "operational");
    let types = ["connection_created", "secret_revealed", "connection_authorized"];
    assert_eq!(stage.events("crm"), types);
    let why = stage.ledger.ask("why", &json!({"connection": "crm"}));
    assert_eq!(why["cause"]["type"], "connection_authorized", "{why}");
    assert_eq!(why["cause"]["actor"], "user:admin", "{why}");
    assert_eq!(stage.come_back(&link).await, Err(NotConnected::Used));
    assert_eq!(stage.service.asked().len(), 1, "the code is not sent twice");
    let attempts = stage.attempts(&id);
    assert_eq!(attempts["attempts"][0]["state"], "connected");
    assert_eq!(attempts["connected"]["attempt"], attempts["attempts"][0]["attempt"]);
    assert_eq!(stage.token("crm").await.expect("a token"), "first");

    // The token is refreshed as any other, with what came with it.
    stage.pass(3_600);
    stage.gives(json!({"access_token": "second", "refresh_token": "r2", "expires_in": 3_600}));
    assert_eq!(stage.token("crm").await.expect("a token"), "second");
    assert_eq!(stage.service.asked()[1]["refresh_token"], "r1");
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_outlives_a_restart_and_not_ten_minutes() {
    let stage = Stage::new().await;
    stage.connectable("crm", &json!({})).await;
    let (first, second) = (stage.link("crm").await, stage.link("crm").await);
    let stage = stage.reopened_after(300);
    stage.ledger.engine.set_public_url(PUBLIC);
    stage.gives(tokens());
    assert_eq!(stage.attempts("crm")["attempts"], json!([]), "it is known to nobody");
    assert_eq!(stage.come_back(&first).await.as_deref(), Ok("crm"));
    let connected = stage.attempts("crm")["connected"].clone();
    assert_eq!(connected["at"], at(super::START + 300));
    // What was used before the restart is known from the log after it.
    let stage = stage.reopened_after(0);
    stage.ledger.engine.set_public_url(PUBLIC);
    for link in [&first, &second] {
        assert_eq!(stage.come_back(link).await, Err(NotConnected::ConnectedMeanwhile));
    }
    let third = stage.link("crm").await;
    let stage = stage.reopened_after(600);
    assert_eq!(stage.come_back(&third).await, Err(NotConnected::Expired));
    assert_eq!(stage.service.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_attempts_the_first_that_is_permitted_counts() {
    let stage = Stage::new().await;
    stage.connectable("crm", &json!({})).await;
    let (one, other) = (stage.link("crm").await, stage.link("crm").await);
    assert_ne!(one["state"], other["state"]);
    assert_ne!(one["code_challenge"], other["code_challenge"]);
    stage.gives(tokens());
    stage.service.hold(true);
    let (finished, late) = tokio::join!(stage.come_back(&other), async {
        let again = stage.come_back(&other).await;
        stage.service.hold(false);
        again
    });
    assert_eq!(finished.as_deref(), Ok("crm"));
    assert_eq!(late, Err(NotConnected::Used), "the same link at the same time");
    assert_eq!(stage.come_back(&one).await, Err(NotConnected::ConnectedMeanwhile));
    assert_eq!(stage.service.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_while_a_person_signs_in_ends_the_attempt() {
    let stage = Stage::new().await;
    stage.gives(tokens());
    for (slug, verb, body, expected) in [
        ("a", "update", json!({"config": {"token_url": "https://evil.example"}}), "settings"),
        ("b", "archive", json!({}), "archived"),
        ("c", "erase", json!({"reason": "a test"}), "archived or erased"),
    ] {
        stage.connectable(slug, &json!({})).await;
        let link = stage.link(slug).await;
        let mut body = body;
        body["connection"] = slug.into();
        stage.ledger.run(verb, body).await;
        let refused = stage.come_back(&link).await.expect_err(slug).to_string();
        assert!(refused.contains(expected), "{slug}: {refused}");
    }
    // Neither another name nor another secret matters.
    stage.connectable("d", &json!({})).await;
    let link = stage.link("d").await;
    stage.ledger.run("update", json!({"connection": "d", "slug": "e"})).await;
    let body = json!({"connection": "e", "secrets": {"client_secret": "another"}});
    stage.ledger.run("rotate-secret", body).await;
    assert_eq!(stage.come_back(&link).await.as_deref(), Ok("e"));
    assert_eq!(stage.service.asked()[0]["client_secret"], "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_must_be_what_this_ledger_sealed() {
    let stage = Stage::new().await;
    stage.connectable("crm", &json!({"issuer": "https://as.example"})).await;
    let link = stage.link("crm").await;
    let finish = async |answer| stage.ledger.engine.finish_connect(answer, None).await;
    let sealed = &link["state"];
    for wrong in ["", "x", &sealed[1..], &format!("{sealed}x"), &"t1.".repeat(2_000)] {
        assert_eq!(finish(with_code(wrong)).await, Err(NotConnected::StateUnknown), "{wrong}");
    }
    let none = CallbackAnswer { code: None, ..with_code(sealed) };
    let issuer = Some("https://as.example".to_owned());
    let other = Some("https://evil.example".to_owned());
    assert_eq!(finish(with_code(sealed)).await, Err(NotConnected::WrongIssuer));
    let evil = CallbackAnswer { issuer: other, ..with_code(sealed) };
    assert_eq!(finish(evil).await, Err(NotConnected::WrongIssuer));
    let nothing = CallbackAnswer { issuer: issuer.clone(), ..none };
    assert_eq!(finish(nothing).await, Err(NotConnected::Malformed));
    let denied = CallbackAnswer {
        issuer: issuer.clone(),
        error: Some("access_denied".to_owned()),
        ..CallbackAnswer { state: Some(sealed.clone()), ..CallbackAnswer::default() }
    };
    assert_eq!(finish(denied).await, Err(NotConnected::Denied));
    let after = CallbackAnswer { issuer, ..with_code(sealed) };
    assert_eq!(finish(after).await, Err(NotConnected::Used), "it was answered");
    let attempts = stage.attempts("crm");
    assert_eq!(attempts["attempts"][0]["reason"], "the access was denied at the provider");
    assert_eq!(stage.service.asked().len(), 0);
    assert_eq!(stage.events("crm"), ["connection_created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_token_service_refuses_changes_nothing_and_is_told() {
    let stage = Stage::new().await;
    stage.connectable("crm", &json!({})).await;
    let link = stage.link("crm").await;
    let said = json!({"error": "invalid_grant", "error_description": "the-code is of no use"});
    stage.service.answer(Some((400, said)));
    let refused = stage.come_back(&link).await.expect_err("refused");
    let expected = "the token service answered 400 invalid_grant";
    assert!(refused.to_string().starts_with(expected), "{refused}");
    assert!(!refused.to_string().contains("the-code"), "{refused}");
    assert_eq!(stage.health("crm"), "unknown");
    assert_eq!(stage.come_back(&link).await, Err(NotConnected::Used));
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_again_goes_before_a_refresh_and_forgets_what_belongs_to_others() {
    let stage = Stage::new().await;
    stage.connectable("crm", &json!({})).await;
    stage.gives(tokens());
    let link = stage.link("crm").await;
    stage.come_back(&link).await.expect("connected");
    let link = stage.link("crm").await;
    // A refresh comes between.
    stage.gives(json!({"access_token": "other", "refresh_token": "r2", "expires_in": 3_600}));
    stage.ledger.run("refresh-token", json!({"connection": "crm"})).await;
    // The person signs in as somebody else, and the provider gives out no refresh token.
    stage.gives(json!({"access_token": "of-somebody-else"}));
    stage.come_back(&link).await.expect("connected");
    let view = stage.ledger.get("crm");
    assert!(view["secrets"].get("refresh_token").is_none(), "{view}");
    assert_eq!(view["provider_token"]["expires_at"], Value::Null, "{view}");
    // It is given out as it is, and nobody is asked for another.
    let asked = stage.service.asked().len();
    stage.pass(100_000);
    assert_eq!(stage.token("crm").await.expect("a token"), "of-somebody-else");
    assert_eq!(stage.service.asked().len(), asked);
    stage.ledger.expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_before_anybody_is_sent_on_their_way() {
    let stage = Stage::new().await;
    let refused = async |slug: &str, device: bool| {
        let body = json!({"connection": slug, "device": device});
        let problem = send(&stage.ledger.engine, TestCommand::new("connect", &body)).await;
        let problem = problem.map(drop).expect_err("refused");
        assert_eq!(problem.code.as_str(), "connect_impossible");
        problem.to_string()
    };
    let body = json!({
        "slug": "early", "provider": "acme", "auth_method": "refresh_token",
        "config": {"client_id": "me", "token_url": "https://as.example/token",
            "authorization_url": "https://as.example/authorize"},
    });
    stage.ledger.run("create", body).await;
    assert!(refused("early", false).await.contains("--public-url"));
    stage.connectable("crm", &json!({"authorization_url": null})).await;
    assert!(refused("crm", false).await.contains("authorization_url is missing"));
    assert!(refused("crm", true).await.contains("device_authorization_url is missing"));
    let body = json!({"slug": "key", "provider": "acme", "auth_method": "api_key"});
    stage.ledger.run("create", body).await;
    assert!(refused("key", false).await.contains("api_key are not connected by a person"));
    // Of one connection, so many attempts are made and no more.
    stage.connectable("many", &json!({})).await;
    for _ in 0..32 {
        stage.link("many").await;
    }
    let body = json!({"connection": "many"});
    let code = stage.ledger.refusal(TestCommand::new("connect", &body)).await;
    assert_eq!(code.as_str(), "busy");
}
