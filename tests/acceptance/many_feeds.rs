//! Thousands of open feeds: everybody else is served as before, and what they took is given back.
//!
//! 2,000 of them, or as many as `CONNLEDGER_TEST_FEEDS` says.

use std::io::Write as _;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::http::door::{CONNECTIONS, client, read, with_body};
use crate::service::Service;
use crate::settings;
use crate::wait::{PATIENCE, eventually};

/// Feeds when nothing else is said.
const FEEDS: usize = 2_000;
/// Open files of a process that are no feeds, at most; the server keeps as many for itself.
const OTHER_FILES: u64 = 1_536;
/// Feeds that are opened at once.
const AT_ONCE: usize = 64;
/// Requests of others that are timed.
const REQUESTS: usize = 200;
/// The longest that any of those may take: far more than it does, as others work here too.
const SLOWEST: Duration = Duration::from_secs(2);
/// Memory of the server for one feed, at most.
const BYTES_PER_FEED: u64 = 64 * 1024;
/// Memory that may stay when all feeds are gone, beside a quarter of what they took.
const BYTES_LEFT: u64 = 32 * 1024 * 1024;

/// Takes as many open files as the system allows, and returns how many feeds fit.
fn fitting(wanted: usize) -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard one it is ours");
    }
    let fitting = hard.saturating_sub(OTHER_FILES);
    wanted.min(usize::try_from(fitting).unwrap_or(usize::MAX))
}

/// Returns the memory that a process holds, in bytes; nothing where the system does not tell.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// A served ledger and somebody who asks it.
struct Served {
    service: Service,
    client: Client,
    url: String,
    key: String,
}

impl Served {
    async fn start() -> Self {
        let service = Service::start(&["--nats", "off", "--rate-per-key", "0"]).await;
        let (url, key) = (service.http_url(), service.key());
        Self { service, client: client(), url, key }
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    async fn create(&self) {
        let draft = json!({ "provider": "x" });
        let made = read(with_body(self.ask(Method::POST, CONNECTIONS), &draft)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    async fn open_connections(&self) -> u64 {
        let status: Value = read(self.ask(Method::GET, "/api/v1/status")).await.json();
        status["http"]["connections_open"].as_u64().expect("it is counted")
    }

    /// Opens a feed and reads it up to the end of the log.
    async fn feed(&self) -> TcpStream {
        let address = self.url.strip_prefix("http://").expect("no TLS");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let head = "GET /api/v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream";
        let request = format!("{head}\r\nauthorization: Bearer {}\r\n\r\n", self.key);
        stream.write_all(request.as_bytes()).await.expect("sent");
        read_to(&mut stream, "event: caught_up\n").await;
        stream
    }

    /// Opens many feeds.
    async fn feeds(&self, count: usize) -> Vec<TcpStream> {
        let opening = stream::iter(0..count).map(|_| self.feed()).buffer_unordered(AT_ONCE);
        opening.collect().await
    }

    /// Asks for a list again and again, and returns the longest time that took.
    async fn slowest(&self) -> Duration {
        let mut slowest = Duration::ZERO;
        for _ in 0..REQUESTS {
            let asked = Instant::now();
            let listed = read(self.ask(Method::GET, CONNECTIONS)).await;
            assert_eq!(listed.status, 200, "{listed:?}");
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    }

    fn memory(&self) -> Option<u64> {
        resident(self.service.pid())
    }
}

/// Reads until these words have come.
async fn read_to(stream: &mut TcpStream, words: &str) {
    let mut text = Vec::new();
    let mut piece = [0; 4_096];
    let found = |text: &[u8]| text.windows(words.len()).any(|window| window == words.as_bytes());
    timeout(PATIENCE, async {
        while !found(&text) {
            let count = stream.read(&mut piece).await.expect("it can be read");
            assert!(count > 0, "it ended: {}", String::from_utf8_lossy(&text));
            text.extend_from_slice(&piece[..count]);
        }
    })
    .await
    .unwrap_or_else(|_| panic!("no {words} in time: {}", String::from_utf8_lossy(&text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_open_feeds_slow_nobody_down_and_give_their_memory_back() {
    let wanted = settings::feeds().unwrap_or(FEEDS);
    let count = fitting(wanted);
    let served = Served::start().await;
    drop(served.feeds(AT_ONCE).await);
    let alone = served.slowest().await;
    let before = served.memory();

    let opened = Instant::now();
    let mut feeds = served.feeds(count).await;
    let opening = opened.elapsed();
    assert!(served.open_connections().await >= u64::try_from(count).expect("not too many"));
    let with = served.memory();
    let quiet = served.slowest().await;

    // One event to all of them, and others ask meanwhile.
    let told = Instant::now();
    served.create().await;
    let everyone = stream::iter(feeds.iter_mut()).for_each_concurrent(AT_ONCE, async |feed| {
        read_to(feed, "event: connection_created\n").await;
    });
    let everyone = async {
        everyone.await;
        told.elapsed()
    };
    let (telling, busy) = tokio::join!(everyone, served.slowest());

    drop(feeds);
    let few = u64::try_from(AT_ONCE).expect("not too many");
    eventually("the feeds are closed", async || {
        (served.open_connections().await < few).then_some(())
    })
    .await;
    let mut after = None;
    if let (Some(before), Some(with)) = (before, with) {
        let took = with.saturating_sub(before);
        assert!(took / u64::try_from(count).expect("not too many") < BYTES_PER_FEED, "{took}");
        let left = eventually("memory is given back", async || {
            // The allocator gives pages back while it works.
            served.open_connections().await;
            let left = served.memory()?.saturating_sub(before);
            (left < took / 4 + BYTES_LEFT).then_some(left)
        });
        after = Some(before + left.await);
    }
    let mib = |bytes: Option<u64>| bytes.map_or(0, |bytes| bytes / (1024 * 1024));
    let mut said = std::io::stderr();
    let line = format!(
        "{count} feeds of {wanted}: opened in {opening:?}; one event to all in {telling:?}; \
         slowest of {REQUESTS} requests {alone:?} alone, {quiet:?} beside, {busy:?} meanwhile; \
         memory {} MiB before, {} with, {} after",
        mib(before),
        mib(with),
        mib(after),
    );
    writeln!(said, "{line}").expect("there is an error output");
    for slowest in [quiet, busy] {
        assert!(slowest < SLOWEST, "{line}");
    }
    served.create().await;
}
