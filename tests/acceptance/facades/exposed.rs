//! What is a secret is sealed or refused at every API, a mask is stored at none.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::canary::CANARY;
use crate::http::door::{CONNECTIONS, Door};

const BLAXEL: &str = "/v0/integrations/connections";
const PICA: &str = "/v1/vault/connections";
const UMBRACO: &str = "/umbraco/ai/management/api/v1/connections";
const PORTKEY: &str = "/v1/integrations";
const ELEVENLABS: &str = "/v1/workspace/auth-connections";

/// Creates a connection at each API whose secret is this text.
pub(crate) fn creations(secret: &str) -> [(&'static str, &'static str, Value); 6] {
    let pica = json!({
        "connectionDefinitionId": "conn_def::github", "authFormData": {"api_key": secret},
        "name": "x", "active": true,
    });
    [
        ("native", CONNECTIONS, json!({"provider": "openai", "secrets": {"api_key": secret}})),
        (
            "blaxel",
            BLAXEL,
            json!({"metadata": {"name": "b"}, "spec": {"secret": {"apiKey": secret}}}),
        ),
        ("pica", PICA, pica),
        (
            "umbraco",
            UMBRACO,
            json!({
                "alias": "u", "name": "U", "providerId": "openai", "settings": {"apiKey": secret},
            }),
        ),
        (
            "portkey",
            PORTKEY,
            json!({"name": "P", "ai_provider_id": "openai", "slug": "p", "key": secret}),
        ),
        (
            "elevenlabs",
            ELEVENLABS,
            json!({
                "auth_type": "bearer_auth", "name": "E", "provider": "GitHub", "token": secret,
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_api_stores_a_mask_or_a_line_with_loose_ends_as_a_secret() {
    let door = Door::open().await;
    for value in ["sk-***", "sk-*******gh", "********", "sk-proj-0123456789\n", " sk-proj-01"] {
        for (product, path, body) in creations(value) {
            let answer = Product::of(&door, product).send(Method::POST, path, &body).await;
            assert!(matches!(answer.status, 400 | 422), "{product} {value:?}: {answer:?}");
            assert!(!answer.text.contains(value), "{product} {value:?}: {answer:?}");
        }
    }
    assert_eq!(door.ledger.ask("list", &json!({}))["total"], 0, "nothing was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_is_older_than_the_secret_is_refused() {
    let door = Door::open().await;
    let of = |secret: &str| json!({"provider": "openai", "slug": "main", "secrets": {"api_key": secret}});
    let id = door.create(&of("sk-first-0123456789-abcdef")).await;
    let umbraco = Product::of(&door, "umbraco");
    let portkey = Product::of(&door, "portkey");
    let path = format!("{UMBRACO}/{id}");
    let old = portkey.get(&format!("{PORTKEY}/main")).await.json()["masked_key"].clone();
    let rotated = json!({"connection": id, "secrets": {"api_key": "zz-second-0123456789-xyz"}});
    door.ledger.run("rotate-secret", rotated).await;
    let settings = json!({"settings": {"apiKey": "sk-***"}});
    let answer = umbraco.send(Method::PUT, &path, &settings).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let body = json!({ "key": old });
    let answer = portkey.send(Method::PUT, &format!("{PORTKEY}/main"), &body).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(door.ledger.reveal(&id, "api_key").await, "zz-second-0123456789-xyz");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_among_settings_are_sealed_where_a_product_has_them_there() {
    let door = Door::open().await;
    let url = format!("https://user:{CANARY}@api.example/v1");
    let bodies = [
        (
            "umbraco",
            UMBRACO,
            json!({
                "alias": "u", "name": "U", "providerId": "openai",
                "settings": {"apiKey": "$ecret:of us", "endpoint": url, "note": {"pat": CANARY}},
            }),
        ),
        (
            "portkey",
            PORTKEY,
            json!({
                "name": "P", "ai_provider_id": "openai", "slug": "p", "key": "sk-0123456789abcdef",
                "configurations": {"custom_headers": {"Authorization": CANARY}, "base_url": url},
            }),
        ),
        (
            "elevenlabs",
            ELEVENLABS,
            json!({
                "auth_type": "oauth2_client_credentials", "name": "E", "provider": "GitHub",
                "client_id": "c", "token_url": "https://t", "client_secret": "s-0123456789",
                "custom_headers": {"Authorization": CANARY, "X-Team": "a"},
            }),
        ),
    ];
    for (product, path, body) in bodies {
        let product = Product::of(&door, product);
        let made = product.send(Method::POST, path, &body).await;
        assert!(matches!(made.status, 200 | 201), "{made:?}");
        let listed = product.get(path).await;
        for answer in [made, listed] {
            assert!(!answer.text.contains(CANARY), "{answer:?}");
        }
    }
    for query in ["list", "history"] {
        assert!(!door.ledger.ask(query, &json!({})).to_string().contains(CANARY), "{query}");
    }
    let shown = door.ledger.ask("get", &json!({"connection": "u"}));
    let secrets: Vec<_> = shown["secrets"].as_object().expect("secrets").keys().collect();
    assert_eq!(secrets, ["apiKey", "endpoint", "note"], "a password may begin with $");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_header_is_shown_as_stars_kept_replaced_and_removed() {
    let door = Door::open().await;
    let product = Product::of(&door, "elevenlabs");
    let body = json!({
        "auth_type": "oauth2_client_credentials", "name": "E", "provider": "GitHub",
        "client_id": "c", "token_url": "https://t", "client_secret": "s-0123456789",
        "custom_headers": {"Authorization": "Basic first-value", "X-Team": "a"},
    });
    let made = product.send(Method::POST, ELEVENLABS, &body).await.json();
    assert_eq!(made["custom_headers"], json!({"Authorization": "********", "X-Team": "a"}));
    let path = format!("{ELEVENLABS}/{}", made["id"].as_str().expect("an id"));
    let rows = door.ledger.ask("list", &json!({}));
    let id = rows["connections"][0]["id"].as_str().expect("an id").to_owned();
    let change = async |headers: Value| {
        let body = json!({"auth_type": made["auth_type"], "custom_headers": headers});
        let answer = product.send(Method::PATCH, &path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["custom_headers"].clone()
    };
    let field = "custom_headers.Authorization";
    let kept = change(json!({"Authorization": "********", "X-Team": "b"})).await;
    assert_eq!(kept, json!({"Authorization": "********", "X-Team": "b"}));
    assert_eq!(door.ledger.reveal(&id, field).await, "Basic first-value");
    change(json!({"Authorization": "Basic second-value"})).await;
    assert_eq!(door.ledger.reveal(&id, field).await, "Basic second-value");
    assert_eq!(change(json!({ "Authorization": null })).await, json!({"X-Team": "b"}));
    assert_eq!(door.ledger.get(&id)["secrets"].as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_product_has_a_place_for_secrets_its_settings_hold_none() {
    let door = Door::open().await;
    let body = json!({"metadata": {"name": "b"}, "spec": {"config": {"apiKey": CANARY}}});
    let answer = Product::of(&door, "blaxel").send(Method::POST, BLAXEL, &body).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text.contains("config.apiKey") && !answer.text.contains(CANARY), "{answer:?}");
    let native = json!({"provider": "openai", "config": {"authorization": CANARY}});
    let answer = Product::of(&door, "native").send(Method::POST, CONNECTIONS, &native).await;
    answer.expect_problem(400, "secret_exposed");
    assert!(!answer.text.contains(CANARY), "{answer:?}");
}
