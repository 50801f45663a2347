//! What the doors of other products show of a token that cannot be got.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::token_service::TokenService;
use crate::facades::Product;
use crate::http::door::Door;

const AUTH_CONNECTIONS: &str = "/v1/workspace/auth-connections";

#[tokio::test(flavor = "multi_thread")]
async fn doors_tell_what_is_tried_again_from_what_a_person_must_mend() {
    let door = Door::open().await;
    let service = Arc::new(TokenService::default());
    door.ledger.engine.set_test_sender(service.clone());
    let (elevenlabs, pica) = (Product::of(&door, "elevenlabs"), Product::of(&door, "pica"));
    let connection = json!({
        "auth_type": "oauth2_client_credentials", "name": "CRM", "provider": "acme",
        "client_id": "c", "client_secret": "s", "token_url": "https://as.example/token",
    });
    let made = elevenlabs.send(Method::POST, AUTH_CONNECTIONS, &connection).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let shown = async || {
        let listed = elevenlabs.get(AUTH_CONNECTIONS).await.json();
        let one = listed["auth_connections"][0].clone();
        let listed = pica.get("/v1/vault/connections").await.json();
        (one["status"].clone(), one["status_detail"].clone(), listed["rows"][0]["state"].clone())
    };
    let native = door.get("/api/v1/workspaces/default/connections").await.json();
    let id = native["connections"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(shown().await, (json!("active"), Value::Null, json!("operational")));
    for (answer, status, detail, state) in [
        ((503, json!({})), "refresh_failed", "answered 503", "degraded"),
        ((400, json!({"error": "invalid_client"})), "credential_invalid", "client", "failed"),
        ((200, json!({"access_token": "a"})), "active", "", "operational"),
    ] {
        service.answer(Some(answer));
        let body = json!({ "connection": id });
        door.post(&format!("/api/v1/workspaces/default/connections/{id}/refresh-token"), &body)
            .await;
        let (shown_status, shown_detail, shown_state) = shown().await;
        assert_eq!((shown_status, shown_state), (json!(status), json!(state)));
        let told = shown_detail.as_str().unwrap_or_default();
        assert!(told.contains(detail), "{told}");
    }
}
