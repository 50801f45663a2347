//! Settings and secrets of an integration.

use reqwest::Method;
use serde_json::{Value, json};

use super::{BASE, expect_error, made, native, one, openai, product, put, shown};
use crate::http::door::Door;

fn bedrock(slug: &str) -> Value {
    json!({
        "name": "Bedrock",
        "ai_provider_id": "bedrock",
        "slug": slug,
        "configurations": {
            "aws_auth_type": "accessKey",
            "aws_region": "eu-central-1",
            "aws_access_key_id": "AKIAcanary7EXAMPLE",
            "aws_secret_access_key": "canary-secret-9876543210",
        },
    })
}

#[tokio::test]
async fn secrets_among_the_settings_are_shown_masked_and_kept() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &bedrock("aws")).await;
    let detail = shown(portkey, &one("aws")).await;
    assert_eq!(
        detail["configurations"],
        json!({
            "aws_auth_type": "accessKey",
            "aws_region": "eu-central-1",
            "masked_aws_access_key_id": "AK*******LE",
            "masked_aws_secret_access_key": "ca*******10",
        })
    );
    assert!(detail.get("masked_key").is_none(), "{detail}");
    assert_eq!(native(&door, "aws").await["auth_method"], "aws_access_key");
    let generations = async || {
        let shown = native(&door, "aws").await;
        let of = |name: &str| shown["secrets"][name]["generation"].as_u64();
        (of("aws_access_key_id"), of("aws_secret_access_key"))
    };
    // A client sends back what it read, with one change, and masks under the plain names.
    let mut configurations = detail["configurations"].clone();
    configurations["aws_region"] = "us-east-1".into();
    configurations["aws_external_id"] = Value::Null;
    put(portkey, &one("aws"), &json!({ "configurations": configurations })).await;
    configurations["aws_access_key_id"] = "AK*******LE".into();
    configurations["aws_secret_access_key"] = "".into();
    put(portkey, &one("aws"), &json!({ "configurations": configurations })).await;
    assert_eq!(generations().await, (Some(1), Some(1)));
    assert_eq!(shown(portkey, &one("aws")).await["configurations"]["aws_region"], "us-east-1");
    configurations["aws_secret_access_key"] = "canary-other-0123456789".into();
    put(portkey, &one("aws"), &json!({ "configurations": configurations })).await;
    assert_eq!(generations().await, (Some(1), Some(2)));
}

#[tokio::test]
async fn what_a_provider_needs_is_asked_for() {
    let door = Door::open().await;
    let portkey = product(&door);
    for missing in ["aws_auth_type", "aws_region", "aws_access_key_id", "aws_secret_access_key"] {
        let mut body = bedrock("aws");
        body["configurations"].as_object_mut().unwrap().remove(missing);
        let refused = portkey.send(Method::POST, BASE, &body).await;
        expect_error(&refused, 400, "AB01");
        assert!(refused.text.contains(&format!("configurations.{missing}")), "{refused:?}");
    }
    for (place, bad) in [
        ("aws_region", json!(7)),
        ("aws_secret_access_key", json!({ "canary": 1 })),
        ("aws_secret_access_key", json!(true)),
    ] {
        let mut body = bedrock("aws");
        body["configurations"][place] = bad;
        expect_error(&portkey.send(Method::POST, BASE, &body).await, 400, "AB01");
    }
    let mut twice = openai("twice");
    twice["configurations"] = json!({ "openai_project": "canary", "project_id": "canary" });
    expect_error(&portkey.send(Method::POST, BASE, &twice).await, 400, "AB01");
    twice["configurations"] = json!({ "api_key": "canary" });
    expect_error(&portkey.send(Method::POST, BASE, &twice).await, 400, "AB01");
    // What is unknown is nobody's business.
    let mut body = bedrock("aws");
    body["configurations"]["aws_auth_type"] = "workload".into();
    body["configurations"]["newer"] = json!({ "setting": 1 });
    made(portkey, &body).await;
    assert_eq!(native(&door, "aws").await["auth_method"], "unknown");
    let whole = json!({ "configurations": { "aws_auth_type": "assumedRole", "aws_region": "r" } });
    let refused = portkey.send(Method::PUT, &one("aws"), &whole).await;
    expect_error(&refused, 400, "AB01");
    assert!(refused.text.contains("aws_role_arn"), "{refused:?}");
    let whole = json!({ "configurations": {
        "aws_auth_type": "assumedRole", "aws_region": "r", "aws_role_arn": "arn:aws:iam::1:role/r",
    } });
    put(portkey, &one("aws"), &whole).await;
    let stored = native(&door, "aws").await;
    assert_eq!(stored["auth_method"], "aws_assumed_role");
    assert!(stored["config"].get("newer").is_none(), "the settings were given whole");
    assert_eq!(stored["secrets"].as_object().map(serde_json::Map::len), Some(2));
}

