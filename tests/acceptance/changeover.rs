//! Gateways that change over from one generation of a secret to the next, without a failed request.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use ledger_domain::Micros;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::example_gateway::Gateway;
use crate::http::door;
use crate::ports::free_port;
use crate::service::Service;
use crate::wait::eventually;

const FIRST: &str = "sk-first-value-1";
const SECOND: &str = "sk-second-value-2";
const THIRD: &str = "sk-third-value-3";

/// The keys that a provider accepts now.
type Accepted = Arc<Mutex<BTreeSet<&'static str>>>;

async fn provide(State(accepted): State<Accepted>, headers: HeaderMap) -> StatusCode {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let known = accepted.lock().expect("not poisoned").contains(key);
    if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED }
}

/// A ledger, a provider that refuses other keys than the accepted ones, and three gateways.
struct Stage {
    service: Service,
    accepted: Accepted,
    gateways: Vec<Gateway>,
    load: Load,
}

/// Requests through every gateway, one after another.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Vec<Arc<AtomicU64>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(gateways: &[Gateway]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut answered, mut tasks) = (Vec::new(), Vec::new());
        for gateway in gateways {
            let count = Arc::new(AtomicU64::new(0));
            let (stopped, counted, url) =
                (Arc::clone(&stop), Arc::clone(&count), gateway.models("main"));
            tasks.push(tokio::spawn(async move {
                let http = door::client();
                while !stopped.load(Ordering::Relaxed) {
                    let answer = http.get(&url).send().await.expect("the gateway answers");
                    assert_eq!(answer.status(), StatusCode::OK, "a request failed");
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }));
            answered.push(count);
        }
        Self { stop, answered, tasks }
    }

    /// Waits until every gateway has answered some more requests, of which none failed.
    async fn goes_on(&self) {
        for count in &self.answered {
            let before = count.load(Ordering::Relaxed);
            eventually("requests go on", async || {
                assert!(self.tasks.iter().all(|task| !task.is_finished()), "a request failed");
                (count.load(Ordering::Relaxed) > before + 5).then_some(())
            })
            .await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no request failed");
        }
    }
}

impl Stage {
    async fn open() -> Self {
        let accepted: Accepted = Arc::new(Mutex::new(BTreeSet::from([FIRST])));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = Router::new().fallback(provide).with_state(Arc::clone(&accepted));
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        let listen = format!("127.0.0.1:{}", free_port());
        let service = Service::start(&["--nats", "managed", "--listen", &listen]).await;
        let draft = json!({
            "slug": "main", "provider": "mock",
            "config": { "base_url": base_url }, "secrets": { "api_key": FIRST },
        });
        service.create("/workspaces/default/connections", &draft).await;
        service.wait_until_published().await;
        let key = service.gateway_key("default").await;
        let (url, xkey) = (service.nats_url(), service.xkey());
        let mut gateways = Vec::new();
        for name in ["gateway-1", "gateway-2", "gateway-3"] {
            let gateway = Gateway::start(&[
                ("LEDGER_KEY", &key),
                ("LEDGER_NATS_URL", &url),
                ("LEDGER_XKEY", &xkey),
                ("GATEWAY_NAME", name),
            ])
            .await;
            assert_eq!(gateway.ask("main").await.0, StatusCode::OK);
            gateways.push(gateway);
        }
        let load = Load::on(&gateways);
        Self { service, accepted, gateways, load }
    }

    fn accept(&self, key: &'static str) {
        self.accepted.lock().expect("not poisoned").insert(key);
    }

    fn accept_no_longer(&self, key: &str) {
        self.accepted.lock().expect("not poisoned").remove(key);
    }

    async fn field(&self) -> Value {
        let (status, view) =
            self.service.get("/workspaces/default/connections/main/rotation").await;
        assert_eq!(status, StatusCode::OK, "{view}");
        view["fields"]["api_key"].clone()
    }

    /// Waits until all three gateways have confirmed a generation.
    async fn until_confirmed(&self, generation: u64) {
        eventually("three gateways confirm", async || {
            let field = self.field().await;
            let is_done = field["generation"] == generation
                && field["consumers"] == 3
                && field["confirmed"] == 3;
            is_done.then_some(())
        })
        .await;
    }

    async fn until_retired(&self) {
        eventually("the former generation is retired", async || {
            let path = "/workspaces/default/connections/main";
            let view = self.service.get(path).await.1;
            view["secrets"]["api_key"]["former"].is_null().then_some(())
        })
        .await;
    }

    /// Rotates the key from the command line.
    async fn rotate(&self, value: &str, keep: &[&str]) {
        let secret = format!("api_key={value}");
        let line = [&["rotate-secret", "main", "--secret", &secret], keep].concat();
        let run = self.service.run(&line).await;
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Runs a command line, and returns what it writes and how it complains.
    async fn told(&self, line: &[&str]) -> (String, String) {
        let run = self.service.run(line).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&run.stdout), text(&run.stderr))
    }

    /// Returns the retirements, oldest first.
    async fn retirements(&self) -> Vec<Value> {
        let path = "/workspaces/default/history?type=former_retired&oldest_first=true";
        self.service.get(path).await.1["events"].as_array().expect("events").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_gateways_change_over_without_one_failed_request() {
    let mut stage = Stage::open().await;
    stage.until_confirmed(1).await;
    // The provider takes both keys until nobody uses the first any more.
    stage.accept(SECOND);
    stage.rotate(SECOND, &["--keep-former-until-confirmed"]).await;
    stage.until_retired().await;
    stage.accept_no_longer(FIRST);
    stage.load.goes_on().await;
    stage.until_confirmed(2).await;
    let (words, _) = stage.told(&["rotation", "status", "main"]).await;
    assert!(words.contains("generation 2: 3 of 3 consumers"), "{words}");
    let former =
        ["reveal", "main", "--field", "api_key", "--generation", "former", "--reason", "x"];
    let (value, refused) = stage.told(&former).await;
    assert!(value.is_empty() && refused.contains("generation_retired"), "{value} {refused}");
    assert_eq!(stage.retirements().await[0]["data"]["cause"], "confirmation");

    // A deadline that passes while the server is down, and gateways that go on meanwhile.
    stage.accept(THIRD);
    stage.rotate(THIRD, &["--keep-former-until", "2s"]).await;
    stage.until_confirmed(3).await;
    assert!(stage.service.stop().await.success());
    // It was set two seconds ahead, before this moment.
    let passed = now().get() + 2_000_000;
    eventually("the deadline has passed", async || (now().get() > passed).then_some(())).await;
    stage.load.goes_on().await;
    stage.service.start_again().await;
    stage.until_retired().await;
    let retired = stage.retirements().await;
    assert_eq!(retired.len(), 2, "{retired:?}");
    let last = &retired[1];
    assert_eq!(
        (&last["data"]["cause"], &last["actor"]),
        (&json!("deadline"), &json!("system:rotation"))
    );
    stage.accept_no_longer(SECOND);
    stage.load.goes_on().await;
    stage.load.end().await;
    for gateway in &mut stage.gateways {
        assert!(gateway.runs());
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadline is one of the system's clock")]
fn now() -> Micros {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.expect("after 1970").as_micros();
    Micros::new(micros.try_into().expect("in range"))
}
