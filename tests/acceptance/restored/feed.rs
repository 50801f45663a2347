//! Somebody who reads the feed of a workspace as an `EventSource` does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ledger_client::ResumePoint;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::http::door;
use crate::http::feed::Feed;
use crate::service::Service;
use crate::wait::eventually;

/// What they know.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Connections by id.
    pub(super) states: BTreeMap<String, Value>,
    /// The codes with which the feed was refused.
    pub(super) refusals: Vec<String>,
}

/// The one who reads.
pub(super) struct FeedReader {
    known: Arc<Mutex<Known>>,
    task: JoinHandle<()>,
}

impl Drop for FeedReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FeedReader {
    /// Reads the list of a workspace, then its feed.
    pub(super) fn start(service: &Service, workspace: &str) -> Self {
        let known = Arc::new(Mutex::new(Known::default()));
        let reading = Reading {
            url: format!("{}/api/v1/workspaces/{workspace}", service.http_url()),
            key: service.key(),
            http: door::client(),
            known: Arc::clone(&known),
        };
        Self { known, task: tokio::spawn(reading.go_on()) }
    }

    pub(super) fn known(&self) -> Known {
        assert!(!self.task.is_finished(), "what it was told was wrong");
        self.known.lock().expect("not poisoned").clone()
    }
}

struct Reading {
    url: String,
    key: String,
    http: reqwest::Client,
    known: Arc<Mutex<Known>>,
}

impl Reading {
    async fn go_on(self) {
        loop {
            let start = self.list().await;
            let refusal = self.follow(start).await;
            self.known.lock().expect("not poisoned").refusals.push(refusal);
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// Reads the current states, and returns from where to follow.
    async fn list(&self) -> ResumePoint {
        let path = "/connections?page_size=500&lifecycle=any";
        let page: Value = eventually("the list is there", async || {
            let answer = self.get(path).send().await.ok()?.error_for_status().ok()?;
            serde_json::from_slice(&answer.bytes().await.ok()?).ok()
        })
        .await;
        assert!(page["next_cursor"].is_null(), "it fits in a page");
        let views = page["connections"].as_array().expect("connections").iter();
        let states = views.map(|view| (id(view).expect("an id"), view.clone())).collect();
        self.known.lock().expect("not poisoned").states = states;
        let point = page["resume_after"].as_str().expect("a point");
        ResumePoint::parse("resume_after", point).expect("a point")
    }

    /// Follows until it is refused, and returns the code.
    async fn follow(&self, start: ResumePoint) -> String {
        let mut last = start;
        loop {
            let answer = self.open(last).await;
            if answer.status() == StatusCode::CONFLICT {
                let body = answer.bytes().await.expect("a body");
                let problem: Value = serde_json::from_slice(&body).expect("JSON");
                return problem["code"].as_str().expect("a code").to_owned();
            }
            let mut feed = Feed::of(answer);
            while let Some(event) = feed.next().await {
                let Some(point) = event.point else { continue };
                assert_eq!(point.incarnation, start.incarnation, "an event of another history");
                assert!(point.position >= last.position, "{point} after {last}");
                last = point;
                if let Some(id) = id(&event.data["connection"]) {
                    let state = event.data["connection"].clone();
                    self.known.lock().expect("not poisoned").states.insert(id, state);
                }
            }
        }
    }

    /// Connects again and again until it is answered.
    async fn open(&self, last: ResumePoint) -> Response {
        eventually("the feed is there", async || {
            let request = self.get("/events").header("accept", "text/event-stream");
            let answer = request.header("last-event-id", last.to_string()).send().await.ok()?;
            [StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status()).then_some(answer)
        })
        .await
    }
}

fn id(view: &Value) -> Option<String> {
    view["id"].as_str().map(str::to_owned)
}
