//! Fetching keys from an issuer on a socket.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use ledger_domain::Micros;
use ledger_engine::{AuthenticateError, Clock};
use serde_json::json;
use tokio::net::TcpListener;

use super::mint::Signer;
use super::{claims, set};
use crate::{TokenOptions, Tokens};

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_mins(1);

async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// Starts with keys from this path and waits for the first fetch.
async fn tokens(address: SocketAddr, path: &str) -> (Tokens, bool) {
    let mut options = TokenOptions::new(super::ISSUER, super::AUDIENCE);
    options.jwks_url = Some(format!("http://{address}{path}"));
    options.timings.fetch_max = Duration::from_secs(2);
    let prepared = options.prepare().expect("good options");
    let tokens = prepared.start(Clock::new(|| Micros::new(super::NOW * 1_000_000)));
    let has_keys = tokens.wait_for_keys(PATIENCE).await;
    (tokens, has_keys)
}

#[tokio::test]
async fn keys_are_fetched_and_malformed_answers_are_rejected() {
    let key = Signer::p256("1");
    let good = set(&[key.published()]);
    let large = json!({"keys": [key.published()], "filling": "x".repeat(256 * 1024)}).to_string();
    let (text, moved) = (good.clone(), "/good");
    let routes = Router::new()
        .route("/good", get(async move || text))
        .route("/large", get(async move || large))
        .route("/moved", get(async move || (StatusCode::FOUND, [(LOCATION, moved)], good)))
        .route("/wrong", get(async || "[]"))
        .route("/slow", get(std::future::pending::<()>));
    let address = serve(routes).await;
    let (tokens_, has_keys) = tokens(address, "/good").await;
    assert!(has_keys);
    assert!(tokens_.verifier().verify(&key.token(&claims())).is_ok());
    for path in ["/large", "/moved", "/wrong", "/slow", "/nowhere"] {
        let (tokens, has_keys) = tokens(address, path).await;
        assert!(!has_keys, "{path}");
        let refused = tokens.verifier().verify(&key.token(&claims()));
        assert_eq!(refused.expect_err("no keys"), AuthenticateError::TokensUnavailable, "{path}");
    }
}
