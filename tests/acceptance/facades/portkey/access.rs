//! The workspaces of an integration.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{expect_error, made, native, one, openai, product, put, shown, workspaces as make};
use crate::facades::Product;
use crate::http::door::{CONNECTIONS, Door};

fn usage() -> Value {
    json!([{
        "type": "cost",
        "credit_limit": 100,
        "alert_threshold": 80,
        "periodic_reset": "monthly",
    }])
}

/// Lists the workspaces besides the home, which is always the first.
async fn others(portkey: Product<'_>, path: &str) -> Value {
    let mut said = shown(portkey, path).await;
    let list = said["workspaces"].as_array_mut().expect("a list");
    assert_eq!(list.remove(0)["id"], "default");
    let count = list.len();
    assert_eq!(said["total"], count + 1);
    said["total"] = count.into();
    said
}

#[tokio::test]
async fn grants_are_given_changed_and_taken_back() {
    let door = Door::open().await;
    make(&door, &["team-a", "team-b", "team-c"]).await;
    let portkey = product(&door);
    made(portkey, &openai("w")).await;
    let workspaces = format!("{}/workspaces", one("w"));
    let home = json!({ "object": "list", "total": 1, "workspaces": [
        { "id": "default", "enabled": true, "usage_limits": null, "rate_limits": null },
    ] });
    assert_eq!(shown(portkey, &workspaces).await, home);
    let rate = json!([{ "type": "requests", "unit": "rpm", "value": 60 }]);
    let body = json!({ "workspaces": [
        { "id": "team-a", "enabled": true, "usage_limits": usage(), "rate_limits": rate },
        { "id": "team-b", "enabled": true, "reset_usage": true, "create_default_provider": false,
          "default_provider_slug": "mine" },
        { "id": "default", "enabled": true },
        { "id": "team-c", "enabled": false },
    ] });
    put(portkey, &workspaces, &body).await;
    let said = others(portkey, &workspaces).await;
    assert_eq!(said["total"], 2, "{said}");
    let first = &said["workspaces"][0];
    assert_eq!((&first["id"], &first["enabled"]), (&json!("team-a"), &json!(true)));
    assert_eq!(first["rate_limits"], rate);
    assert_eq!(first["usage_limits"][0]["periodic_reset"], "monthly");
    assert_eq!(first["usage_limits"][0]["periodic_reset_days"], Value::Null);
    assert_eq!(first["usage_limits"][0]["credit_limit"], 100);
    assert_eq!(
        said["workspaces"][1],
        json!({ "id": "team-b", "enabled": true, "usage_limits": null, "rate_limits": null })
    );
    assert_eq!(shown(portkey, &one("w")).await["workspace_count"], 3);
    let granted = &native(&door, "w").await["access"]["workspaces"];
    assert_eq!(granted["team-a"]["limits"]["usage"]["reset"], "monthly");

    // What is left out of a grant stays, null takes a limit away; one alone is as good as a list.
    let body = json!({ "workspaces": [
        { "id": "team-a", "enabled": true, "rate_limits": null },
        { "id": "team-b", "enabled": true,
          "usage_limits": { "credit_limit": 5, "type": "tokens", "periodic_reset_days": 30 } },
    ] });
    put(portkey, &workspaces, &body).await;
    let said = others(portkey, &workspaces).await;
    assert_eq!(said["workspaces"][0]["rate_limits"], Value::Null);
    assert_eq!(said["workspaces"][0]["usage_limits"][0]["credit_limit"], 100);
    assert_eq!(said["workspaces"][1]["usage_limits"][0]["periodic_reset_days"], 30);
    put(portkey, &workspaces, &json!({ "workspaces": [{ "id": "team-a", "enabled": false }] }))
        .await;
    assert_eq!(others(portkey, &workspaces).await["total"], 1);
}

#[tokio::test]
async fn all_workspaces_are_granted_at_once() {
    let door = Door::open().await;
    make(&door, &["own", "shut-out"]).await;
    let portkey = product(&door);
    made(portkey, &openai("w")).await;
    let workspaces = format!("{}/workspaces", one("w"));
    let settings =
        async || shown(portkey, &one("w")).await["global_workspace_access_settings"].clone();
    put(portkey, &workspaces, &json!({ "workspaces": [{ "id": "own", "enabled": true }] })).await;
    let all = json!({ "global_workspace_access": { "enabled": true, "usage_limits": usage() } });
    put(portkey, &workspaces, &all).await;
    assert_eq!(settings().await["enabled"], true);
    assert_eq!(settings().await["usage_limits"][0]["credit_limit"], 100);
    assert_eq!(settings().await["rate_limits"], Value::Null);
    let own = async || others(portkey, &workspaces).await["workspaces"][0].clone();
    assert_eq!(own().await["usage_limits"], Value::Null, "others stay as they are");
    // Both spellings of the flag.
    let named = json!({
        "override_existing_workspaces_access": true,
        "workspaces": [{ "id": "shut-out", "enabled": false }],
    });
    put(portkey, &workspaces, &named).await;
    assert_eq!(own().await["usage_limits"][0]["credit_limit"], 100, "it has what all have");
    let shut = others(portkey, &workspaces).await["workspaces"][1].clone();
    assert_eq!((&shut["id"], &shut["enabled"]), (&json!("shut-out"), &json!(false)));
    let nobody = json!({
        "global_workspace_access": { "enabled": false },
        "override_existing_workspace_access": true,
    });
    put(portkey, &workspaces, &nobody).await;
    assert_eq!(settings().await, Value::Null);
    assert_eq!(others(portkey, &workspaces).await["total"], 0);
}

