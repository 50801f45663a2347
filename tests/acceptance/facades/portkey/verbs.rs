//! The verbs on integrations.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BASE, expect_error, made, native, one, openai, product, put, shown, workspaces};
use crate::http::door::{Door, read, with_body};

#[tokio::test]
async fn an_integration_is_made_shown_changed_and_deleted() {
    let door = Door::open().await;
    let portkey = product(&door);
    let id = made(portkey, &openai("openai-prod")).await;
    let detail = shown(portkey, &one("openai-prod")).await;
    assert_eq!((&detail["id"], &detail["slug"]), (&json!(id), &json!("openai-prod")));
    assert_eq!(detail["object"], "integration");
    assert_eq!(detail["name"], "OpenAI, production");
    assert_eq!(detail["description"], "Ours");
    assert_eq!(detail["ai_provider_id"], "openai");
    assert_eq!((&detail["status"], &detail["type"]), (&json!("active"), &json!("organisation")));
    assert_eq!(detail["masked_key"], "sk*******89");
    assert_eq!(
        detail["configurations"],
        json!({ "openai_organization": "org-1", "openai_project": "proj-1" })
    );
    for none in ["workspace_id", "global_workspace_access_settings", "pricing_adjustments"] {
        assert_eq!(detail[none], Value::Null, "{none}");
    }
    assert_eq!(
        (&detail["allow_all_models"], &detail["workspace_count"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(detail["secret_mappings"], json!([]));
    let organisation = detail["organisation_id"].as_str().unwrap();
    assert_eq!(Uuid::parse_str(organisation).unwrap().get_version_num(), 5);
    let listed = shown(portkey, BASE).await;
    assert_eq!((&listed["object"], &listed["total"]), (&json!("list"), &json!(1)));
    let listed = listed["data"][0].as_object().unwrap();
    assert!(listed.iter().all(|(name, value)| detail[name] == *value), "{listed:?}");
    assert!(!listed.contains_key("configurations"));

    put(portkey, &one("openai-prod"), &json!({ "name": "Renamed", "description": null })).await;
    put(portkey, &one("openai-prod"), &json!({})).await;
    let renamed = shown(portkey, &one("openai-prod")).await;
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("Renamed"), &Value::Null));
    assert_eq!(renamed["configurations"], detail["configurations"], "left out is kept");
    assert_eq!(renamed["masked_key"], detail["masked_key"]);

    let deleted = portkey.delete(&one("openai-prod")).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({})));
    expect_error(&portkey.get(&one("openai-prod")).await, 404, "AB08");
    assert_eq!(shown(portkey, BASE).await["total"], 0);
    made(portkey, &openai("openai-prod")).await;
}

#[tokio::test]
async fn pages_are_counted_from_zero() {
    let door = Door::open().await;
    let portkey = product(&door);
    for number in 0..5 {
        made(portkey, &openai(&format!("i-{number}"))).await;
    }
    let slugs = async |query: &str| {
        let page = shown(portkey, &format!("{BASE}?{query}")).await;
        let data = page["data"].as_array().unwrap().iter();
        let slugs = data.map(|found| found["slug"].as_str().unwrap().to_owned());
        (page["total"].as_u64().unwrap(), slugs.collect::<Vec<_>>().join(" "))
    };
    let page = |total: u64, slugs: &str| (total, slugs.to_owned());
    assert_eq!(slugs("current_page=0&page_size=2").await, page(5, "i-0 i-1"));
    assert_eq!(slugs("current_page=2&page_size=2").await, page(5, "i-4"));
    assert_eq!(slugs("current_page=3&page_size=2").await, page(5, ""));
    assert_eq!(slugs("page_size=3").await, page(5, "i-0 i-1 i-2"));
    assert_eq!(slugs("").await.0, 5);
    for bad in ["page_size=0", "page_size=x", "current_page=-1", "type=team"] {
        expect_error(&portkey.get(&format!("{BASE}?{bad}")).await, 400, "AB01");
    }
}

