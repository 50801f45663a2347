//! A gateway that is told that others know a secret.

use std::sync::Arc;

use futures::StreamExt as _;
use ledger_client::{Client, ClientOptions, Consumer, Key, Mirror};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::service::{Service, nats_client};
use crate::wait::eventually;

const FIRST: &str = "sk-first-value-1";
const SECOND: &str = "sk-second-value-2";
const THIRD: &str = "sk-third-value-3";

/// A ledger with one connection, and a gateway that uses its key.
struct Stage {
    service: Service,
    mirror: Arc<Mirror>,
}

impl Stage {
    async fn open() -> Self {
        let service = Service::start(&["--nats", "managed"]).await;
        let draft = json!({
            "slug": "main", "provider": "mock", "secrets": { "api_key": FIRST },
        });
        service.create("/workspaces/default/connections", &draft).await;
        service.wait_until_published().await;
        let mut options = ClientOptions::new(Key::new(service.gateway_key("default").await));
        options.url = service.nats_url();
        options.ledger_xkey = Some(service.xkey());
        let client = Client::connect(options).await.expect("NATS is there");
        let consumer = Consumer::new("gateway-1", "to route");
        let mirror = Mirror::follow_as(client, "default", consumer);
        mirror.ready().await.expect("it watches");
        Self { service, mirror: Arc::new(mirror) }
    }

    async fn secret(&self) -> Arc<ledger_client::Secret> {
        let seen = self.mirror.connection("main").expect("it is there");
        self.mirror.secret(&seen, "api_key", "to route").await.expect("it is served")
    }

    async fn rotate(&self, value: &str, how: &[&str]) {
        let secret = format!("api_key={value}");
        let line = [&["rotate-secret", "main", "--secret", &secret], how].concat();
        let run = self.service.run(&line).await;
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Sends a command about the connection that is refused, and returns the code.
    async fn refused(&self, verb: &str, body: &Value) -> Value {
        let path = format!("/workspaces/default/connections/main/{verb}");
        let (status, problem) = self.service.ask(Method::POST, &path, body).await;
        assert!(status.is_client_error(), "{status} {problem}");
        problem["code"].clone()
    }

    async fn confirmed(&self, generation: u64) {
        eventually("the gateway confirms", async || {
            let path = "/workspaces/default/connections/main/rotation";
            let (_, view) = self.service.get(path).await;
            let field = &view["fields"]["api_key"];
            (field["generation"] == generation && field["confirmed"] == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_gateway_drops_a_compromised_value_and_uses_the_new_one() {
    let mut stage = Stage::open().await;
    let held = stage.secret().await;
    assert_eq!((held.value(), held.is_compromised()), (FIRST, false));
    // An overlap, so that two values are in use.
    stage.rotate(SECOND, &["--keep-former-until", "1h"]).await;
    eventually("it uses the second", async || {
        (stage.secret().await.value() == SECOND).then_some(())
    })
    .await;
    let second = stage.secret().await;
    assert!(!held.is_compromised());

    let nats = nats_client(&stage.service).await;
    let mut heard = nats.subscribe("ledger.events.default.>").await.expect("it may");
    nats.flush().await.expect("it is subscribed");
    stage.rotate(THIRD, &["--compromised"]).await;
    let body = loop {
        let message = heard.next().await.expect("a notification");
        let headers = message.headers.expect("headers");
        let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        // Reveals and confirmations of the rotation before may still be on their way.
        let is_rotation = header("ce-type").as_deref() == Some("connledger.secret_rotated.v1");
        let urgent = header("Ledger-Urgent");
        assert_eq!(urgent.as_deref(), is_rotation.then_some("compromised"));
        if is_rotation {
            break serde_json::from_slice::<Value>(&message.payload).expect("JSON");
        }
    };
    assert_eq!(body["event"]["data"]["compromised"], json!({ "api_key": [1, 2] }));
    assert_eq!(body["connection"]["secrets"]["api_key"]["compromised"], 2);

    // It drops what it held, fetches the new value by itself, and says so.
    eventually("what was given out says so", async || {
        (held.is_compromised() && second.is_compromised()).then_some(())
    })
    .await;
    drop((held, second));
    stage.confirmed(3).await;
    assert_eq!(stage.secret().await.value(), THIRD);
    let (_, history) = stage
        .service
        .get("/workspaces/default/history?type=secrets_leased&connection=main&page_size=1")
        .await;
    let reveal = &history["events"][0]["data"];
    assert_eq!(reveal["generations"], json!({ "api_key": 3 }), "{history}");

    // Neither value comes back.
    for (verb, body) in [
        ("cancel-rotation", json!({})),
        ("revert", json!({ "to_version": 1 })),
        ("revert", json!({ "to_version": 2 })),
        ("reveal-secret", json!({ "generation": 2, "reason": "to see" })),
    ] {
        assert_eq!(stage.refused(verb, &body).await, "generation_compromised", "{verb} {body}");
    }
    let kept = json!({
        "secrets": { "api_key": "x" }, "compromised": true, "keep_former_until": "1h",
    });
    assert_eq!(stage.refused("rotate-secret", &kept).await, "field_invalid");
    let same = json!({ "secrets": { "api_key": THIRD }, "compromised": true });
    assert_eq!(stage.refused("rotate-secret", &same).await, "field_invalid");
    for (generation, compromised) in [(1, true), (2, true), (3, false)] {
        let path = format!(
            "/workspaces/default/connections/main/exposure?field=api_key&generation={generation}"
        );
        let (status, report) = stage.service.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(report["compromised"] == true, compromised, "{report}");
    }

    // Nor while the ledger is away: what is dropped is not what it falls back to.
    let third = stage.secret().await;
    stage.rotate("sk-fourth-value-4", &["--compromised"]).await;
    eventually("it says so", async || third.is_compromised().then_some(())).await;
    stage.service.kill().await;
    let seen = stage.mirror.connection("main").expect("it is there");
    if let Ok(secret) = stage.mirror.secret(&seen, "api_key", "to route").await {
        assert_eq!(secret.value(), "sk-fourth-value-4", "an old value was served");
    }
}
