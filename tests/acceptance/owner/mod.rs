//! Who owns a ledger's name on NATS: copies of one ledger, other ledgers, and outages.

mod adopt;
mod backlog;
mod handover;
mod lease;
mod names;
mod outage;
mod relay;
mod twins;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::http::door;
use crate::nats_server::NatsServer;
use crate::service::Service;
use crate::wait::eventually;

/// A time of the lease that tests can wait for.
const SHORT: &str = "2";
/// One that no test waits for.
const LONG: &str = "60";

/// One instance of the program, and an HTTP client of it.
struct Instance {
    service: Service,
    http: reqwest::Client,
}

/// An HTTP answer.
type Answered = (StatusCode, Value);

impl Instance {
    /// Starts a new ledger.
    async fn start(nats: &NatsServer, name: &str, more: &[&str]) -> Self {
        let url = nats.url();
        let args = [&["--nats-url", &url, "--instance", name], more].concat();
        Self { service: Service::start(&args).await, http: door::client() }
    }

    /// Copies the data directory of an instance that is stopped. The copy is not started.
    fn copy(&self, nats: &NatsServer, name: &str, more: &[&str]) -> Self {
        let url = nats.url();
        let args = [&["--nats-url", &url, "--instance", name], more].concat();
        Self { service: self.service.copy(&args), http: door::client() }
    }

    async fn get(&self, path: &str) -> Answered {
        let url = format!("{}{path}", self.service.http_url());
        answered(self.http.get(url).bearer_auth(self.service.key())).await
    }

    /// Asks an instance that may be starting again.
    async fn get_if_there(&self, path: &str) -> Option<Answered> {
        let url = format!("{}{path}", self.service.http_url_now()?);
        let answer = self.http.get(url).bearer_auth(self.service.key()).send().await.ok()?;
        let status = answer.status();
        Some((status, serde_json::from_slice(&answer.bytes().await.ok()?).ok()?))
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        let url = format!("{}{path}", self.service.http_url());
        let request = self.http.post(url).bearer_auth(self.service.key());
        answered(door::with_body(request, body)).await
    }

    async fn create(&self, slug: &str) -> Answered {
        self.post(door::CONNECTIONS, &json!({"slug": slug, "provider": "x"})).await
    }

    /// Sends a command that must be accepted, and returns its position.
    async fn accepts(&self, slug: &str) -> u64 {
        let (status, body) = self.create(slug).await;
        assert_eq!(status, StatusCode::CREATED, "{body}\n{}", self.service.log());
        body["position"].as_u64().expect("a position")
    }

    /// Checks that every door refuses commands and says so. Returns the sentence.
    async fn refuses(&self) -> String {
        let blaxel = json!({
            "metadata": {"name": "refused"},
            "spec": {"integration": "openai", "secret": {"apiKey": "sk-0123456789"}},
        });
        let (status, body) = self.create("refused").await;
        assert_eq!((status, &body["code"]), (UNAVAILABLE, &json!("not_owner")), "{body}");
        let (status, facade) = self.post("/v0/integrations/connections", &blaxel).await;
        assert_eq!(status, UNAVAILABLE, "{facade}");
        let (status, ready) = self.get("/readyz").await;
        assert_eq!((status, &ready["code"]), (UNAVAILABLE, &json!("not_owner")), "{ready}");
        let own = self.own_status().await;
        assert_eq!(own["owner"], false, "{own}");
        assert_eq!(own["refusal"], ready["detail"]);
        body["detail"].as_str().expect("a sentence").to_owned()
    }

    async fn status(&self) -> Value {
        let (status, body) = self.get("/api/v1/status").await;
        assert_eq!(status, StatusCode::OK, "questions are answered: {body}");
        body
    }

    async fn own_status(&self) -> Value {
        self.status().await["nats"].clone()
    }

    async fn is_ready(&self) -> bool {
        self.get("/readyz").await.0 == StatusCode::OK
    }

    /// Waits until it is ready, and returns how long that took.
    async fn wait_until_ready(&self) -> Duration {
        let started = tokio::time::Instant::now();
        eventually("it is ready", async || self.is_ready().await.then_some(())).await;
        started.elapsed()
    }

    /// Waits until every event is in the stream.
    async fn wait_until_published(&self) -> u64 {
        eventually("everything is published", async || {
            let status = self.status().await;
            (status["published"] == status["position"]).then(|| status["position"].as_u64())?
        })
        .await
    }
}

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

async fn answered(request: reqwest::RequestBuilder) -> Answered {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// An instance and a copy of it, neither of them running.
async fn twins(nats: &NatsServer, lease: &str) -> (Instance, Instance) {
    let args = ["--nats-lease", lease];
    copied(nats, &args, &args).await
}

/// The same, with arguments of their own.
async fn copied(nats: &NatsServer, one: &[&str], other: &[&str]) -> (Instance, Instance) {
    let mut first = Instance::start(nats, "first", one).await;
    first.accepts("shared").await;
    assert!(first.service.stop().await.success());
    let second = first.copy(nats, "second", other);
    (first, second)
}

/// The same, running: the first as the owner, and the second without.
async fn running_twins(nats: &NatsServer, lease: &str) -> (Instance, Instance) {
    let (mut first, mut second) = twins(nats, lease).await;
    first.service.start_again().await;
    first.wait_until_ready().await;
    second.service.start_again().await;
    (first, second)
}

/// Returns how many events the stream holds.
async fn stream_length(nats: &NatsServer) -> u64 {
    let jetstream = async_nats::jetstream::new(nats.client().await);
    let stream = jetstream.get_stream("LEDGER_EVENTS").await.expect("it is there");
    stream.cached_info().state.last_sequence
}
