//! A sealed server has neither its master key nor a secret in its memory.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ledger_vault::Keyring;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::process::found;
use super::{key_file, run};
use crate::canary::{CANARY, secret};
use crate::http::door;
use crate::nats_server::NatsServer;
use crate::service::Service;

/// The label under which the key that wraps is derived from a master key.
const WRAPPING: &str = "connledger master key wrapping v1";
/// How many connections have a secret.
const CONNECTIONS: usize = 8;

/// Returns every form that the program gives a text of bytes.
fn forms(name: &'static str, bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut forms =
        vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.to_lowercase().into_bytes()];
    // At each way in which it can fall on a group, without what depends on its neighbors.
    for skipped in 0..3 {
        let whole = &bytes[skipped..][..(bytes.len() - skipped) / 3 * 3];
        forms.push(STANDARD.encode(whole).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(whole).into_bytes());
    }
    forms.into_iter().map(|form| (name, form)).collect()
}

/// Returns the bytes of the active key of a key file.
fn key_bytes(text: &str) -> Vec<u8> {
    let line = text.lines().find(|line| line.starts_with("connledger-master-key-v1:"));
    let encoded = line.expect("a key").rsplit(':').next().expect("the key");
    STANDARD.decode(encoded).expect("base64")
}

/// Asks over a connection that ends with the answer.
async fn ask(service: &Service, path: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/api/v1{path}", service.http_url());
    let request = door::client().post(url).bearer_auth(service.key());
    let request = door::with_body(request.header("connection", "close"), body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&text).unwrap_or(Value::Null))
}

/// Writes and reveals secrets through every door.
async fn use_secrets(service: &Service) {
    for number in 0..CONNECTIONS {
        let (slug, value) = (format!("c-{number}"), secret(number));
        let given = format!("api_key={value}");
        if number % 2 == 0 {
            let create = ["create", "--slug", &slug, "--provider", "x", "--secret", &given];
            run(service, &create).await;
        } else {
            let body = json!({"slug": slug, "provider": "x", "secrets": {"api_key": value}});
            let made = ask(service, "/workspaces/default/connections", &body).await;
            assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
        }
        let value = secret(100 + number);
        let rotation = json!({"secrets": {"api_key": value}});
        let connection = format!("/workspaces/default/connections/{slug}");
        let rotated = ask(service, &format!("{connection}/rotate-secret"), &rotation).await;
        assert_eq!(rotated.0, StatusCode::OK, "{}", rotated.1);
        let told = run(service, &["reveal", &slug, "--reason", "a test", "--json"]).await;
        assert!(told.contains(&value), "{told}");
        let reason = json!({"reason": "a test"});
        let (status, told) = ask(service, &format!("{connection}/reveal-secret"), &reason).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        assert_eq!(told["secrets"]["api_key"]["value"], value.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_master_key_nor_a_secret_is_in_the_memory_of_a_sealed_server() {
    let nats = NatsServer::start().await;
    let mut service = Service::start(&["--nats-url", &nats.url(), "--log", "warn"]).await;
    use_secrets(&service).await;
    let text = std::fs::read_to_string(key_file(&service)).expect("readable");
    let key = key_bytes(&text);
    assert!(Keyring::parse(&text).is_ok() && key.len() == 32);
    let wrapping = blake3::derive_key(WRAPPING, &key);
    let parts = [("key", &key[..]), ("first half of the key", &key[..16])];
    let parts = parts.into_iter().chain([("second half of the key", &key[16..])]);
    let parts = parts.chain([("wrapping key", &wrapping[..]), ("secret", CANARY.as_bytes())]);
    let texts: Vec<_> = parts.flat_map(|(name, bytes)| forms(name, bytes)).collect();

    let (before, looked_at) = found(service.pid(), &texts);
    let is_there = |name: &str| before.iter().any(|(found, _)| *found == name);
    assert!(is_there("key") && is_there("wrapping key"), "the test cannot fail: {before:?}");
    assert!(looked_at > 16 * 1024 * 1024, "{looked_at} bytes");
    run(&service, &["keys", "seal"]).await;
    for turn in ["after the seal", "after another start"] {
        let (found, looked_at) = found(service.pid(), &texts);
        assert!(found.is_empty() && looked_at > 0, "{turn}: {found:?}");
        service.kill().await;
        service.start_again().await;
    }

    // It uses them again, and forgets them again.
    run(&service, &["keys", "unseal"]).await;
    let told = run(&service, &["reveal", "c-1", "--reason", "a test", "--json"]).await;
    assert!(told.contains(&secret(101)), "{told}");
    let (between, _) = found(service.pid(), &texts);
    assert!(between.iter().any(|(found, _)| *found == "key"), "{between:?}");
    run(&service, &["keys", "seal"]).await;
    let (found, _) = found(service.pid(), &texts);
    assert!(found.is_empty(), "{found:?}");
    assert!(service.stop().await.success(), "{}", service.log());
}