#[tokio::test]
async fn an_object_can_be_a_secret() {
    let door = Door::open().await;
    let portkey = product(&door);
    let account = json!({ "type": "service_account", "private_key": "canary" });
    let body = json!({
        "name": "Vertex",
        "ai_provider_id": "vertex-ai",
        "slug": "vertex",
        "configurations": {
            "vertex_auth_type": "serviceAccount",
            "vertex_region": "europe-west4",
            "vertex_service_account_json": account,
            "custom_host": "https://vertex.example",
            "custom_headers": { "x-key": "canary" },
        },
    });
    made(portkey, &body).await;
    let detail = shown(portkey, &one("vertex")).await;
    assert_eq!(
        detail["configurations"],
        json!({
            "vertex_auth_type": "serviceAccount",
            "vertex_region": "europe-west4",
            "custom_host": "https://vertex.example",
            "masked_vertex_service_account_json": "********",
            "masked_custom_headers": "********",
        })
    );
    let stored = native(&door, "vertex").await;
    assert_eq!(stored["auth_method"], "gcp_service_account");
    let mut whole = detail["configurations"].clone();
    whole["vertex_service_account_json"] = "********".into();
    put(portkey, &one("vertex"), &json!({ "configurations": whole })).await;
    let secret = "vertex_service_account_json";
    assert_eq!(native(&door, "vertex").await["secrets"][secret]["generation"], 1);
    whole[secret] = "canary, no object".into();
    let bad = json!({ "configurations": whole });
    expect_error(&portkey.send(Method::PUT, &one("vertex"), &bad).await, 400, "AB01");
    whole[secret] = account;
    put(portkey, &one("vertex"), &json!({ "configurations": whole })).await;
    assert_eq!(native(&door, "vertex").await["secrets"][secret]["generation"], 2);
}

#[tokio::test]
async fn deployments_of_azure_are_looked_into() {
    let door = Door::open().await;
    let portkey = product(&door);
    let mut body = json!({
        "name": "Azure",
        "ai_provider_id": "azure-openai",
        "slug": "azure",
        "key": "canary-0123456789",
        "configurations": {
            "azure_auth_mode": "default",
            "azure_resource_name": "ours",
            "azure_deployment_config": [],
        },
    });
    expect_error(&portkey.send(Method::POST, BASE, &body).await, 400, "AB01");
    body["configurations"]["azure_deployment_config"] = json!([{ "azure_model_slug": "gpt-4o" }]);
    let refused = portkey.send(Method::POST, BASE, &body).await;
    expect_error(&refused, 400, "AB01");
    assert!(refused.text.contains("azure_deployment_config[0].azure_api_version"), "{refused:?}");
    body["configurations"]["azure_deployment_config"] = json!([{
        "azure_model_slug": "gpt-4o",
        "azure_api_version": "2026-01-01",
        "azure_deployment_name": "four",
        "is_default": true,
    }]);
    made(portkey, &body).await;
    let detail = shown(portkey, &one("azure")).await;
    assert_eq!(detail["configurations"], body["configurations"]);
}

#[tokio::test]
async fn the_key_is_replaced_kept_and_removed() {
    let door = Door::open().await;
    let portkey = product(&door);
    made(portkey, &openai("k")).await;
    let generation = async || native(&door, "k").await["secrets"]["key"]["generation"].as_u64();
    for same in [json!("sk*******89"), json!("")] {
        put(portkey, &one("k"), &json!({ "key": same, "masked_key": "canary" })).await;
        assert_eq!(generation().await, Some(1));
    }
    put(portkey, &one("k"), &json!({ "key": "sk-canary-9876543210" })).await;
    assert_eq!(generation().await, Some(2));
    put(portkey, &one("k"), &json!({ "key": null })).await;
    assert_eq!(generation().await, None);
    assert!(shown(portkey, &one("k")).await.get("masked_key").is_none());
}

#[tokio::test]
async fn mappings_are_the_ledger_s_references() {
    let door = Door::open().await;
    let portkey = product(&door);
    let mut body = bedrock("refs");
    let secret = body["configurations"].as_object_mut().unwrap().remove("aws_secret_access_key");
    assert!(secret.is_some());
    let mappings = json!([
        { "target_field": "key", "secret_reference_id": "vault/key", "secret_key": null,
          "value_format": null },
        { "target_field": "configurations.aws_secret_access_key",
          "secret_reference_id": "018f3d3e-0000-7000-8000-000000000000",
          "secret_key": "part", "value_format": "string" },
    ]);
    body["secret_mappings"] = mappings.clone();
    made(portkey, &body).await;
    assert_eq!(shown(portkey, &one("refs")).await["secret_mappings"], mappings);
    let references = native(&door, "refs").await["secret_references"].clone();
    assert_eq!(references[1]["target"], "aws_secret_access_key");
    assert_eq!(references[1]["reference"], "018f3d3e-0000-7000-8000-000000000000");
    put(portkey, &one("refs"), &json!({ "name": "Left out" })).await;
    assert_eq!(shown(portkey, &one("refs")).await["secret_mappings"], mappings);
    // Without the mapping nothing would fill the field.
    let none = json!({ "secret_mappings": [] });
    expect_error(&portkey.send(Method::PUT, &one("refs"), &none).await, 400, "AB01");
    let mut configurations = bedrock("refs")["configurations"].clone();
    configurations["aws_secret_access_key"] = "canary-0123456789".into();
    let moved = json!({ "secret_mappings": [], "configurations": configurations });
    put(portkey, &one("refs"), &moved).await;
    assert_eq!(shown(portkey, &one("refs")).await["secret_mappings"], json!([]));
    let again = json!({ "target_field": "key", "secret_reference_id": "a" });
    let twice = json!({ "secret_mappings": [again, again] });
    expect_error(&portkey.send(Method::PUT, &one("refs"), &twice).await, 400, "AB01");
}

