//! References in the APIs of other products.

use reqwest::Method;
use serde_json::{Value, json};

use super::{reveal_over_http, run};
use crate::canary::secret;
use crate::service::Service;

/// Sends a request as a client of another product would.
async fn send(
    service: &Service,
    method: Method,
    path: &str,
    key: &str,
    body: &Value,
) -> (u16, Value) {
    let url = format!("{}{path}", service.http_url());
    let credential = match key {
        "authorization" => format!("Bearer {}", service.key()),
        _ => service.key(),
    };
    let sent = crate::http::door::client().request(method, url).header(key, credential);
    let sent = sent.header("Content-Type", "application/json").body(body.to_string());
    let answer = sent.send().await.expect("the ledger answers");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

const UMBRACO: &str = "/umbraco/ai/management/api/v1/connections";

#[tokio::test(flavor = "multi_thread")]
async fn a_dollar_setting_of_umbraco_is_the_variable_of_the_section_if_that_is_allowed() {
    let value = secret(1);
    let variable = format!("OpenAI__ApiKey={value}");
    let args = ["--nats", "managed", "--allow-reference", "env:OpenAI__*"];
    let service = Service::start_under(&["env", &variable], &args).await;
    let ask = async |method, path: &str, body: &Value| {
        send(&service, method, &format!("{UMBRACO}{path}"), "authorization", body).await
    };
    let body = |key: &str| json!({"alias": "main", "name": "Main", "providerId": "openai", "settings": {"apiKey": key}});
    let (status, made) = ask(Method::POST, "", &body("$OpenAI:ApiKey")).await;
    assert_eq!(status, 201, "{made}");
    let (_, shown) = ask(Method::GET, "/main", &Value::Null).await;
    assert_eq!(shown["settings"]["apiKey"], "$OpenAI:ApiKey", "{shown}");
    let all = json!({"reason": "a test"});
    let found = super::post(&service, "/main/reveal-secret", &all).await.1;
    assert_eq!(found["secrets"]["apiKey"]["value"], value, "{found}");

    // Sent back, it stays; another value takes its place.
    let put = |key: &str| json!({"name": "Main", "settings": {"apiKey": key}});
    let (status, same) = ask(Method::PUT, "/main", &put("$OpenAI:ApiKey")).await;
    assert_eq!((status, &same["version"]), (200, &json!(1)), "{same}");
    let (status, changed) = ask(Method::PUT, "/main", &put("sk-0123456789abcdef")).await;
    assert_eq!((status, &changed["settings"]["apiKey"]), (200, &json!("sk-***")), "{changed}");
    let (status, _) = ask(Method::PUT, "/main", &put("$OpenAI:ApiKey")).await;
    assert_eq!(status, 200);
    let shown = run(&service, &["get", "main"]).await;
    assert!(shown.contains("at env:OpenAI__ApiKey  generation 3"), "{shown}");

    // What is not allowed is a note, as before.
    let (status, noted) = ask(Method::PUT, "/main", &put("$Other:ApiKey")).await;
    assert_eq!((status, &noted["settings"]["apiKey"]), (200, &json!("$Other:ApiKey")), "{noted}");
    let found = super::post(&service, "/main/reveal-secret", &all).await.1;
    assert_eq!(found["secrets"], json!({}), "{found}");
}

const PORTKEY: &str = "/v1/integrations";

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_of_portkey_to_a_connection_is_followed_and_others_are_notes() {
    let value = secret(1);
    let service = Service::start(&["--nats", "managed"]).await;
    let source = format!("k={value}");
    run(&service, &["create", "--slug", "store", "--provider", "x", "--secret", &source]).await;
    let ask = async |method, path: &str, body: &Value| {
        send(&service, method, &format!("{PORTKEY}{path}"), "x-portkey-api-key", body).await
    };
    let mapping =
        |id: &str| json!([{"target_field": "key", "secret_reference_id": id, "secret_key": null}]);
    let body = json!({
        "name": "Main", "slug": "main", "ai_provider_id": "openai", "secret_mappings": mapping("store"),
    });
    let (status, made) = ask(Method::POST, "", &body).await;
    assert_eq!(status, 200, "{made}");
    let all = json!({"reason": "a test"});
    let found = super::post(&service, "/main/reveal-secret", &all).await.1;
    assert_eq!(found["secrets"]["key"]["value"], value, "{found}");
    let (_, shown) = ask(Method::GET, "/main", &Value::Null).await;
    let shown_mapping = shown["secret_mappings"][0].clone();
    assert_eq!(shown_mapping["target_field"], "key", "{shown}");
    assert_eq!(shown_mapping["secret_key"], "k", "{shown}");
    assert!(shown.get("masked_key").is_none_or(Value::is_null), "{shown}");

    // What was read can be sent back; an empty list clears it.
    let (status, _) = ask(Method::PUT, "/main", &json!({"secret_mappings": [shown_mapping]})).await;
    assert_eq!(status, 200);
    let shown = run(&service, &["get", "main"]).await;
    assert!(shown.contains("generation 1,"), "{shown}");
    let (status, noted) =
        ask(Method::PUT, "/main", &json!({"secret_mappings": mapping("elsewhere")})).await;
    assert_eq!(status, 200, "{noted}");
    let (_, shown) = ask(Method::GET, "/main", &Value::Null).await;
    assert_eq!(shown["secret_mappings"][0]["secret_reference_id"], "elsewhere", "{shown}");
    let (status, found) = reveal_over_http(&service, "main").await;
    assert_eq!((status, &found["code"]), (422, &json!("secret_field_unknown")), "{found}");
}
