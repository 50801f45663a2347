//! Auth connections of ElevenLabs.

use reqwest::Method;
use serde_json::{Value, json};

use super::Product;
use crate::http::door::{Answer, CONNECTIONS, Door, read, with_body};

const BASE: &str = "/v1/workspace/auth-connections";

fn product(door: &Door) -> Product<'_> {
    Product::new(door, "xi-api-key", "")
}

/// Each kind that can be made, with what must be given.
fn kinds() -> [(&'static str, Value); 7] {
    [
        (
            "oauth2_client_credentials",
            json!({ "client_id": "c", "token_url": "https://t", "client_secret": "canary-1" }),
        ),
        ("basic_auth", json!({ "username": "u", "password": "canary-1" })),
        ("bearer_auth", json!({ "token": "canary-1" })),
        (
            "oauth2_jwt",
            json!({
                "issuer": "i", "audience": "a", "subject": "s", "token_url": "https://t",
                "secret_key": "canary-1",
            }),
        ),
        (
            "private_key_jwt",
            json!({ "issuer": "i", "audience": "a", "subject": "s", "secret_key": "canary-1" }),
        ),
        ("mtls", json!({ "client_certificate": "canary-1", "client_key": "canary-2" })),
        ("custom_header_auth", json!({ "header_name": "X-Key", "token": "canary-1" })),
    ]
}

fn body(kind: &str, fields: &Value) -> Value {
    let mut body = fields.clone();
    body["auth_type"] = kind.into();
    body["name"] = format!("A {kind}").into();
    body["provider"] = "GitHub".into();
    body
}

fn one(shown: &Value) -> String {
    format!("{BASE}/{}", shown["id"].as_str().expect("an id"))
}

#[track_caller]
fn expect_unprocessable(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let detail = &answer.json()["detail"][0];
    assert_eq!(detail["loc"], json!(["body", field]), "{answer:?}");
    assert!(detail["msg"].is_string() && detail["type"].is_string(), "{answer:?}");
    assert!(!answer.text.contains("canary"), "{answer:?}");
}

async fn make(door: &Door, kind: &str, fields: &Value) -> Value {
    let made = product(door).send(Method::POST, BASE, &body(kind, fields)).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert!(!made.text.contains("canary"), "{made:?}");
    made.json()
}

#[tokio::test]
async fn every_kind_is_made_shown_without_its_secrets_and_deleted() {
    let door = Door::open().await;
    for (kind, fields) in kinds() {
        let made = make(&door, kind, &fields).await;
        assert_eq!(made["auth_type"], kind);
        assert_eq!(
            (&made["name"], &made["provider"]),
            (&format!("A {kind}").into(), &"GitHub".into())
        );
        assert_eq!((&made["status"], &made["status_detail"]), (&json!("active"), &Value::Null));
        for (name, value) in fields.as_object().unwrap() {
            let secret = value.as_str().unwrap().contains("canary");
            let expected = if secret { None } else { Some(value) };
            assert_eq!(made.get(name), expected, "{kind}: {name}");
        }
    }
    let listed = product(&door).get(BASE).await.json();
    let listed = listed["auth_connections"].as_array().unwrap().clone();
    let order: Vec<_> = listed.iter().map(|shown| shown["auth_type"].clone()).collect();
    assert_eq!(order, kinds().map(|(kind, _)| Value::from(kind)));
    for shown in &listed {
        assert_eq!(product(&door).delete(&one(shown)).await.status, 200);
        let gone = product(&door).delete(&one(shown)).await;
        assert_eq!((gone.status, &gone.json()["detail"]["status"]), (404, &json!("not_found")));
    }
}

#[tokio::test]
async fn a_connection_with_its_dependents_reads_as_the_product_documents_it() {
    let door = Door::open().await;
    let fields = json!({
        "client_id": "gho_1234567890abcdef",
        "token_url": "https://github.com/login/oauth/access_token",
        "client_secret": "canary-0",
        "basic_auth_in_header": true,
        "custom_headers": { "X-Custom-Header": "CustomValue" },
        "extra_params": { "audience": "api.github.com" },
        "scopes": ["repo", "user"],
    });
    let made = make(&door, "oauth2_client_credentials", &fields).await;
    let id = made["id"].as_str().unwrap().trim_start_matches("ac-").to_owned();
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    for (kind, dependent, name, made_at) in [
        ("tool", "tool-001", "Code Analyzer", Some(1_685_000_000)),
        ("mcp_server", "mcp-123", "Primary MCP Server", Some(1_684_000_000)),
        ("integration_connection", "int-456", "GitHub Integration", None),
    ] {
        let mut body = json!({ "kind": kind, "id": dependent, "name": name });
        if let Some(made_at) = made_at {
            body["attributes"] =
                json!({ "access_level": "admin", "created_at_unix_secs": made_at });
        }
        let linked = door.post(&format!("{CONNECTIONS}/{id}/link-dependent"), &body).await;
        assert_eq!(linked.status, 200, "{linked:?}");
    }
    let shown = product(&door).get(BASE).await.json()["auth_connections"][0].clone();
    let mut expected = fields;
    expected.as_object_mut().unwrap().remove("client_secret");
    expected["auth_type"] = "oauth2_client_credentials".into();
    expected["used_by"] = json!({
        "tools": [{
            "type": "available", "access_level": "admin", "created_at_unix_secs": 1_685_000_000,
            "id": "tool-001", "name": "Code Analyzer",
        }],
        "mcp_servers": [{
            "type": "available", "access_level": "admin", "created_at_unix_secs": 1_684_000_000,
            "id": "mcp-123", "name": "Primary MCP Server",
        }],
        "integration_connections": [{ "id": "int-456", "name": "GitHub Integration" }],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let refused = product(&door).delete(&one(&shown)).await;
    assert_eq!(refused.status, 422, "it is in use, and no client repeats this: {refused:?}");
}

#[tokio::test]
async fn a_change_merges_maps_and_keeps_what_is_left_out_or_null() {
    let door = Door::open().await;
    let fields = json!({
        "client_id": "c", "token_url": "https://t", "client_secret": "canary-1",
        "extra_params": { "keep": "1", "drop": "2" }, "scopes": ["a"],
    });
    let made = make(&door, "oauth2_client_credentials", &fields).await;
    let change = json!({
        "auth_type": "oauth2_client_credentials",
        "client_secret": null,
        "scopes": null,
        "name": "ignored",
        "token_url": "https://ignored",
        "provider": "GitLab",
        "extra_params": { "drop": null, "new": "3" },
    });
    let changed = product(&door).send(Method::PATCH, &one(&made), &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = changed.json();
    assert_eq!(changed["extra_params"], json!({ "keep": "1", "new": "3" }));
    assert_eq!(changed["provider"], "GitLab");
    for name in ["name", "token_url", "scopes", "client_id"] {
        assert_eq!(changed[name], made[name], "{name}");
    }
}

#[tokio::test]
async fn what_other_doors_made_is_shown_and_its_key_can_be_changed() {
    let door = Door::open().await;
    let native = json!({
        "provider": "openai", "display_name": "OpenAI", "secrets": { "apiKey": "canary-1" },
    });
    let id = door.create(&native).await;
    // A kind whose required fields are not all there would break the whole list for a client.
    let torn = json!({ "provider": "x", "auth_method": "oauth2_jwt", "slug": "torn" });
    door.create(&torn).await;
    let listed = product(&door).get(BASE).await.json();
    assert_eq!(listed["auth_connections"][0]["auth_type"], "bearer_auth");
    assert_eq!(listed["auth_connections"][1]["auth_type"], "bearer_auth");
    assert_eq!(listed["auth_connections"][1]["name"], "torn");
    let change = json!({ "auth_type": "bearer_auth", "token": "canary-2" });
    let path = one(&listed["auth_connections"][0]);
    let changed = product(&door).send(Method::PATCH, &path, &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let shown = door.get(&format!("{CONNECTIONS}/{id}")).await.json();
    assert_eq!(shown["secrets"]["apiKey"]["generation"], 2);
    assert_eq!(shown["secrets"].as_object().unwrap().len(), 1);
    let failed = json!({ "reason": "the key was withdrawn" });
    door.post(&format!("{CONNECTIONS}/{id}/mark-failed"), &failed).await;
    let shown = product(&door).get(BASE).await.json()["auth_connections"][0].clone();
    assert_eq!(shown["status"], "credential_invalid");
    assert_eq!(shown["status_detail"], "the key was withdrawn");
    assert!(shown["status_updated_at"].is_string());
}

#[tokio::test]
async fn errors_have_the_product_s_form_and_echo_nothing() {
    let door = Door::open().await;
    let xi = product(&door);
    for (kind, fields) in kinds() {
        for name in fields.as_object().unwrap().keys() {
            let mut without = body(kind, &fields);
            without.as_object_mut().unwrap().remove(name);
            expect_unprocessable(&xi.send(Method::POST, BASE, &without).await, name);
            let mut wrong = body(kind, &fields);
            wrong[name] = json!(["canary"]);
            expect_unprocessable(&xi.send(Method::POST, BASE, &wrong).await, name);
        }
    }
    let bearer = json!({ "token": "canary-1" });
    for (field, bad) in [
        ("auth_type", json!("canary")),
        ("auth_type", json!("whatsapp_auth")),
        ("auth_type", json!(7)),
        ("name", json!("")),
        ("name", json!(null)),
        ("provider", json!({})),
    ] {
        let mut wrong = body("bearer_auth", &bearer);
        wrong[field] = bad;
        let refused = xi.send(Method::POST, BASE, &wrong).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.json()["detail"].is_array() && !refused.text.contains("canary"));
    }
    let mut lifetime = body("oauth2_jwt", &kinds()[3].1);
    lifetime["expiration_seconds"] = 59.into();
    expect_unprocessable(&xi.send(Method::POST, BASE, &lifetime).await, "expiration_seconds");
    let broken = with_body(xi.ask(Method::POST, BASE), &json!(null)).body("{\"canary");
    assert_eq!(read(broken).await.status, 422);
    let nobody = read(door.ask_as("sk_test_wrong", Method::GET, BASE)).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.json()["detail"]["status"], "invalid_api_key");
    let made = make(&door, "bearer_auth", &bearer).await;
    let other = json!({ "auth_type": "basic_auth", "password": "canary" });
    expect_unprocessable(&xi.send(Method::PATCH, &one(&made), &other).await, "auth_type");
    let fixed = make(&door, "custom_header_auth", &kinds()[6].1).await;
    let change = json!({ "auth_type": "custom_header_auth", "token": "canary" });
    expect_unprocessable(&xi.send(Method::PATCH, &one(&fixed), &change).await, "auth_type");
    let unknown = xi.send(Method::PATCH, &format!("{BASE}/nobody"), &change).await;
    assert_eq!((unknown.status, &unknown.json()["detail"]["status"]), (404, &json!("not_found")));
}