#[tokio::test]
async fn a_workspace_is_known_by_the_uuid_of_its_name_too() {
    let door = Door::open().await;
    make(&door, &["team-a"]).await;
    let portkey = product(&door);
    made(portkey, &openai("w")).await;
    let workspaces = format!("{}/workspaces", one("w"));
    put(portkey, &workspaces, &json!({ "workspaces": [{ "id": "team-a", "enabled": true }] }))
        .await;
    let name = ledger_domain::WorkspaceName::parse("name", "team-a").unwrap();
    let id = Uuid::from_bytes(name.stream_id()).to_string();
    let off = json!({ "workspaces": [{ "id": id, "enabled": false }] });
    put(portkey, &workspaces, &off).await;
    assert_eq!(others(portkey, &workspaces).await["total"], 0);
}

#[tokio::test]
async fn nothing_is_done_of_what_cannot_be_done_whole() {
    let door = Door::open().await;
    make(&door, &["team-a", "b"]).await;
    let portkey = product(&door);
    made(portkey, &openai("w")).await;
    let workspaces = format!("{}/workspaces", one("w"));
    let team = json!({ "id": "team-a", "enabled": true });
    for bad in [
        json!([team, { "id": "default", "enabled": false }]),
        json!([team, { "id": "default", "enabled": true, "usage_limits": usage() }]),
        json!([team, { "id": "Canary name", "enabled": true }]),
        json!([team, team]),
        json!([team, { "id": "b" }]),
        json!([team, { "id": "b", "enabled": true, "usage_limits": [{ "credit_limit": 0 }] }]),
        json!([team, { "id": "b", "enabled": true, "usage_limits": [{ "alert_threshold": 1 }] }]),
        json!([team, { "id": "b", "enabled": true,
            "rate_limits": [{ "value": 1, "unit": "rps" }] }]),
        json!([team, { "id": "b", "enabled": true,
            "rate_limits": [{ "value": 1 }, { "value": 2 }] }]),
        json!([team, { "id": "b", "enabled": true, "usage_limits": [
            { "credit_limit": 1, "periodic_reset": "weekly", "periodic_reset_days": 7 }] }]),
        json!([team, { "id": "b", "enabled": true, "usage_limits": [
            { "credit_limit": 1, "periodic_reset": "30d" }] }]),
        json!([team, { "id": "b", "enabled": true, "default_provider_slug": "x".repeat(256) }]),
    ] {
        let refused = portkey.send(Method::PUT, &workspaces, &json!({ "workspaces": bad })).await;
        expect_error(&refused, 400, "AB01");
    }
    let nowhere = json!({ "workspaces": [team, { "id": "nowhere", "enabled": true }] });
    expect_error(&portkey.send(Method::PUT, &workspaces, &nowhere).await, 404, "AB08");
    assert_eq!(others(portkey, &workspaces).await["total"], 0);
}

#[tokio::test]
async fn a_repeated_request_is_done_once_and_a_broken_off_one_to_its_end() {
    let door = Door::open().await;
    make(&door, &["old-a", "old-b", "new"]).await;
    let portkey = product(&door);
    made(portkey, &openai("w")).await;
    let workspaces = format!("{}/workspaces", one("w"));
    let grant = async |name: &str| {
        let body = json!({ "grant_to": name, "limits": {} });
        let answer = door.post(&format!("{CONNECTIONS}/w/grant-workspace"), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    grant("old-a").await;
    let body = json!({
        "override_existing_workspace_access": true,
        "workspaces": [{ "id": "new", "enabled": true }],
    });
    let send = async || {
        let ask = portkey.ask(Method::PUT, &workspaces).header("idempotency-key", "k-1");
        let answer = crate::http::door::read(crate::http::door::with_body(ask, &body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    send().await;
    let version = native(&door, "w").await["version"].clone();
    send().await;
    assert_eq!(native(&door, "w").await["version"], version);
    // As if the first try had ended before it came to this one.
    grant("old-b").await;
    send().await;
    let said = others(portkey, &workspaces).await;
    assert_eq!((&said["total"], &said["workspaces"][0]["id"]), (&json!(1), &json!("new")));
}
