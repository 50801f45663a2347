//! Proofs about the log: as people ask for and check them, with tools that others wrote, and with a
//! witness.

mod program;
mod public;
mod strangers;
mod witnesses;

use std::path::PathBuf;
use std::process::Output;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::http::door;
use crate::output::said;
use crate::service::Service;

/// A server that publishes checkpoints often.
const OFTEN: [&str; 4] = ["--nats", "off", "--checkpoint-every", "1s"];

/// Adds events until the log has so many.
async fn grow(service: &Service, until: u64) {
    let (status, _) = service.get("/workspaces/default/connections/main").await;
    if status == StatusCode::NOT_FOUND {
        let body = json!({"slug": "main", "provider": "openai", "secrets": {"api_key": "sk-1"}});
        service.create("/workspaces/default/connections", &body).await;
    }
    let mut position = service.status().await["position"].as_u64().expect("a number");
    while position < until {
        let body = json!({"reason": format!("round {position}")});
        service.change("default", "main", "mark-degraded", &body).await;
        position += 1;
    }
}

/// Reads what is at a path of the log, with the key of the administrator.
async fn read(service: &Service, path: &str) -> Response {
    let url = format!("{}/log/{path}", service.http_url());
    door::client().get(url).bearer_auth(service.key()).send().await.expect("an answer")
}

async fn text(service: &Service, path: &str) -> String {
    let answer = read(service, path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.expect("text")
}

/// Runs a command of the program that must succeed, and returns what it wrote.
async fn run(service: &Service, args: &[&str]) -> String {
    let output = service.run(args).await;
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// The same for one whose answer is negative.
async fn run_to_no(service: &Service, args: &[&str]) -> String {
    let output: Output = service.run(args).await;
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Returns a path in the folder of a service, beside its data directory.
fn beside(service: &Service, name: &str) -> (PathBuf, String) {
    let path = service.folder().join(name);
    let text = path.to_str().expect("text").to_owned();
    (path, text)
}

async fn log_status(service: &Service) -> Value {
    service.status().await["log"].clone()
}
