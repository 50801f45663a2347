//! Blaxel's integration connections.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, CONNECTIONS, Door, read, with_body};

const BASE: &str = "/v0/integrations/connections";

fn product(door: &Door) -> Product<'_> {
    Product::new(door, "x-blaxel-authorization", "Bearer ")
}

fn connection(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "displayName": "OpenAI, production",
            "labels": { "team": "search" },
            "externalId": "ext-1",
        },
        "spec": {
            "integration": "openai",
            "config": { "organization": "org-1" },
            "secret": { "apiKey": "sk-canary-0123456789" },
            "sandbox": true,
        },
    })
}

fn one(name: &str) -> String {
    format!("{BASE}/{name}")
}

#[track_caller]
fn expect_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["error"], error, "{answer:?}");
    assert_eq!(body["code"], status);
    assert!(body["message"].is_string());
    assert!(!answer.text.contains("canary"), "{answer:?}");
}

#[tokio::test]
async fn a_connection_is_made_shown_changed_and_deleted() {
    let door = Door::open().await;
    let blaxel = product(&door);
    let made = blaxel.send(Method::POST, BASE, &connection("openai-prod")).await;
    assert_eq!(made.status, 200, "{made:?}");
    let shown = made.json();
    assert_eq!(shown["metadata"]["name"], "openai-prod");
    assert_eq!(shown["metadata"]["workspace"], "default");
    assert_eq!(shown["metadata"]["externalId"], "ext-1");
    assert_eq!(shown["metadata"]["labels"], json!({ "team": "search" }));
    assert_eq!(shown["spec"]["secret"], json!({ "apiKey": "********" }));
    assert_eq!(shown["spec"]["config"], json!({ "organization": "org-1" }));
    assert_eq!(shown["spec"]["sandbox"], true);
    assert_eq!(blaxel.get(&one("openai-prod")).await.json(), shown);
    assert_eq!(blaxel.get(BASE).await.json(), json!([shown]));
    // A client sends back all it read, with one change.
    let mut changed = shown.clone();
    changed["metadata"]["displayName"] = "Renamed".into();
    let put = blaxel.send(Method::PUT, &one("openai-prod"), &changed).await;
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(put.json()["metadata"]["displayName"], "Renamed");
    assert_eq!(put.json()["spec"], shown["spec"]);
    let deleted = blaxel.delete(&one("openai-prod")).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(deleted.json()["metadata"]["name"], "openai-prod");
    expect_error(&blaxel.get(&one("openai-prod")).await, 404, "connection_unknown");
    assert_eq!(blaxel.get(BASE).await.json(), json!([]));
    let again = blaxel.send(Method::POST, BASE, &connection("openai-prod")).await;
    assert_eq!(again.status, 200, "the name is free: {again:?}");
}

#[tokio::test]
async fn a_mask_sent_back_keeps_the_secret_and_other_text_replaces_it() {
    let door = Door::open().await;
    let blaxel = product(&door);
    let mut body = connection("keys");
    body["spec"]["secret"] = json!({ "apiKey": "sk-canary-1", "webhook": "canary-2" });
    assert_eq!(blaxel.send(Method::POST, BASE, &body).await.status, 200);
    let generations = async || {
        let shown = door.get(&format!("{CONNECTIONS}/keys")).await.json();
        let of = |field: &str| shown["secrets"][field]["generation"].as_u64();
        (of("apiKey"), of("webhook"))
    };
    assert_eq!(generations().await, (Some(1), Some(1)));
    body["spec"]["secret"] = json!({ "apiKey": "********", "webhook": "canary-3" });
    assert_eq!(blaxel.send(Method::PUT, &one("keys"), &body).await.status, 200);
    assert_eq!(generations().await, (Some(1), Some(2)));
    body["spec"].as_object_mut().unwrap().remove("secret");
    assert_eq!(blaxel.send(Method::PUT, &one("keys"), &body).await.status, 200);
    assert_eq!(generations().await, (Some(1), Some(2)), "left out is kept");
    body["spec"]["secret"] = json!({ "webhook": "********" });
    assert_eq!(blaxel.send(Method::PUT, &one("keys"), &body).await.status, 200);
    assert_eq!(generations().await, (None, Some(2)), "not among those given is removed");
}

