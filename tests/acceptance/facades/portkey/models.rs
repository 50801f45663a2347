//! The models of an integration.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{expect_error, made, native, one, openai, product, put, shown};
use crate::http::door::{CONNECTIONS, Door};

#[tokio::test]
async fn something_is_said_of_models_and_taken_back() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("m")).await;
    let models = format!("{}/models", one("m"));
    let none = json!({ "object": "list", "total": 0, "allow_all_models": true, "models": [] });
    assert_eq!(shown(portkey, &models).await, none);
    let custom = json!({
        "slug": "ours",
        "enabled": true,
        "is_custom": true,
        "is_finetune": false,
        "base_model_slug": "gpt-4o",
        "configurations": { "custom_host": "https://models.example" },
        "pricing_config": { "type": "static" },
    });
    let known = json!({ "slug": "gpt-4o", "enabled": true });
    let body = json!({ "allow_all_models": false, "models": [known, custom] });
    put(portkey, &models, &body).await;
    let said = shown(portkey, &models).await;
    assert_eq!((&said["total"], &said["allow_all_models"]), (&json!(2), &json!(false)));
    assert_eq!(said["models"][0]["slug"], "gpt-4o");
    assert_eq!(said["models"][0]["is_custom"], false);
    assert_eq!(said["models"][0]["configurations"], Value::Null);
    assert_eq!(said["models"][1], custom);
    assert_eq!(shown(portkey, &one("m")).await["allow_all_models"], false);
    let policy = &native(&door, "m").await["models"];
    assert_eq!(policy["models"]["ours"]["settings"]["base_model_slug"], "gpt-4o");

    let off = json!({ "models": [{ "slug": "ours", "enabled": false, "base_model_slug": null }] });
    put(portkey, &models, &off).await;
    let said = shown(portkey, &models).await;
    assert_eq!(said["total"], 2, "others stay");
    assert_eq!(said["models"][1]["enabled"], false);
    assert_eq!(said["models"][1]["base_model_slug"], Value::Null);
    assert_eq!(said["models"][1]["pricing_config"], custom["pricing_config"], "left out is kept");

    let gone = portkey.delete(&format!("{models}?slugs=ours%2Cunknown")).await;
    assert_eq!((gone.status, gone.json()), (200, json!({})));
    assert_eq!(shown(portkey, &models).await["total"], 1);
    expect_error(&portkey.delete(&models).await, 400, "AB01");
    for bad in [
        json!({}),
        json!({ "models": [{ "slug": "canary" }] }),
        json!({ "models": [{ "slug": "", "enabled": true }] }),
        json!({ "models": [{ "slug": "m", "enabled": true, "configurations": "canary" }] }),
    ] {
        expect_error(&portkey.send(Method::PUT, &models, &bad).await, 400, "AB01");
    }
    let unknown = format!("{}/models", one("nobody"));
    expect_error(&portkey.get(&unknown).await, 404, "AB08");
}

#[tokio::test]
async fn models_said_of_elsewhere_are_kept_whole() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("m")).await;
    let policy = json!({ "policy": { "allow_all": true, "models": {
        "far": { "enabled": true, "settings": { "context_window": 7 } },
    } } });
    let set = format!("{CONNECTIONS}/m/set-model-policy");
    assert_eq!(door.post(&set, &policy).await.status, 200);
    let models = format!("{}/models", one("m"));
    put(portkey, &models, &json!({ "models": [{ "slug": "far", "enabled": false }] })).await;
    let rule = native(&door, "m").await["models"]["models"]["far"].clone();
    assert_eq!(rule, json!({ "enabled": false, "settings": { "context_window": 7 } }));
}

#[tokio::test]
async fn changes_to_single_models_side_by_side_are_all_kept() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("m")).await;
    let models = format!("{}/models", one("m"));
    let each = (0..12).map(|number| {
        let slug = format!("model-{number}");
        let body = json!({ "models": [{ "slug": slug, "enabled": true }] });
        let path = models.clone();
        async move { put(portkey, &path, &body).await }
    });
    join_all(each).await;
    assert_eq!(shown(portkey, &models).await["total"], 12);
}