#[tokio::test]
async fn lists_tell_integrations_of_workspaces_from_the_others() {
    let door = Door::open().await;
    workspaces(&door, &["team-a"]).await;
    let portkey = product(&door);
    made(portkey, &openai("everyones")).await;
    let mut own = openai("own");
    own["workspace_id"] = "team-a".into();
    made(portkey, &own).await;
    own["slug"] = "at-home".into();
    own["workspace_id"] = "default".into();
    made(portkey, &own).await;
    let slugs = async |query: &str| {
        let page = shown(portkey, &format!("{BASE}?{query}")).await;
        let data = page["data"].as_array().unwrap().iter();
        let slugs: Vec<_> = data.map(|found| found["slug"].as_str().unwrap()).collect();
        slugs.join(" ")
    };
    assert_eq!(slugs("type=all").await, "everyones own at-home");
    assert_eq!(slugs("type=workspace").await, "own at-home");
    assert_eq!(slugs("type=organisation").await, "everyones");
    assert_eq!(slugs("workspace_id=team-a").await, "own");
    assert_eq!(slugs("workspace_id=default").await, "everyones own at-home");
    assert_eq!(slugs("workspace_id=default&type=workspace").await, "own at-home");
    assert_eq!(slugs("workspace_id=team-b").await, "");
    assert_eq!(slugs("workspace_id=w+1").await, "", "no workspace can have this id");
    let detail = shown(portkey, &one("own")).await;
    assert_eq!((&detail["workspace_id"], &detail["type"]), (&json!("team-a"), &json!("workspace")));
    assert_eq!(detail["workspace_count"], 2);
    assert_eq!(native(&door, "own").await["access"]["workspaces"]["team-a"]["allowed"], true);
}

#[tokio::test]
async fn errors_have_the_product_s_form() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("taken")).await;
    expect_error(&portkey.send(Method::POST, BASE, &openai("Taken")).await, 409, "AB07");
    for unknown in ["nobody", "a%20b", "%C3%BC"] {
        expect_error(&portkey.get(&one(unknown)).await, 404, "AB08");
        expect_error(&portkey.delete(&one(unknown)).await, 404, "AB08");
        let put = portkey.send(Method::PUT, &one(unknown), &json!({ "name": "x" })).await;
        expect_error(&put, 404, "AB08");
    }
    let nobody = door.ask_as("sk_test_wrong", Method::GET, BASE);
    expect_error(&read(nobody).await, 401, "credential_invalid");
    for (place, bad) in [
        ("name", json!("")),
        ("name", json!(7)),
        ("name", json!("x".repeat(256))),
        ("ai_provider_id", json!(" ")),
        ("ai_provider_id", Value::Null),
        ("slug", json!("canary space")),
        ("slug", json!("018f3d3e-0000-7000-8000-000000000000")),
        ("key", json!({ "canary": 1 })),
        ("workspace_id", json!("Not a name")),
        ("configurations", json!(["canary"])),
        ("configurations", json!({ "": "canary" })),
        ("create_default_provider", json!("canary")),
        ("default_provider_slug", json!("can ary")),
        ("secret_mappings", json!([{ "target_field": "canary", "secret_reference_id": "r" }])),
        ("secret_mappings", json!([{ "target_field": "key" }])),
        ("pricing_adjustments", json!({ "sk-canary-1": 1 })),
        ("pricing_adjustments", json!({ "multiplier": { "sk-canary-1": 1 } })),
        ("pricing_adjustments", json!({ "multiplier": { "default": -1 } })),
        ("pricing_adjustments", json!({ "multiplier": { "default": "canary" } })),
    ] {
        let mut body = openai("fresh");
        body[place] = bad;
        let refused = portkey.send(Method::POST, BASE, &body).await;
        expect_error(&refused, 400, "AB01");
    }
    for missing in ["name", "ai_provider_id"] {
        let mut body = openai("fresh");
        body.as_object_mut().unwrap().remove(missing);
        let refused = portkey.send(Method::POST, BASE, &body).await;
        expect_error(&refused, 400, "AB01");
        assert!(refused.text.contains(missing), "{refused:?}");
    }
    let broken = with_body(portkey.ask(Method::POST, BASE), &json!(null)).body("{\"canary");
    expect_error(&read(broken).await, 400, "AB01");
    expect_error(&portkey.send(Method::PATCH, &one("taken"), &json!({})).await, 405, "AB01");
    let used = json!({ "kind": "tool", "id": "t-1" });
    let link = format!("{}/taken/link-dependent", crate::http::door::CONNECTIONS);
    assert_eq!(door.post(&link, &used).await.status, 200);
    expect_error(&portkey.delete(&one("taken")).await, 409, "AB07");
}