#[tokio::test]
async fn errors_have_the_product_s_form() {
    let door = Door::open().await;
    let blaxel = product(&door);
    assert_eq!(blaxel.send(Method::POST, BASE, &connection("taken")).await.status, 200);
    let again = blaxel.send(Method::POST, BASE, &connection("taken")).await;
    expect_error(&again, 409, "slug_taken");
    expect_error(&blaxel.get(&one("nobody")).await, 404, "connection_unknown");
    let nobody = door.ask_as("sk_test_wrong", Method::GET, BASE);
    expect_error(&read(nobody).await, 401, "credential_invalid");
    let mut nowhere = blaxel.ask(Method::GET, BASE);
    nowhere = nowhere.header("x-blaxel-workspace", "not a name");
    expect_error(&read(nowhere).await, 400, "field_invalid");
    for (place, bad) in [
        ("/metadata/name", json!("Upper")),
        ("/metadata/name", json!("x".repeat(50))),
        ("/metadata/name", json!(format!("c--{}", "0".repeat(32)))),
        ("/metadata/displayName", json!("x".repeat(64))),
        ("/metadata/externalId", json!("no spaces")),
        ("/metadata/labels", json!({ "team": 7 })),
        ("/spec/config", json!({ "organization": ["canary"] })),
        ("/spec/secret", json!({ "apiKey": { "canary": 1 } })),
    ] {
        let mut body = connection("fresh");
        *body.pointer_mut(place).unwrap() = bad;
        let refused = blaxel.send(Method::POST, BASE, &body).await;
        assert_eq!(refused.status, 400, "{place}: {refused:?}");
        assert!(!refused.text.contains("canary"), "{refused:?}");
    }
    let broken = with_body(blaxel.ask(Method::POST, BASE), &json!(null)).body("{\"canary");
    expect_error(&read(broken).await, 400, "body_malformed");
    let other = blaxel.send(Method::PUT, &one("taken"), &connection("other")).await;
    expect_error(&other, 400, "field_invalid");
    let method = blaxel.send(Method::PATCH, &one("taken"), &json!({})).await;
    expect_error(&method, 405, "method_not_allowed");
}

#[tokio::test]
async fn a_slug_that_is_no_name_has_a_handle_made_from_the_id() {
    let door = Door::open().await;
    let blaxel = product(&door);
    let id = door.create(&json!({ "slug": "Upper_Case", "provider": "openai" })).await;
    let handle = format!("c--{}", id.replace('-', ""));
    assert_eq!(blaxel.get(BASE).await.json()[0]["metadata"]["name"], handle);
    let shown = blaxel.get(&one(&handle)).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let mut body = shown.json();
    body["metadata"]["displayName"] = "Shown".into();
    assert_eq!(blaxel.send(Method::PUT, &one(&handle), &body).await.status, 200);
    let native = door.get(&format!("{CONNECTIONS}/{id}")).await.json();
    assert_eq!((&native["slug"], &native["display_name"]), (&json!("Upper_Case"), &json!("Shown")));
}

#[tokio::test]
async fn a_mask_with_nothing_behind_it_is_no_secret() {
    let door = Door::open().await;
    let blaxel = product(&door);
    let mut body = connection("masked");
    body["spec"]["secret"] = json!({ "apiKey": "********" });
    expect_error(&blaxel.send(Method::POST, BASE, &body).await, 400, "field_invalid");
    assert_eq!(blaxel.send(Method::POST, BASE, &connection("masked")).await.status, 200);
    body["spec"]["secret"] = json!({ "apiKey": "********", "gone": "********" });
    let refused = blaxel.send(Method::PUT, &one("masked"), &body).await;
    expect_error(&refused, 400, "field_invalid");
}

#[tokio::test]
async fn what_another_door_made_longer_can_be_sent_back() {
    let door = Door::open().await;
    let long = "x".repeat(200);
    let native = json!({ "slug": "long", "provider": "openai", "display_name": long });
    door.create(&native).await;
    let mut shown = product(&door).get(&one("long")).await.json();
    shown["spec"]["sandbox"] = true.into();
    let changed = product(&door).send(Method::PUT, &one("long"), &shown).await;
    assert_eq!((changed.status, &changed.json()["metadata"]["displayName"]), (200, &json!(long)));
}
