//! Handovers through every door of the program, and what others can make of the traffic.

use std::process::Stdio;

use ledger_client::{
    Client, ClientOptions, CommandHeaders, HandOver, HandedOver, Key, RevealedGeneration,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::canary::{expect_none_of, expect_silence_in, secret, sings};
use crate::http::door;
use crate::nats_server::NatsServer;
use crate::output::{said, text, told};
use crate::service::Service;
use crate::sniffer::Sniffer;
use crate::wait::eventually;

const MAIN: &str = "/workspaces/default/connections/main";

async fn serve(nats: &NatsServer) -> Service {
    let service = Service::start(&["--nats-url", &nats.url(), "--log", "debug"]).await;
    let draft = json!({ "slug": "main", "provider": "mock", "secrets": { "api_key": secret(1) } });
    service.create("/workspaces/default/connections", &draft).await;
    eventually("the ledger answers", async || {
        service.run(&["status"]).await.status.success().then_some(())
    })
    .await;
    service
}

async fn client(service: &Service, nats: &NatsServer, key: &str) -> Client {
    let mut options = ClientOptions::new(Key::new(key));
    options.url = nats.url();
    options.ledger_xkey = Some(service.xkey());
    Client::connect(options).await.expect("NATS is there")
}

/// Has a token made over HTTP.
async fn token(service: &Service, more: Value) -> String {
    let mut body = json!({ "reason": "for the new gateway", "wrap": "10m" });
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    let (status, answer) = service.ask(Method::POST, &format!("{MAIN}/reveal-secret"), &body).await;
    assert_eq!((status, &answer["secrets"]), (StatusCode::OK, &json!({})), "{answer}");
    answer["handover"]["token"].as_str().expect("a token").to_owned()
}

async fn unwrap_over_http(service: &Service, credential: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/unwrap", service.http_url());
    let request = door::client().post(url).bearer_auth(credential);
    let answer = door::read(door::with_body(request, body)).await;
    (answer.status, answer.json())
}

/// Runs `unwrap` with a token on standard input.
async fn unwrap_on_the_line(service: &Service, args: &[&str], token: &str) -> std::process::Output {
    let mut command = service.command(&[&["unwrap"], args].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("connledger runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(format!("{token}\n").as_bytes()).await.expect("it reads");
    drop(input);
    child.wait_with_output().await.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_once_through_any_door_and_nobody_else_learns_the_value() {
    let nats = NatsServer::start().await;
    let service = serve(&nats).await;
    let sniffer = Sniffer::start(&nats.url()).await;
    let gateway = client(&service, &nats, &service.gateway_key("default").await).await;

    // Made and used over NATS, by somebody without any key.
    let how = HandOver {
        fields: &["api_key"],
        generation: RevealedGeneration::Current,
        reason: "for the new gateway",
        until: "10m",
        receiver: None,
    };
    let made = gateway.hand_over("default", "main", &how).await.expect("a token");
    let nobody = client(&service, &nats, "none").await;
    let received = nobody.receive(&made.token).await.expect("received");
    assert_eq!(received.secrets()["api_key"].value(), secret(1));
    let again = nobody.receive(&made.token).await.expect_err("refused");
    assert_eq!(again.code(), Some("handover_used"), "{again}");

    // Over HTTP, and from the command line: whatever was used at one door is used at all.
    let second = token(&service, json!({})).await;
    let (status, answer) = unwrap_over_http(&service, &second, &json!({})).await;
    assert_eq!((status, &answer["secrets"]["api_key"]["value"]), (200, &json!(secret(1))));
    let (status, problem) = unwrap_over_http(&service, &second, &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("handover_used")), "{problem}");
    let late = unwrap_on_the_line(&service, &[], &second).await;
    assert!(!late.status.success() && said(&late).contains("handover_used"), "{}", said(&late));
    let wrap = ["reveal", "main", "--field", "api_key", "--reason", "x", "--wrap", "5m"];
    let third = service.run(&wrap).await;
    let third = told(&third).trim().to_owned();
    assert!(third.starts_with("once_"), "{third}");
    let got = unwrap_on_the_line(&service, &[], &third).await;
    assert_eq!(told(&got).trim(), secret(1));

    // For one principal, with its key beside the token.
    let fourth = token(&service, json!({ "for": "eu-1" })).await;
    let refused = nobody.receive(&fourth).await.expect_err("refused");
    assert_eq!(refused.code(), Some("handover_for_other"));
    let received = gateway.receive_own(&fourth).await.expect("received");
    assert_eq!(received.secrets()["api_key"].value(), secret(1));

    // A token is no key.
    let fifth = token(&service, json!({})).await;
    let url = format!("{}/api/v1{MAIN}", service.http_url());
    let answer = door::read(door::client().get(url).bearer_auth(&fifth)).await;
    answer.expect_problem(403, "forbidden");
    let listed = told(&service.run(&["handover", "list"]).await);
    assert_eq!(listed.matches(" used ").count(), 4, "{listed}");
    let id = fifth.split('_').nth(1).expect("an id");
    let revoked = service.run(&["handover", "revoke", id, "--reason", "not needed"]).await;
    assert!(revoked.status.success(), "{}", said(&revoked));
    let (_, problem) = unwrap_over_http(&service, &fifth, &json!({})).await;
    assert_eq!(problem["code"], "handover_ended");

    // The journal tells of the uses that came too late.
    let audit = told(&service.run(&["audit", "--json"]).await);
    assert!(audit.contains("handover_used"), "{audit}");
    for heard in sniffer.stop().await {
        assert!(!sings(&heard.body), "the value was heard on {}", heard.subject);
        let body = String::from_utf8_lossy(&heard.body).into_owned();
        for token in [&made.token, &second, &third, &fourth, &fifth] {
            assert!(!body.contains(token.as_str()), "a token was heard on {}", heard.subject);
            let told = heard.headers.iter().any(|(_, value)| value.contains(token.as_str()));
            assert!(!told, "a token was heard in a header on {}", heard.subject);
        }
    }
    for token in [&made.token, &second, &third, &fourth, &fifth] {
        // It may have the character that separates it from the id.
        let secret = token.splitn(3, '_').last().expect("a secret");
        expect_none_of(secret.as_bytes(), service.folder());
    }
    expect_silence_in(service.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_handed_over_through_any_door_and_only_its_receiver_has_it() {
    let nats = NatsServer::start().await;
    let service = serve(&nats).await;
    let own_key = service.gateway_key("default").await;
    let sniffer = Sniffer::start(&nats.url()).await;
    let (admin, nobody) =
        (client(&service, &nats, &service.key()).await, client(&service, &nats, "none").await);

    // Over NATS.
    let body = json!({ "principal": "eu-1", "wrap": "10m" }).to_string().into_bytes();
    let about = CommandHeaders::with_id("once");
    let made = admin.hand_over_key(body.clone(), about.clone()).await.expect("issued").1;
    let made = made.expect("a token");
    let again = admin.hand_over_key(body, about).await.expect("answered");
    assert!(again.0.repeated && again.1.is_none(), "the token is told once");
    let received = nobody.receive(&made.token).await.expect("received");
    let HandedOver::Key { principal, key } = received else { panic!("a key: {received:?}") };
    assert_eq!((principal.as_str(), Some(&key.id)), ("eu-1", made.key.as_ref()));
    let gateway = client(&service, &nats, &key.key).await;
    let values = gateway.reveal("default", "main", &[], "to route").await.expect("it is valid");
    assert_eq!(values["api_key"].value(), secret(1));
    let refused = nobody.receive(&made.token).await.expect_err("refused");
    assert_eq!(refused.code(), Some("handover_used"));

    // Over HTTP, for one principal.
    let body = json!({ "wrap": "10m", "for": "eu-1" });
    let answer = service.create("/principals/eu-1/keys", &body).await;
    assert_eq!(answer.get("api_key"), None, "{answer}");
    let second = answer["handover"]["token"].as_str().expect("a token").to_owned();
    let (status, problem) = unwrap_over_http(&service, &second, &json!({})).await;
    assert_eq!((status, &problem["code"]), (403, &json!("handover_for_other")), "{problem}");
    let (status, answer) = unwrap_over_http(&service, &own_key, &json!({ "token": second })).await;
    assert_eq!((status, &answer["secrets"]), (200, &json!({})), "{answer}");
    let second_key = answer["api_key"]["key"].as_str().expect("a key").to_owned();

    // From the command line, into a file.
    let issued = service.run(&["key", "issue", "--for", "eu-1", "--wrap", "5m"]).await;
    let third = told(&issued).trim().to_owned();
    assert!(third.starts_with("once_"), "{third}");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let path = elsewhere.path().join("eu-1.key");
    let got = unwrap_on_the_line(&service, &["--out", text(&path)], &third).await;
    assert_eq!(told(&got), "", "the key is in the file alone");
    let third_key = std::fs::read_to_string(&path).expect("the file").trim().to_owned();
    client(&service, &nats, &third_key)
        .await
        .query("_all", "whoami", &json!({}))
        .await
        .expect("valid");

    // What nobody received is revoked with its token.
    let issued = service.run(&["key", "issue", "--for", "eu-1", "--wrap", "--json"]).await;
    let issued: Value = serde_json::from_str(&told(&issued)).expect("JSON");
    let (id, key_id) = (issued["handover"].as_str(), issued["id"].as_str().expect("an id"));
    let listed = told(&service.run(&["handover", "list"]).await);
    assert!(listed.contains(&format!("key {key_id}")), "{listed}");
    let revoke = ["handover", "revoke", id.expect("an id"), "--of-key"];
    let revoked = service.run(&revoke).await;
    assert!(revoked.status.success(), "{}", said(&revoked));
    let keys = told(&service.run(&["key", "list", "--for", "eu-1"]).await);
    let line = keys.lines().find(|line| line.starts_with(key_id)).expect("it is listed");
    assert!(line.contains("revoked"), "{line}");

    let token = issued["token"].as_str().expect("a token");
    let tokens = [made.token.as_str(), &second, &third, token];
    let secrets = tokens.map(|token| token.splitn(3, '_').last().expect("a secret"));
    let keys = [key.key.as_str(), &second_key, &third_key];
    let keys = keys.map(|key| key.splitn(4, '_').last().expect("a secret"));
    for heard in sniffer.stop().await {
        let body = String::from_utf8_lossy(&heard.body).into_owned();
        for secret in secrets.iter().chain(&keys) {
            assert!(!body.contains(secret), "a key or token was heard on {}", heard.subject);
        }
    }
    for secret in secrets.iter().chain(&keys) {
        expect_none_of(secret.as_bytes(), service.folder());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_locked_out_and_the_right_token_waits() {
    let service = Service::start(&["--nats", "off"]).await;
    let draft = json!({ "slug": "main", "provider": "mock", "secrets": { "api_key": secret(1) } });
    service.create("/workspaces/default/connections", &draft).await;
    let token = token(&service, json!({})).await;
    // The secret has 43 characters, among which there may be an underscore.
    let id = &token[..token.len() - 44];
    let mut codes = Vec::new();
    for number in 0..20 {
        let guess = format!("{id}_{number:043}");
        let (_, problem) = unwrap_over_http(&service, &guess, &json!({})).await;
        codes.push(problem["code"].as_str().expect("a code").to_owned());
    }
    assert!(codes[..10].iter().all(|code| code == "credential_invalid"), "{codes:?}");
    assert!(codes[10..].contains(&"credential_lockout".to_owned()), "{codes:?}");
    eventually("the lockout ends, and the token is good", async || {
        let (status, answer) = unwrap_over_http(&service, &token, &json!({})).await;
        if status == 200 {
            assert_eq!(answer["secrets"]["api_key"]["value"], secret(1));
            return Some(());
        }
        assert_eq!(answer["code"], "credential_lockout");
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_whose_answer_is_lost_in_a_crash_is_a_use() {
    let nats = NatsServer::start().await;
    let mut service = serve(&nats).await;
    for round in 0..5 {
        let token = token(&service, json!({})).await;
        let asking = client(&service, &nats, "none").await;
        let own = token.clone();
        let asked = tokio::spawn(async move { asking.receive(&own).await.map(|_| ()) });
        // Killed at some moment of the use: before it is decided, or after.
        for _ in 0..round * 20 {
            tokio::task::yield_now().await;
        }
        service.kill().await;
        let answered = asked.await.expect("it ends");
        service.start_again().await;
        eventually("the ledger answers", async || {
            service.run(&["status"]).await.status.success().then_some(())
        })
        .await;
        let nobody = client(&service, &nats, "none").await;
        let second = nobody.receive(&token).await;
        match (answered, second) {
            (Ok(()), second) => {
                let refused = second.expect_err("it was used before the crash");
                assert_eq!(refused.code(), Some("handover_used"));
            }
            // The answer was lost: the use may be durable or not, and it is one in any case.
            (Err(_), Ok(_)) => {}
            (Err(_), Err(refused)) => assert_eq!(refused.code(), Some("handover_used")),
        }
        let third = nobody.receive(&token).await.expect_err("refused");
        assert_eq!(third.code(), Some("handover_used"));
    }
}