#[tokio::test]
async fn what_a_client_sends_without_a_body_is_not_read() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("bare")).await;
    for method in [Method::GET, Method::DELETE] {
        let ask = portkey.ask(method, &one("bare")).header("content-type", "application/json");
        let answer = read(ask.header("x-portkey-strict-open-ai-compliance", "false")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().is_object());
    }
}

#[tokio::test]
async fn unknown_fields_empty_texts_and_unicode_are_taken() {
    let door = Door::open().await;
    let portkey = product(&door);
    let body = json!({
        "name": "Überprüfung 🔑",
        "ai_provider_id": "someone-new",
        "slug": "",
        "description": "",
        "key": "",
        "unknown": { "field": [1] },
        "create_default_provider": false,
        "default_provider_slug": "mine",
        "configurations": {
            "mode": "ünïcode",
            "is_key_required": false,
            "depth": { "a": [1, null] },
        },
    });
    let id = made(portkey, &body).await;
    let detail = shown(portkey, &one(&id)).await;
    assert_eq!(detail["name"], "Überprüfung 🔑");
    assert_eq!(detail["ai_provider_id"], "someone-new");
    assert_eq!(detail["configurations"], body["configurations"]);
    assert!(detail.get("masked_key").is_none(), "{detail}");
    assert_eq!(detail["description"], Value::Null);
    assert!(detail["slug"].as_str().unwrap().starts_with("someone-new-"));
    let empty = json!({ "name": "", "key": "", "description": "" });
    put(portkey, &one(&id), &empty).await;
    assert_eq!(shown(portkey, &one(&id)).await["name"], "Überprüfung 🔑");
}

#[tokio::test]
async fn a_disabled_connection_is_archived_in_the_product_s_words() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("off")).await;
    let disable = format!("{}/off/disable", crate::http::door::CONNECTIONS);
    assert_eq!(door.post(&disable, &json!({})).await.status, 200);
    assert_eq!(shown(portkey, &one("off")).await["status"], "archived");
}

#[tokio::test]
async fn prices_are_set_with_the_rest_or_not_at_all() {
    let door = Door::open().await;
    let portkey = product(&door);
    let mut body = openai("priced");
    let prices = json!({ "multiplier": {
        "default": 1.5,
        "request_token": null,
        "image": { "default": 2.0 },
        "additional_units": { "web_search": 0.5 },
    } });
    body["pricing_adjustments"] = prices.clone();
    made(portkey, &body).await;
    assert_eq!(shown(portkey, &one("priced")).await["pricing_adjustments"], prices);
    let native_prices = native(&door, "priced").await["pricing"].clone();
    assert_eq!(
        native_prices,
        json!({
            "multipliers": { "default": 1.5, "request_token": null },
            "image_default": 2.0,
            "additional_units": { "web_search": 0.5 },
        })
    );
    let bad = json!({ "name": "New", "pricing_adjustments": { "multiplier": { "default": -1 } } });
    expect_error(&portkey.send(Method::PUT, &one("priced"), &bad).await, 400, "AB01");
    let detail = shown(portkey, &one("priced")).await;
    assert_eq!(detail["name"], "OpenAI, production", "nothing of it was done");
    let both = json!({ "name": "New", "pricing_adjustments": { "multiplier": { "default": 3 } } });
    put(portkey, &one("priced"), &both).await;
    let detail = shown(portkey, &one("priced")).await;
    assert_eq!(detail["name"], "New");
    assert_eq!(detail["pricing_adjustments"], json!({ "multiplier": { "default": 3.0 } }));
    put(portkey, &one("priced"), &json!({ "pricing_adjustments": null })).await;
    assert_eq!(shown(portkey, &one("priced")).await["pricing_adjustments"], Value::Null);
}
