//! With which credential and from where a change came: auditors see it, followers do not. Nobody
//! sees the fingerprint of a command.

use ledger_client::CommandHeaders;
use ledger_contract::records;
use ledger_contract::subjects::Subjects;
use ledger_domain::Position;
use ledger_store::tables::log;
use ledger_vault::Keyring;
use serde_json::{Value, json};

use crate::compare::{bucket_stream, everything, wait_until_published};
use crate::http::door::client;
use crate::ledger::store;
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
        assert_eq!((&event["record"], &event["key"]), (&json!(3), &json!(key_id)), "{event}");
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

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_an_event_has_the_fingerprint_of_its_command() {
    let nats = NatsServer::start().await;
    let mut service = Service::start(&["--nats-url", &nats.url()]).await;
    let over_nats = service.client().await;
    let mut forms = Vec::new();
    for (verb, body) in [
        ("create", json!({"slug": "main", "provider": "x", "secrets": {"api_key": "sk-first-1"}})),
        ("rotate-secret", json!({"connection": "main", "secrets": {"api_key": "sk-second-2"}})),
    ] {
        let body = body.to_string().into_bytes();
        let accepted = over_nats.command("default", verb, body, CommandHeaders::with_id(verb));
        forms.push(format!("{:?}", accepted.await.expect("accepted")));
    }
    let (key, base) = (service.key(), format!("{}/api/v1", service.http_url()));
    for path in [
        "/workspaces/default/history",
        "/workspaces/default/connections/main",
        "/workspaces/default/connections/main/history",
        "/events?after=0&wait=1s",
        "/workspaces/default/events?after=0&wait=1s",
    ] {
        let request = client().get(format!("{base}{path}")).bearer_auth(&key);
        let answer = request.header("accept", "application/json").send().await.expect("answered");
        assert_eq!(answer.status(), 200, "{path}");
        forms.push(answer.text().await.expect("text"));
    }
    let history = over_nats.query("default", "history", &json!({})).await.expect("answered");
    forms.push(String::from_utf8(history).expect("text"));
    // Three records come before: the workspace, the admin and the admin's key.
    let client = nats.client().await;
    wait_until_published(&client, 5).await;
    let jetstream = async_nats::jetstream::new(client);
    for stream in [Subjects::default().stream_name(), bucket_stream()] {
        let messages = everything(&jetstream, &stream).await;
        assert!(!messages.is_empty(), "{stream}");
        forms.extend(messages.iter().map(|message| format!("{:?}", message.headers)));
        let bodies = messages.iter().map(|message| String::from_utf8_lossy(&message.payload));
        forms.extend(bodies.map(String::from));
    }
    assert!(service.stop().await.success());

    let keyring = Keyring::read_file(service.data_dir().join("dev-master.key")).expect("a key");
    let store = store(&service.data_dir(), &keyring);
    let mut fingerprints = Vec::new();
    for row in log::scan(&store, Position::new(1)) {
        let (_, record) = row.expect("readable");
        let stored: Value = serde_json::from_slice(&record).expect("JSON");
        fingerprints.extend(stored["fingerprint"].as_str().map(str::to_owned));
        let public = records::public(&record, None).get().to_owned();
        forms.extend([records::announced(&record, None), public]);
    }
    // The default workspace is created under an id, too.
    assert_eq!(fingerprints.len(), 3);
    for form in forms {
        let shown = fingerprints.iter().find(|fingerprint| form.contains(*fingerprint));
        assert!(shown.is_none() && !form.contains("fingerprint"), "{form}");
    }
}
