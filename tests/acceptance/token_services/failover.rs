//! Refresh tokens that are good for one request, while many workers ask and the server is replaced.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use futures::future::{join, join_all};
use ledger_client::{Client, ClientError, ClientOptions, CommandHeaders, Key, new_command_id};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::program::{HERE, view};
use crate::output::told;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

const CONNECTIONS: u64 = 100;
/// Refreshes in the test suite; `cargo xtask refreshes` makes more.
const REFRESHES: u64 = 600;
/// Workers of each of the two gateways.
const WORKERS: u64 = 8;
/// Limits that a load of commands that come from one place would exceed.
const UNLIMITED: [&str; 8] = [
    "--rate-per-key",
    "0",
    "--nats-rate-per-key",
    "0",
    "--nats-rate-per-sender",
    "0",
    "--quota-changes",
    "unlimited",
];

/// A token service that takes each refresh token once.
#[derive(Debug, Default)]
struct Rotating {
    /// The number of the refresh token that is good, by client.
    grants: Mutex<HashMap<String, u64>>,
    /// Whether it also takes the one before, and gives the same tokens for it again.
    has_grace: bool,
    /// How many tokens it gave out.
    given: watch::Sender<u64>,
    reused: AtomicU64,
}

impl Rotating {
    fn grants(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.grants.lock().expect("nobody panicked")
    }

    fn given(&self) -> u64 {
        *self.given.borrow()
    }

    async fn has_given(&self, tokens: u64) {
        let mut given = self.given.subscribe();
        given.wait_for(|given| *given >= tokens).await.expect("the service is there");
    }

    fn reused(&self) -> u64 {
        self.reused.load(Ordering::SeqCst)
    }

    fn answer(&self, form: &str) -> (StatusCode, Value) {
        let form = Url::parse(&format!("http://as.example/?{form}")).expect("a form");
        let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
        let (client, given) = (&form["client_id"], &form["refresh_token"]);
        let mut grants = self.grants();
        let number = grants.entry(client.clone()).or_default();
        let name = |number: u64| format!("refresh-{client}-{number}");
        if *given == name(*number) {
            *number += 1;
            self.given.send_modify(|given| *given += 1);
        } else {
            self.reused.fetch_add(1, Ordering::SeqCst);
            let is_last = number.checked_sub(1).map(name).as_ref() == Some(given);
            if !(self.has_grace && is_last) {
                return (StatusCode::BAD_REQUEST, json!({"error": "invalid_grant"}));
            }
        }
        let token = format!("access-{client}-{number}");
        let body = json!({
            "access_token": token, "refresh_token": name(*number), "expires_in": 3_600,
        });
        (StatusCode::OK, body)
    }

    /// Listens on a port of its own, and returns its address.
    async fn listen(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let answer = async |State(service): State<Arc<Self>>, form: String| {
            let (status, body) = service.answer(&form);
            (status, body.to_string())
        };
        let routes = Router::new().route("/token", post(answer)).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}/token")
    }
}

fn slug(number: u64) -> String {
    format!("c-{number}")
}

async fn start(rotating: &Arc<Rotating>) -> Service {
    let url = rotating.listen().await;
    let service = Service::start(&[&HERE[..], &UNLIMITED].concat()).await;
    let client = service.client().await;
    for number in 0..CONNECTIONS {
        let slug = slug(number);
        let body = json!({
            "slug": slug, "provider": "acme", "auth_method": "refresh_token",
            "config": {"token_url": url, "client_id": slug},
            "secrets": {"refresh_token": format!("refresh-{slug}-0")},
        });
        let body = body.to_string().into_bytes();
        client.command("default", "create", body, CommandHeaders::default()).await.expect("made");
    }
    service
}

/// Connects as what reads secrets does.
async fn gateway(service: &Service) -> Client {
    let mut options = ClientOptions::new(Key::new(service.key()));
    options.url = service.nats_url();
    options.ledger_xkey = Some(service.xkey());
    Client::connect(options).await.expect("NATS is there")
}

/// Asks for new tokens, and reads them, until the service has given out enough.
async fn work(client: &Client, from: u64, until: u64, rotating: &Rotating) {
    let mut number = from;
    while rotating.given() < until {
        number = (number + 7) % CONNECTIONS;
        let slug = slug(number);
        let body = json!({ "connection": slug }).to_string().into_bytes();
        let about = CommandHeaders::with_id(new_command_id());
        settle(async || {
            let refresh = client.command("default", "refresh-token", body.clone(), about.clone());
            refresh.await.map(drop)
        })
        .await;
        settle(async || {
            let read = client.reveal("default", &slug, &["access_token"], "a test").await;
            read.map(drop)
        })
        .await;
    }
}

/// Repeats a request until it is done, or somebody else has done it.
async fn settle(request: impl AsyncFn() -> Result<(), ClientError>) {
    eventually("the request is answered", async || match request().await {
        Ok(()) => Some(()),
        Err(error) if error.code() == Some("refresh_superseded") => Some(()),
        Err(error) if error.retry() => None,
        Err(error) => panic!("{error}"),
    })
    .await;
}

/// Checks that every grant still works.
async fn expect_all_grants(service: &Service) {
    let client = service.client().await;
    for number in 0..CONNECTIONS {
        let body = json!({"connection": slug(number)}).to_string().into_bytes();
        let about = CommandHeaders::default();
        client.command("default", "refresh-token", body, about).await.expect("a token");
    }
    for number in 0..CONNECTIONS {
        assert_eq!(view(service, &slug(number)).await["health"]["state"], "operational");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_is_lost_when_the_server_is_replaced_beside_many_workers() {
    let rotating = Arc::new(Rotating::default());
    let mut service = start(&rotating).await;
    let all = settings::refreshes().unwrap_or(REFRESHES);
    let clients = [gateway(&service).await, gateway(&service).await];
    let workers = (0..2 * WORKERS)
        .map(|number| work(&clients[usize::from(number % 2 == 0)], number * 13, all, &rotating));
    let replace = async {
        rotating.has_given(all / 2).await;
        assert!(service.stop().await.success());
        service.start_again().await;
    };
    join(join_all(workers), replace).await;
    expect_all_grants(&service).await;
    assert_eq!(rotating.reused(), 0, "a refresh token was used twice");
    assert!(rotating.given() >= all + CONNECTIONS);
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_no_grant_of_a_service_that_takes_the_last_token_again() {
    let rotating = Arc::new(Rotating { has_grace: true, ..Rotating::default() });
    let mut service = start(&rotating).await;
    let client = gateway(&service).await;
    let all = REFRESHES / 2;
    let workers = (0..WORKERS).map(|number| work(&client, number * 13, all, &rotating));
    let kill = async {
        for part in 1..4 {
            rotating.has_given(all * part / 4).await;
            service.kill().await;
            service.start_again().await;
        }
    };
    join(join_all(workers), kill).await;
    expect_all_grants(&service).await;
    told(&service.run(&["replay", "--verify"]).await);
    assert!(service.stop().await.success());
}
