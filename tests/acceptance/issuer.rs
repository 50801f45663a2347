//! An identity provider of the tests' own, which they start, change and close as they like.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::ports::free_port;

/// Whom the tokens are for.
pub(crate) const AUDIENCE: &str = "https://ledger.example.com";

/// Returns the time in seconds.
#[expect(clippy::disallowed_methods, reason = "tokens are of the time at which they are tested")]
pub(crate) fn seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("not too far after")
}

/// A key of the issuer, freshly made.
pub(crate) struct Signer {
    id: String,
    published: Value,
    private: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let (x, y) = pair.der_bytes()[1..].split_at(32);
        let published = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
            "x": text(x), "y": text(y),
        });
        let (kind, der) = (&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialize_der());
        let private = EcdsaKeyPair::from_pkcs8(kind, &der, &SystemRandom::new()).expect("a key");
        Self { id: id.to_owned(), published, private }
    }

    /// Signs an access token.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id, "typ": "at+jwt"}).to_string();
        let message =
            format!("{}.{}", text(header.as_bytes()), text(claims.to_string().as_bytes()));
        let signature = self.private.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", text(signature.expect("signed").as_ref()))
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[derive(Debug, Default)]
struct Published {
    url: String,
    keys: Mutex<Vec<Value>>,
    closed: AtomicBool,
}

/// An issuer with an address, at which it may or may not be.
#[derive(Debug)]
pub(crate) struct Issuer {
    port: u16,
    published: Arc<Published>,
    server: Option<JoinHandle<()>>,
}

impl Issuer {
    /// One that does not answer yet.
    pub(crate) fn nowhere_yet() -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        Self { port, published: Arc::new(Published { url, ..Default::default() }), server: None }
    }

    pub(crate) fn url(&self) -> String {
        self.published.url.clone()
    }

    /// Publishes these keys in place of all others.
    pub(crate) fn publish(&self, keys: &[&Signer]) {
        let keys = keys.iter().map(|key| key.published.clone()).collect();
        *self.published.keys.lock().expect("not poisoned") = keys;
    }

    /// Answers from now on.
    pub(crate) async fn start(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("its port is free");
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .with_state(Arc::clone(&self.published));
        self.server = Some(tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves until it is aborted");
        }));
    }

    /// Answers with errors from now on.
    pub(crate) fn close(&self) {
        self.published.closed.store(true, Ordering::SeqCst);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

type Answer = Result<String, StatusCode>;

fn unless_closed(published: &Published, answer: &Value) -> Answer {
    if published.closed.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(answer.to_string())
}

async fn describe(State(published): State<Arc<Published>>) -> Answer {
    let (issuer, keys) = (&published.url, format!("{}/keys", published.url));
    unless_closed(&published, &json!({"issuer": issuer, "jwks_uri": keys}))
}

async fn keys(State(published): State<Arc<Published>>) -> Answer {
    let keys = published.keys.lock().expect("not poisoned").clone();
    unless_closed(&published, &json!({ "keys": keys }))
}
