//! Tests of the listener on real sockets.

mod certificates;
mod connection_limiter;
mod entry;
mod lifetime;
mod tls;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use parking_lot::Mutex;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;

/// How long an expected result may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A timeout that a test waits for.
const SHORT: Duration = Duration::from_millis(400);
/// A timeout that never expires in a test.
const LONG: Duration = Duration::from_mins(10);

/// More bytes than the socket buffers of both sides hold.
const LARGE: usize = 64 * 1024 * 1024;

/// What tests control: the time, and answers that are held back.
#[derive(Clone)]
struct Controls {
    time: Arc<Mutex<Duration>>,
    /// Each permit releases one request that is held back.
    gate: Arc<Semaphore>,
    /// Holds a permit for each request that is held back.
    waiting: Arc<Semaphore>,
}

impl Controls {
    /// Waits until one more request is held back.
    async fn one_waits(&self) {
        let arrived = timeout(PATIENCE, self.waiting.acquire()).await;
        arrived.expect("in time").expect("it is never closed").forget();
    }
}

/// Opens a listener with a route for each tested behavior. Keys that start with `good` are valid.
async fn open(adjust: impl FnOnce(&mut ListenOptions)) -> (Listener, Controls) {
    let controls = Controls {
        time: Arc::new(Mutex::new(Duration::ZERO)),
        gate: Arc::new(Semaphore::new(0)),
        waiting: Arc::new(Semaphore::new(0)),
    };
    let accepts = Accepts::new(|header| header.starts_with("Bearer good"));
    let mut options = ListenOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), accepts);
    let time = Arc::clone(&controls.time);
    options.clock = Clock::new(move || *time.lock());
    options.rates = Rates { per_key: 0, per_address: 0 };
    adjust(&mut options);
    let listener = options.prepare().expect("good options").open(routes(&controls)).await;
    (listener.expect("a free port"), controls)
}

fn routes(controls: &Controls) -> Router {
    let controls = controls.clone();
    let wait = move || async move {
        controls.waiting.add_permits(1);
        controls.gate.acquire().await.expect("it is never closed").forget();
        "waited"
    };
    let keyed = async |headers: HeaderMap| match headers.get("authorization") {
        Some(key) if key.as_bytes().starts_with(b"Bearer good") => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    };
    Router::new()
        .route("/api/hello", get("hello"))
        .route("/api/keyed", get(keyed))
        .route("/hello", get("hello"))
        .route("/wait", get(wait))
        .route("/large", get(|| async { vec![b'x'; LARGE] }))
        .route("/echo", post(|body: Bytes| async { body }))
}

/// A complete answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    #[track_caller]
    fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
    }
}

/// A client connection that writes raw HTTP/1.
struct TestClient<S>(BufReader<S>);

async fn connect(listener: &Listener) -> TestClient<TcpStream> {
    TestClient::over(TcpStream::connect(listener.address()).await.expect("it listens"))
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestClient<S> {
    fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.expect("sent");
    }

    /// Sends a GET request with additional header lines.
    async fn get(&mut self, path: &str, headers: &[&str]) -> Answer {
        let headers: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.read()).await.expect("an answer in time")
    }

    async fn read(&mut self) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.expect("an answer");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines.first().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let fields = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        let headers: HashMap<_, _> =
            fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let length = headers.get("content-length").map_or("0", String::as_str);
        let mut body = vec![0; length.parse().expect("a length")];
        self.0.read_exact(&mut body).await.expect("a body");
        let body = String::from_utf8(body).expect("text");
        Answer { status: status.parse().expect("a number"), headers, body }
    }

    /// Waits until the server closes or resets the connection.
    async fn closed(&mut self) {
        let mut rest = Vec::new();
        let closed = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        // A reset connection is closed, too.
        drop(closed.expect("closed in time"));
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

/// Repeats an attempt until it succeeds.
async fn eventually<T, Try: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> Try) -> T {
    timeout(PATIENCE, async {
        loop {
            if let Some(done) = attempt().await {
                return done;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("in time")
}
