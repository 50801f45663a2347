//! No API lets somebody without the right to reveal send a secret elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{CONNECTIONS, Door, read, with_body};
use crate::ledger::HOME;

/// A change of where the secrets of a connection go: the API, the request, and the field that the
/// refusal names.
type Move = (&'static str, Method, String, Value, &'static str);

fn moves(id: &str) -> Vec<Move> {
    let hex = id.replace('-', "");
    let umbraco = "/umbraco/ai/management/api/v1";
    let native = format!("{CONNECTIONS}/main");
    let blaxel = "/v0/integrations/connections/main".to_owned();
    let evil = "https://evil.example";
    let of_blaxel = |spec: Value| json!({"metadata": {"name": "main"}, "spec": spec});
    let settings = json!({"settings": {"apiKey": "sk-***", "endpoint": evil}});
    let rollback = format!("{umbraco}/versions/connection/{id}/1/rollback");
    let portkey = json!({"configurations": {"base_url": evil}});
    let elevenlabs = format!("/v1/workspace/auth-connections/ac-{hex}");
    let (patch, put, post) = (Method::PATCH, Method::PUT, Method::POST);
    let (url, provider) = ("config.base_url", "provider");
    vec![
        ("native", patch.clone(), native.clone(), json!({"config": {"base_url": evil}}), url),
        ("native", post.clone(), format!("{native}/revert"), json!({"to_version": 1}), url),
        (
            "blaxel",
            put.clone(),
            blaxel.clone(),
            of_blaxel(json!({"config": {"base_url": evil}})),
            url,
        ),
        ("blaxel", put.clone(), blaxel, of_blaxel(json!({"integration": "evil"})), provider),
        ("umbraco", put.clone(), format!("{umbraco}/connections/{id}"), settings, url),
        ("umbraco", post, rollback, json!({}), url),
        ("portkey", put, "/v1/integrations/main".to_owned(), portkey, url),
        ("elevenlabs", patch, elevenlabs, json!({"provider": "evil"}), provider),
    ]
}

/// Opens a door with a connection whose base URL was changed once, for an editor.
async fn door_of_an_editor() -> (Door, String) {
    let mut door = Door::open().await;
    let body = json!({
        "slug": "main", "provider": "openai",
        "config": {"base_url": "https://old.example"},
        "secrets": {"api_key": "sk-first-value-0123456789"},
    });
    let id = door.create(&body).await;
    let update = json!({"connection": "main", "config": {"base_url": "https://api.example"}});
    door.ledger.run("update", update).await;
    door.ledger.make("editor", json!([{"role": "editor", "workspaces": [HOME]}])).await;
    door.key = door.ledger.issue("editor", json!({})).await.key.clone();
    (door, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_no_api_does_an_editor_send_a_secret_elsewhere() {
    let (door, id) = door_of_an_editor().await;
    let before = door.ledger.get("main");
    for (product, method, path, body, field) in moves(&id) {
        let answer = Product::of(&door, product).send(method, &path, &body).await;
        assert_eq!(answer.status, 403, "{product} {path}: {answer:?}");
        for part in [field, "Ledger-Detach-Secrets: true"] {
            assert!(answer.text.contains(part), "{product} {path}: {answer:?}");
        }
        assert_eq!(door.ledger.get("main"), before, "{product} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_api_an_editor_takes_the_secrets_away_with_the_destination() {
    for number in 0..moves("").len() {
        let (door, id) = door_of_an_editor().await;
        let (product, method, path, mut body, _) = moves(&id).remove(number);
        let mut request = Product::of(&door, product).ask(method, &path);
        if product == "native" {
            body["detach_secrets"] = true.into();
        } else {
            request = request.header("Ledger-Detach-Secrets", "true");
        }
        let answer = read(with_body(request, &body)).await;
        assert_eq!(answer.status, 200, "{product} {path}: {answer:?}");
        assert_eq!(door.ledger.get("main")["secrets"], json!({}), "{product} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_secrets_are_detached_is_said_once_and_in_full() {
    let (door, id) = door_of_an_editor().await;
    let (product, method, path, body, _) = moves(&id).into_iter().nth(6).expect("portkey's");
    for values in [["yes"].as_slice(), &["TRUE"], &[""], &["true", "true"]] {
        let request = Product::of(&door, product).ask(method.clone(), &path);
        let request = values
            .iter()
            .fold(request, |request, value| request.header("Ledger-Detach-Secrets", *value));
        let answer = read(with_body(request, &body)).await;
        assert_eq!(answer.status, 400, "{values:?}: {answer:?}");
        assert!(answer.text.contains("Ledger-Detach-Secrets"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_detaches_is_not_taken_for_one_that_did_not() {
    let (door, id) = door_of_an_editor().await;
    let (product, method, path, body, _) = moves(&id).into_iter().nth(6).expect("portkey's");
    let moved = async |headers: &[(&str, &str)]| {
        let request = Product::of(&door, product).ask(method.clone(), &path);
        let request = request.header("idempotency-key", "k-1");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        read(with_body(request, &body)).await.status
    };
    assert_eq!(moved(&[("ledger-detach-secrets", "true")]).await, 200);
    assert_eq!(moved(&[("ledger-detach-secrets", "true")]).await, 200, "a repeat");
    assert_ne!(moved(&[]).await, 200, "another command with this id");
}
