//! With which credential and from where a change came: auditors see it, followers do not.

use ledger_client::CommandHeaders;
use serde_json::{Value, json};

use crate::http::door::client;
use crate::nats_server::NatsServer;
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn history_names_the_credential_and_the_address_and_feeds_do_not() {
    let nats = NatsServer::start().await;
    let service = Service::start(&["--nats-url", &nats.url()]).await;
    let (key, http) = (service.key(), client());
    let base = format!("{}/api/v1", service.http_url());
    let connections = format!("{base}/workspaces/default/connections");
    let body = json!({"slug": "over-http", "provider": "x"});
    let made = http
        .post(&connections)
        .bearer_auth(&key)
        .body(body.to_string())
        .header("content-type", "application/json")
        .send()
        .await;
    assert_eq!(made.expect("answered").status(), 201);
    let over_nats = service.client().await;
    let body = json!({"slug": "over-nats", "provider": "x"}).to_string().into_bytes();
    let headers = CommandHeaders::with_id("over-nats");
    over_nats.command("default", "create", body, headers).await.expect("accepted");

    let get = async |path: &str| -> Value {
        let request = http.get(format!("{base}{path}")).bearer_auth(&key);
        let answer = request.header("accept", "application/json").send().await;
        let text = answer.expect("answered").text().await.expect("text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let key_id = key.split('_').nth(2).expect("an id");
    let history =
        get("/workspaces/default/history?type=connection_created&oldest_first=true").await;
    let events = history["events"].as_array().expect("events");
    assert_eq!(events.len(), 2, "{history}");
    for (event, address) in events.iter().zip([json!("127.0.0.1"), Value::Null]) {
        assert_eq!((&event["record"], &event["key"]), (&json!(2), &json!(key_id)), "{event}");
        assert_eq!(event["address"], address, "{event}");
    }
    let feed = get("/events?after=0&wait=1s").await;
    let announced = feed["events"].as_array().expect("events");
    let announced: Vec<_> = announced.iter().map(|announced| &announced["event"]).collect();
    assert_eq!(announced.len(), 5, "{feed}");
    for event in announced {
        assert_eq!((&event["key"], &event["address"]), (&Value::Null, &Value::Null), "{event}");
    }
    assert!(!feed.to_string().contains("127.0.0.1"), "{feed}");
}
