//! Access tokens of an identity provider, over NATS and HTTP, with a real issuer on a socket.

use std::process::Stdio;
use std::time::Duration;

use ledger_client::{Client, ClientError, ClientOptions, CommandHeaders, Key};
use ledger_domain::Micros;
use ledger_engine::Clock;
use ledger_tokens::{Mapping, MappingForm, TokenOptions};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::http::door::{Answer, CONNECTIONS, Door, client, read, with_body};
use crate::issuer::{AUDIENCE, Issuer, Signer, seconds};
use crate::service::Service;
use crate::settings;
use crate::wait::{PATIENCE, eventually};

const MAPPING: &str = r#"
[ledger-editors]
role = "editor"

[ledger-auditors]
role = "auditor"
workspaces = ["other"]
"#;

/// Claims that are good for ten minutes, with these besides.
fn claims(issuer: &Issuer, more: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer.url(),
        "aud": AUDIENCE,
        "sub": "anna",
        "exp": seconds() + 600,
    });
    let into = claims.as_object_mut().expect("an object");
    into.extend(more.as_object().expect("an object").clone());
    claims
}

async fn list(door: &Door, credential: &str) -> Answer {
    read(door.ask_as(credential, Method::GET, CONNECTIONS)).await
}

/// Asks until the answer has this status.
async fn list_until(door: &Door, token: &str, status: u16) -> Answer {
    eventually(&format!("status {status}"), async || {
        let answer = list(door, token).await;
        (answer.status == status).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_picked_up_and_an_issuer_that_is_away_is_survived() {
    let door = Door::open().await;
    let mut issuer = Issuer::nowhere_yet();
    let mut options = TokenOptions::new(issuer.url(), AUDIENCE);
    options.timings.refresh_min = Duration::from_millis(20);
    let prepared = options.prepare().expect("good options");
    let clock = Clock::new(|| Micros::new(seconds() * 1_000_000));
    let tokens = prepared.start(clock);
    door.ledger.engine.set_token_verifier(tokens.verifier());
    assert!(!tokens.wait_for_keys(PATIENCE).await, "nobody is there");

    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let reader = claims(&issuer, &json!({"scope": "openid integrations:list"}));
    let (old, new) = (first.token(&reader), second.token(&reader));
    list(&door, &old).await.expect_problem(503, "tokens_unavailable");
    assert_eq!(list(&door, &door.key).await.status, 200, "keys are another matter");

    issuer.publish(&[&first]);
    issuer.start().await;
    list_until(&door, &old, 200).await;

    issuer.publish(&[&second]);
    list_until(&door, &new, 200).await;
    list(&door, &old).await.expect_problem(401, "token_invalid");

    issuer.close();
    let third = Signer::new("third").token(&reader);
    let unknown = list_until(&door, &third, 503).await;
    unknown.expect_problem(503, "tokens_unavailable");
    assert_eq!(list(&door, &new).await.status, 200, "the last keys hold");
    let fresh = second.token(&claims(&issuer, &json!({"scope": "integrations:get"})));
    assert_eq!(list(&door, &fresh).await.status, 200);
    assert_eq!(list(&door, &door.key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_over_http_may_do_what_its_claims_say_and_no_more() {
    let door = Door::open().await;
    let mut issuer = Issuer::nowhere_yet();
    let signer = Signer::new("1");
    issuer.publish(&[&signer]);
    issuer.start().await;
    let mut options = TokenOptions::new(issuer.url(), AUDIENCE);
    options.rights.mapping =
        Mapping::read(MappingForm::Toml, "[ledger-admin]\nrole = \"admin\"").expect("good");
    let prepared = options.prepare().expect("good options");
    let tokens = prepared.start(Clock::new(|| Micros::new(seconds() * 1_000_000)));
    door.ledger.engine.set_token_verifier(tokens.verifier());
    assert!(tokens.wait_for_keys(PATIENCE).await);
    let token = |scope: &str| signer.token(&claims(&issuer, &json!({"scope": scope})));
    let create = async |token: &str, slug: &str| {
        let request = door.ask_as(token, Method::POST, CONNECTIONS);
        read(with_body(request, &json!({"slug": slug, "provider": "openai"}))).await
    };
    list(&door, &token("openid")).await.expect_problem(403, "forbidden");
    create(&token("integrations:list"), "a").await.expect_problem(403, "forbidden");
    assert_eq!(create(&token("integrations:create"), "a").await.status, 201);
    create(&token("admin"), "b").await.expect_problem(403, "forbidden");
    assert_eq!(create(&token("ledger-admin"), "b").await.status, 201);
    assert_eq!(list(&door, &token("integrations:list")).await.json()["total"], 2);
    let make_workspace = async |token: &str| {
        let request = door.ask_as(token, Method::POST, "/api/v1/workspaces");
        read(with_body(request, &json!({"name": "third"}))).await
    };
    make_workspace(&token("integrations:update")).await.expect_problem(403, "forbidden");
    assert_eq!(make_workspace(&token("ledger-admin")).await.status, 201);
    list(&door, "no.real.token").await.expect_problem(401, "token_invalid");
    list(&door, "sk_test_wrong").await.expect_problem(401, "credential_invalid");
}

/// A served ledger that accepts tokens of an issuer.
struct Accepting {
    issuer: Issuer,
    signer: Signer,
    service: Service,
}

impl Accepting {
    async fn start() -> Self {
        let mut issuer = Issuer::nowhere_yet();
        let signer = Signer::new("1");
        issuer.publish(&[&signer]);
        issuer.start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let mapping = folder.path().join("mapping.toml");
        std::fs::write(&mapping, MAPPING).expect("writable");
        let (url, mapping) = (issuer.url(), mapping.display().to_string());
        let args = [
            &["--nats", "managed", "--log", "trace"][..],
            &["--oidc-issuer", &url, "--oidc-audience", AUDIENCE, "--oidc-mapping", &mapping],
            &["--oidc-claim", "realm_access.roles", "--oidc-workspace-claim", "workspaces"],
        ];
        let service = Service::start(&args.concat()).await;
        Self { issuer, signer, service }
    }

    fn token(&self, roles: &[&str], workspaces: &[&str]) -> String {
        let more = json!({"realm_access": {"roles": roles}, "workspaces": workspaces});
        self.signer.token(&claims(&self.issuer, &more))
    }

    /// A token of an editor of the home workspace, in which something differs.
    fn editor_with(&self, change: &Value) -> String {
        let mut more = json!({
            "realm_access": {"roles": ["ledger-editors"]},
            "workspaces": ["default"],
        });
        let into = more.as_object_mut().expect("an object");
        into.extend(change.as_object().expect("an object").clone());
        self.signer.token(&claims(&self.issuer, &more))
    }

    async fn create(&self, token: &str) -> Answer {
        let place = format!("{}{CONNECTIONS}", self.service.http_url());
        let body = json!({"slug": "main", "provider": "openai", "secrets": {"k": "sk-first-1"}});
        read(with_body(client().request(Method::POST, place).bearer_auth(token), &body)).await
    }

    /// A client over NATS whose credential is a token.
    async fn over_nats(&self, token: &str) -> Client {
        let mut options = ClientOptions::new(Key::new(token));
        options.url = self.service.nats_url();
        options.allow_unsealed = true;
        options.timeout = Duration::from_secs(20);
        Client::connect(options).await.expect("NATS is there")
    }
}

/// Sends a command and returns the code it was refused with.
async fn command(client: &Client, workspace: &str, verb: &str, body: &Value) -> Option<String> {
    let body = body.to_string().into_bytes();
    let sent = client.command(workspace, verb, body, CommandHeaders::default()).await;
    sent.err().map(code)
}

fn code(refused: ClientError) -> String {
    match refused {
        ClientError::Problem(problem) => problem.code,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_both_doors_and_events_name_its_bearer() {
    let mut place = Accepting::start().await;
    let roles = ["ledger-editors", "ledger-auditors", "offline_access"];
    let editor = place.token(&roles, &["default"]);
    assert_eq!(place.create(&editor).await.status, 201);
    let nats = place.over_nats(&editor).await;
    let new_value = json!({"connection": "main", "secrets": {"k": "sk-second-2"}});
    assert_eq!(command(&nats, "default", "rotate-secret", &new_value).await, None);
    for workspace in ["other", "none"] {
        let refused = command(&nats, workspace, "create", &json!({"provider": "openai"})).await;
        assert_eq!(refused.as_deref(), Some("forbidden"), "limited to a workspace");
    }
    let history = json!({"connection": "main", "oldest_first": true});
    let refused = nats.query("default", "history", &history).await;
    assert_eq!(code(refused.expect_err("auditors are of another workspace")), "forbidden");

    let admin = place.service.client().await;
    let told = admin.query("default", "history", &history).await.expect("answered");
    let told: Value = serde_json::from_slice(&told).expect("JSON");
    let events = told["events"].as_array().expect("events");
    assert_eq!(events.len(), 2, "{told}");
    for (event, via) in events.iter().zip(["http", "nats"]) {
        assert_eq!(event["actor"], "oidc:anna", "{event}");
        assert_eq!(event["via"], via, "{event}");
    }
    assert!(place.service.stop().await.success(), "{}", place.service.log());
    let (_, signature) = editor.rsplit_once('.').expect("three parts");
    assert!(!place.service.log().contains(signature), "a token was logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_doors_refuse_the_same_tokens_with_the_same_codes() {
    let place = Accepting::start().await;
    for (token, expected) in [
        (place.token(&[], &["default"]), "forbidden"),
        (place.token(&["ledger-editors"], &[]), "forbidden"),
        (place.token(&["ledger-auditors"], &["default", "other"]), "forbidden"),
        (place.editor_with(&json!({"aud": "other"})), "token_invalid"),
        (place.editor_with(&json!({"iss": "https://example.com"})), "token_invalid"),
        (place.editor_with(&json!({"nbf": seconds() + 600})), "token_invalid"),
        (place.editor_with(&json!({"exp": seconds() - 61})), "credential_expired"),
        (Signer::new("1").token(&claims(&place.issuer, &json!({}))), "token_invalid"),
    ] {
        let answer = place.create(&token).await;
        assert_eq!(answer.json()["code"], expected, "{answer:?}");
        let nats = place.over_nats(&token).await;
        let refused = command(&nats, "default", "create", &json!({"provider": "openai"})).await;
        assert_eq!(refused.as_deref(), Some(expected));
    }
    assert_eq!(place.create(&place.editor_with(&json!({}))).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_subject_or_token_is_refused_at_both_doors_from_the_next_request_on() {
    let place = Accepting::start().await;
    let (one, other) =
        (place.editor_with(&json!({"jti": "t-1"})), place.editor_with(&json!({"jti": "t-2"})));
    let bob = place.editor_with(&json!({"sub": "bob"}));
    let admin = place.service.client().await;
    let lead = async |verb: &str, body: Value| {
        assert_eq!(command(&admin, "_ledger", verb, &body).await, None, "{verb} {body}");
    };
    let heard = async |token: &str| {
        let nats = place.over_nats(token).await;
        let over_nats = nats.query("default", "whoami", &json!({})).await.err().map(code);
        let url = format!("{}/api/v1/whoami", place.service.http_url());
        let over_http = read(client().get(url).bearer_auth(token)).await;
        let http_code = over_http.json()["code"].as_str().map(ToOwned::to_owned);
        assert_eq!(over_nats, http_code);
        over_nats
    };
    let blocked = Some("credential_revoked".to_owned());
    assert_eq!((heard(&one).await, heard(&other).await), (None, None));
    lead("block-token", json!({"token_id": "t-1", "reason": "in a log"})).await;
    assert_eq!((heard(&one).await, heard(&other).await), (blocked.clone(), None));
    lead("block-token", json!({"subject": "anna"})).await;
    assert_eq!((heard(&other).await, heard(&bob).await), (blocked.clone(), None));
    let listed = admin.query("_all", "blocked-tokens", &json!({})).await.expect("answered");
    let listed: Value = serde_json::from_slice(&listed).expect("JSON");
    let names = |row: &Value| (row["subject"].clone(), row["token_id"].clone());
    let rows: Vec<_> = listed["blocked"].as_array().expect("rows").iter().map(names).collect();
    assert_eq!(rows, [(json!("anna"), Value::Null), (Value::Null, json!("t-1"))]);
    lead("unblock-token", json!({"subject": "anna"})).await;
    assert_eq!((heard(&one).await, heard(&other).await), (blocked, None));
    lead("unblock-token", json!({"token_id": "t-1"})).await;
    assert_eq!(heard(&one).await, None);
    let shown = admin.query("_all", "principals", &json!({})).await.expect("answered");
    assert!(!String::from_utf8_lossy(&shown).contains("_tokens"), "it is nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_over_lock_nobody_out() {
    let place = Accepting::start().await;
    for number in 0..12 {
        let over = place.editor_with(&json!({"exp": seconds() - 61, "jti": number}));
        place.create(&over).await.expect_problem(401, "credential_expired");
    }
    assert_eq!(place.create(&place.editor_with(&json!({}))).await.status, 201);
}

#[tokio::test]
async fn flags_that_cannot_be_meant_are_named_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    };
    let role = file("role.toml", "[team]\nrole = \"king\"\n");
    let (name, none) = (file("mapping.yaml", ""), folder.path().join("none.json"));
    let none = none.display().to_string();
    let good = ["--oidc-issuer", "https://login.example.com", "--oidc-audience", "ledger"];
    for (args, part) in [
        (&["--oidc-issuer", "https://login.example.com"][..], "--oidc-audience"),
        (&["--oidc-audience", "ledger"], "--oidc-issuer"),
        (&["--oidc-issuer", "http://login.example.com", "--oidc-audience", "a"], "https://"),
        (&["--oidc-algorithms", "HS256"], "shared secret"),
        (&["--oidc-algorithms", "RS256,none"], "never accepted"),
        (&["--oidc-claim", "a..b"], "--oidc-claim"),
        (&["--oidc-jwks-url", "http://login.example.com/keys"], "--oidc-jwks-url"),
        (&["--oidc-mapping", &role], "\"team\""),
        (&["--oidc-mapping", &name], ".json"),
        (&["--oidc-mapping", &none], "none.json"),
    ] {
        let alone = ["--oidc-issuer", "--oidc-audience"].contains(&args[0]);
        let more = if alone { &[][..] } else { &good[..] };
        let mut command = Command::new(settings::connledger());
        command.args(["serve", "--dev", "--nats", "off", "--listen", "off"]).args(args).args(more);
        command.arg("--data-dir").arg(&data).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.expect("connledger runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
    assert!(!data.exists(), "nothing was made");
}
