//! A gateway in one file: forwards requests to providers with the secrets that the ledger holds.
//!
//! ```text
//! GET /openai-prod/v1/models   ->   <config.base_url>/v1/models, Authorization: Bearer <api_key>
//! ```
//!
//! It watches one workspace, and says on standard output why if it has to start anew. It fetches a
//! secret when it is first needed, under a lease, and again after a notification of a new one. If
//! leases are revoked, it drops what it has and asks again. Secrets are only in memory. With
//! `GATEWAY_NAME` it confirms the generations that it uses, so that a rotation can wait for it.
//!
//! ```sh
//! LEDGER_NATS_URL=nats://127.0.0.1:4222 LEDGER_XKEY=X... LEDGER_KEY=sk_live_... \
//!     GATEWAY_LISTEN=127.0.0.1:8080 cargo run -p ledger-client --example gateway
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_client::{Client, ClientOptions, Consumer, Key, Mirror, Restart};
use tokio::sync::watch;

/// The secret field with a provider's key.
const FIELD: &str = "api_key";
/// The reason for the reveal, as recorded in the history.
const REASON: &str = "to forward requests";
/// Largest body that is forwarded, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

struct Gateway {
    mirror: Mirror,
    provider: reqwest::Client,
}

type Failed = (StatusCode, String);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The program chooses the cryptography provider for the process, once.
    if tokio_rustls::rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("a cryptography provider is already installed".into());
    }
    let mut options = ClientOptions::new(Key::new(setting("LEDGER_KEY")?));
    options.url = setting("LEDGER_NATS_URL")?;
    options.ledger_xkey = Some(setting("LEDGER_XKEY")?);
    options.inbox_prefix = setting("LEDGER_NATS_INBOX_PREFIX").ok();
    options.jetstream_prefix = setting("LEDGER_NATS_JS_PREFIX").ok();
    options.wait_for_server = true;
    let workspace = setting("LEDGER_WORKSPACE").unwrap_or_else(|_| "default".to_owned());
    let client = Client::connect(options).await?;
    let mirror = match setting("GATEWAY_NAME") {
        Ok(name) => Mirror::follow_as(client, &workspace, Consumer::new(name, REASON)),
        Err(_) => Mirror::follow(client, &workspace),
    };
    mirror.ready().await?;
    tokio::spawn(tell_restarts(mirror.restarts()));
    let gateway = Gateway { mirror, provider: reqwest::Client::new() };
    let address = setting("GATEWAY_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    print_line(&format!("ready on http://{}", listener.local_addr()?))?;
    let app = Router::new().fallback(forward).with_state(Arc::new(gateway));
    axum::serve(listener, app).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example has no configuration file")]
fn setting(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}

fn print_line(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Says each time why the mirror starts anew, as long as somebody reads that.
async fn tell_restarts(mut restarts: watch::Receiver<Option<Restart>>) -> std::io::Result<()> {
    while restarts.changed().await.is_ok() {
        let reason = *restarts.borrow_and_update();
        if let Some(reason) = reason {
            print_line(&format!("starting anew: {}: {reason}", reason.as_str()))?;
        }
    }
    Ok(())
}

/// Forwards one request. The first part of its path names the connection.
async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    match attempt(&gateway, request).await {
        Ok(response) => response,
        Err(failed) => failed.into_response(),
    }
}

async fn attempt(gateway: &Gateway, request: Request) -> Result<Response, Failed> {
    let bad = |problem: String| (StatusCode::BAD_GATEWAY, format!("{problem}\n"));
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = path.trim_start_matches('/');
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let missing = || (StatusCode::NOT_FOUND, format!("there is no connection {name}\n"));
    let connection = gateway.mirror.connection(name).ok_or_else(missing)?;
    if !connection.usable {
        return Err((StatusCode::FORBIDDEN, format!("{name} is switched off\n")));
    }
    let base = connection.config.get("base_url").and_then(|value| value.as_str());
    let base = base.ok_or_else(|| bad(format!("{name} has no base_url")))?;
    let secret = gateway.mirror.secret(&connection, FIELD, REASON).await;
    let secret = secret.map_err(|error| bad(error.to_string()))?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secret.value()))
        .map_err(|_| bad("the key is not a valid header value".to_owned()))?;
    bearer.set_sensitive(true);
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, format!("{error}\n")))?;
    let answer = gateway
        .provider
        .request(parts.method, format!("{}/{rest}", base.trim_end_matches('/')))
        .header(header::AUTHORIZATION, bearer)
        .body(body)
        .send()
        .await
        .map_err(|error| bad(error.to_string()))?;
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let body = answer.bytes().await.map_err(|error| bad(error.to_string()))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
