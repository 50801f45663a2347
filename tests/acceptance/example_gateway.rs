//! The process of the example gateway, and a provider behind it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, header};
use reqwest::StatusCode;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::http::door;
use crate::settings;

/// What it says when it starts anew, before the reason.
const RESTART: &str = "starting anew: ";

/// Returns the key with which it was asked.
async fn provide(headers: HeaderMap) -> String {
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    key.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().to_owned()
}

/// Starts a provider that takes every key and answers with it, and returns its address.
pub(crate) async fn provider() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new().fallback(provide);
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    url
}

/// The example that runs.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    url: String,
    http: reqwest::Client,
    restarts: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Starts the example with settings, and waits until it is ready.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(settings::example("gateway"))
            .envs(settings.iter().copied())
            .env("GATEWAY_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the example is built");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next_line().await.expect("readable").expect("it says that it is ready");
        let url = line.strip_prefix("ready on ").expect("an address").to_owned();
        let restarts = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&restarts);
        tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.expect("readable") {
                let reason = line.strip_prefix(RESTART).expect("it says nothing else");
                let word = reason.split(':').next().unwrap_or_default().to_owned();
                told.lock().expect("not poisoned").push(word);
            }
        });
        Self { child, url, http: door::client(), restarts }
    }

    /// Returns an address that it forwards with the key of a connection.
    pub(crate) fn models(&self, slug: &str) -> String {
        format!("{}/{slug}/v1/models", self.url)
    }

    /// Sends a request for a connection, and returns the answer.
    pub(crate) async fn ask(&self, slug: &str) -> (StatusCode, String) {
        let answer = self.http.get(self.models(slug)).send().await.expect("the gateway answers");
        (answer.status(), answer.text().await.expect("a body"))
    }

    /// Returns the words of the reasons for which it started anew.
    pub(crate) fn restarts(&self) -> Vec<String> {
        self.restarts.lock().expect("not poisoned").clone()
    }

    /// Returns whether it still is the same process.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }
}
