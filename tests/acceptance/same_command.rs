//! A command id means the command, not its spelling: one command through NATS, HTTP and the command
//! line, in three spellings, is one event with one answer.

use async_nats::HeaderMap;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::nats_server::NatsServer;
use crate::service::Service;

const ID: &str = "incident-4711";

/// One program, and ways to send it a command under [`ID`].
struct World {
    service: Service,
    nats: async_nats::Client,
    http: reqwest::Client,
    _server: NatsServer,
}

impl World {
    async fn new() -> Self {
        let server = NatsServer::start().await;
        let service = Service::start(&["--nats-url", &server.url()]).await;
        drop(service.client().await);
        let nats = async_nats::connect(server.url()).await.expect("NATS is there");
        Self { service, nats, http: crate::http::door::client(), _server: server }
    }

    async fn over_nats(&self, verb: &str, body: &str) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert("Authorization", format!("Bearer {}", self.service.key()));
        headers.insert("Ledger-Command-Id", ID);
        let subject = format!("ledger.cmd.default.{verb}");
        let answer = self.nats.request_with_headers(subject, headers, body.to_owned().into()).await;
        serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
    }

    async fn over_http(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let url = format!("{}/api/v1/workspaces/default/{path}", self.service.http_url());
        let request = self.http.post(url).bearer_auth(self.service.key());
        let request = request.header("Idempotency-Key", ID);
        let request = request.header("Content-Type", "application/json").body(body.to_owned());
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body = answer.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn by_command_line(&self, args: &[&str]) -> Result<Value, String> {
        let args = [args, &["--command-id", ID, "--json"]].concat();
        let output = self.service.run(&args).await;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).expect("JSON"));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Returns the position of the newest event.
    async fn position(&self) -> Value {
        let output = self.service.run(&["status", "--json"]).await;
        let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        status["position"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_in_three_spellings_is_one_event_with_one_answer() {
    let world = World::new().await;
    let spelled = r#"{"slug":"main","provider":"openai","config":{"a":1,"b":2},
                      "secrets":{"api_key":"sk-first-value-1"}}"#;
    let first = world.over_nats("create", spelled).await;
    let head = world.position().await;
    assert_eq!(first["position"], head, "{first}");
    let turned = r#"{ "secrets": { "api_key": "sk-first-value-1" }, "enabled": true,
                      "config": { "b": 2, "a": 1 }, "provider": "openai", "slug": "main" }"#;
    let (status, second) = world.over_http("connections", turned).await;
    assert_eq!((status, &second), (StatusCode::CREATED, &first));
    let args = ["create", "--slug", "main", "--provider", "openai", "--config", "a:=1", "--config"];
    let args = [&args[..], &["b:=2", "--secret", "api_key=sk-first-value-1"]].concat();
    let third = world.by_command_line(&args).await.expect("answered");
    for field in ["connection", "version", "position", "recorded_at"] {
        assert_eq!(third[field], first[field], "{third}");
    }
    assert_eq!(world.position().await, head, "there is one event");

    // Under the same id, another secret is another command, wherever it is sent.
    let other = spelled.replace("value-1", "value-2");
    let refused = world.over_nats("create", &other).await;
    assert_eq!(refused["error"]["code"], "command_id_reused", "{refused}");
    let (status, refused) = world.over_http("connections", &other).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("command_id_reused")));
    let args: Vec<_> = args.iter().map(|word| word.replace("value-1", "value-2")).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let refused = world.by_command_line(&args).await.expect_err("another command");
    assert!(refused.contains("command_id_reused"), "{refused}");
    assert_eq!(world.position().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_the_same_through_each_entrance() {
    let world = World::new().await;
    let made = world.service.run(&["create", "--slug", "main", "--provider", "openai"]).await;
    assert!(made.status.success());
    let args = ["mark-degraded", "main", "--reason", "slow"];
    let first = world.by_command_line(&args).await.expect("accepted");
    let head = world.position().await;
    let (status, second) =
        world.over_http("connections/MAIN/mark-degraded", r#"{"reason": "slow"}"#).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    let third = world.over_nats("mark-degraded", r#"{"reason":"slow","connection":"main"}"#).await;
    for field in ["connection", "version", "position", "recorded_at"] {
        assert_eq!((&second[field], &third[field]), (&first[field], &first[field]));
    }
    assert_eq!(world.position().await, head, "there is one event");
    let (status, refused) =
        world.over_http("connections/main/mark-degraded", r#"{"reason": "slower"}"#).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("command_id_reused")));
}