#[tokio::test]
async fn a_connection_made_elsewhere_is_edited_where_it_is() {
    let door = Door::open().await;
    let portkey = product(&door);
    let made_natively = json!({
        "slug": "far",
        "provider": "openai",
        "config": { "organization": "org-1", "endpoint": "https://api.example/v1", "extra": 7 },
        "secrets": { "apiKey": "sk-canary-0123456789", "webhook_secret": "canary-0123456789" },
        "labels": { "team": "search" },
        "annotations": { "pica.group": "g" },
    });
    door.create(&made_natively).await;
    let detail = shown(portkey, &one("far")).await;
    assert_eq!(detail["name"], "far");
    assert_eq!(detail["masked_key"], "sk*******89");
    assert_eq!(detail["configurations"]["openai_organization"], "org-1");
    assert_eq!(detail["configurations"]["masked_webhook_secret"], "ca*******89");
    let mut configurations = detail["configurations"].clone();
    configurations["openai_organization"] = "org-2".into();
    configurations.as_object_mut().unwrap().remove("extra");
    let body = json!({ "key": "sk-canary-new-456789", "configurations": configurations });
    put(portkey, &one("far"), &body).await;
    let stored = native(&door, "far").await;
    assert_eq!(stored["config"]["organization"], "org-2");
    assert!(stored["config"].get("openai_organization").is_none(), "{stored}");
    assert!(stored["config"].get("extra").is_none(), "{stored}");
    assert_eq!(stored["config"]["endpoint"], "https://api.example/v1");
    assert_eq!(stored["secrets"]["apiKey"]["generation"], 2);
    assert_eq!(stored["secrets"]["webhook_secret"]["generation"], 1);
    assert_eq!(stored["labels"], json!({ "team": "search" }));
    assert_eq!(stored["annotations"], json!({ "pica.group": "g" }));
}

#[tokio::test]
async fn what_other_doors_left_open_keeps_nobody_from_changing_something_else() {
    let door = Door::open().await;
    let portkey = product(&door);
    let incomplete = json!({
        "slug": "role",
        "provider": "amazon",
        "auth_method": "aws_assumed_role",
        "config": { "role_arn": "arn:aws:iam::1:role/r", "endpoint": "https://umbraco.example" },
    });
    door.create(&incomplete).await;
    let detail = shown(portkey, &one("role")).await;
    assert_eq!(detail["ai_provider_id"], "bedrock");
    assert_eq!(
        detail["configurations"],
        json!({ "aws_auth_type": "assumedRole", "aws_role_arn": "arn:aws:iam::1:role/r" }),
        "what only another product knows is not shown"
    );
    put(portkey, &one("role"), &json!({ "name": "Renamed" })).await;
    put(portkey, &one("role"), &json!({ "configurations": detail["configurations"] })).await;
    let stored = native(&door, "role").await;
    assert_eq!(stored["auth_method"], "aws_assumed_role");
    assert_eq!(stored["config"]["endpoint"], "https://umbraco.example");
    assert_eq!(stored["provider"], "amazon");
}

#[tokio::test]
async fn a_lone_secret_that_is_not_the_key_is_not_taken_for_it() {
    let door = Door::open().await;
    let portkey = product(&door);
    let body = json!({
        "name": "Azure", "ai_provider_id": "azure-openai", "slug": "azure",
        "configurations": {
            "azure_auth_mode": "entra", "azure_resource_name": "r",
            "azure_deployment_config": [{
                "azure_api_version": "v", "azure_deployment_name": "d", "azure_model_slug": "m",
                "is_default": true,
            }],
            "azure_entra_tenant_id": "t", "azure_entra_client_id": "c",
            "azure_entra_client_secret": "canary-0123456789",
        },
    });
    made(portkey, &body).await;
    let detail = shown(portkey, &one("azure")).await;
    assert_eq!(detail.get("masked_key"), None, "{detail}");
    let masked = &detail["configurations"]["masked_azure_entra_client_secret"];
    assert_eq!(masked, "ca*******89", "{detail}");
    put(portkey, &one("azure"), &json!({ "key": "canary-key-0123456789" })).await;
    let secrets = native(&door, "azure").await["secrets"].clone();
    assert_eq!(secrets["azure_entra_client_secret"]["generation"], 1, "{secrets}");
}
