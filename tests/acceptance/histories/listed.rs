//! What a watcher asks of the ledger and of the NATS server.

use std::collections::BTreeSet;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, HeaderMap, Message, Subscriber};
use futures::{FutureExt as _, StreamExt as _};
use ledger_client::{ClientOptions, Key, WatchScope};
use ledger_contract::errors::{Code, Problem};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::follower::Follower;
use super::stage::{STREAM, Stage};
use crate::nats_server::NatsServer;
use crate::wait::PATIENCE;

const INCARNATION: &str = "00000000-0000-7000-8000-000000000001";

/// A page with one connection.
fn page(number: u64, next_cursor: Option<&str>) -> Value {
    json!({
        "connections": [{
            "id": format!("id-{number}"), "workspace": "default", "position": number,
            "lifecycle": "active",
        }],
        "total": 3, "resume_after": format!("3@{INCARNATION}"), "next_cursor": next_cursor,
    })
}

/// Answers as a ledger with three pages of connections, which is away once, after the first. Tells
/// from where each page was asked for.
async fn answer(client: Client, mut requests: Subscriber, asked: mpsc::Sender<String>) {
    let mut was_away = false;
    while let Some(Message { reply: Some(reply), payload, .. }) = requests.next().await {
        let query: Value = serde_json::from_slice(&payload).expect("JSON");
        let cursor = query["cursor"].as_str().unwrap_or("begin");
        if query["page_size"] != 1 {
            asked.send(cursor.to_owned()).await.expect("the test listens");
        }
        let mut headers = HeaderMap::new();
        let body = match cursor {
            "second" if !was_away => {
                was_away = true;
                headers.insert("Ledger-Error-Code", Code::Busy.as_str());
                serde_json::to_value(Problem::new(Code::Busy).body()).expect("JSON")
            }
            "second" => page(2, Some("third")),
            "third" => page(3, None),
            _ => page(1, Some("second")),
        };
        let sent = client.publish_with_headers(reply, headers, body.to_string().into()).await;
        sent.expect("the server is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_that_the_ledger_lists_go_on_from_the_last_page_after_a_failure() {
    let nats = NatsServer::start().await;
    let ledger = nats.client().await;
    let requests = ledger.subscribe("ledger.query.default.list").await.expect("subscribed");
    ledger.flush().await.expect("the server knows of it");
    let (asked, mut told) = mpsc::channel(16);
    let answering = tokio::spawn(answer(ledger.clone(), requests, asked));
    // It is behind the ledger, so the states come from there.
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["ledger.events.>".to_owned()],
        ..stream::Config::default()
    };
    jetstream::new(ledger).create_stream(config).await.expect("it can be made");

    let mut options = ClientOptions::new(Key::new("sk_live_any".to_owned()));
    (options.url, options.allow_unsealed) = (nats.url(), true);
    let client = ledger_client::Client::connect(options).await.expect("NATS is there");
    let scope = WatchScope::Workspace("default".to_owned());
    let mut follower = Follower::new(client.watch(scope, None), None);
    follower.until_caught_up().await;
    assert_eq!(follower.interruptions, 1, "the ledger was away once");
    let mut pages = Vec::new();
    while let Ok(page) = told.try_recv() {
        pages.push(page);
    }
    assert_eq!(pages, ["begin", "second", "second", "third"]);
    answering.abort();
}

/// The consumers that clients asked the server to make and to end.
#[derive(Debug)]
struct Consumers {
    requests: Subscriber,
    made: BTreeSet<String>,
    ended: BTreeSet<String>,
}

impl Consumers {
    async fn hear(client: &Client) -> Self {
        let requests = client.subscribe("$JS.API.CONSUMER.>").await.expect("subscribed");
        client.flush().await.expect("the server knows of it");
        Self { requests, made: BTreeSet::new(), ended: BTreeSet::new() }
    }

    fn take(&mut self, message: &Message) {
        let mut tokens = message.subject.split('.').skip(3);
        let (verb, name) = (tokens.next(), tokens.nth(1));
        let known = match verb {
            Some("CREATE") => &mut self.made,
            Some("DELETE") => &mut self.ended,
            _ => return,
        };
        // The server makes some of its own.
        known.extend(name.filter(|name| name.starts_with("ledger_")).map(str::to_owned));
    }

    /// Takes what was asked for until now.
    async fn until_now(&mut self, client: &Client) {
        client.flush().await.expect("the server is there");
        while let Some(Some(message)) = self.requests.next().now_or_never() {
            self.take(&message);
        }
    }

    /// Waits until no more than so many are there.
    async fn until_left(&mut self, most: usize) {
        let ending = async {
            while self.made.difference(&self.ended).count() > most {
                let message = self.requests.next().await.expect("the server is there");
                self.take(&message);
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, ending).await.is_ok();
        assert!(in_time, "made {:?}, ended {:?}", self.made, self.ended);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_leaves_no_consumers_on_the_server_but_the_one_that_it_reads() {
    let stage = Stage::new().await;
    stage.wait_until_published().await;
    let admin = stage.nats.client().await;
    let mut consumers = Consumers::hear(&admin).await;
    let client = stage.client().await;
    let mut follower = Follower::new(client.watch(WatchScope::Everything, None), None);
    follower.until_caught_up().await;
    let last = stage.create_some("one", 1).await;
    follower.until("it follows", |seen| seen.changes.last() == Some(&last)).await;
    consumers.until_now(&admin).await;
    assert!(consumers.made.len() > 2, "the begin, the states and the changes: {consumers:?}");
    consumers.until_left(1).await;
    drop(follower);
    consumers.until_left(0).await;
}
