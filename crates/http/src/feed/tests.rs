//! Tests of feeds, each on a new ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use futures::{Stream, StreamExt};
use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_domain::principal::{Grant, Scope, Workspaces};
use ledger_domain::{Actor, Position, WorkspaceName};
use ledger_engine::{AdmissionLimits, Caller, LiveCaller};
use serde_json::{Value, json};

use super::{FeedLimits, Feeds, Start};
use crate::ApiOptions;
use crate::api::tests::TestLedger;

/// Returns a reader whose rights do not change.
fn anyone() -> LiveCaller {
    LiveCaller::new(Caller::system("user:test"))
}

/// A ledger with feeds whose limits differ from the API's defaults.
struct Stage {
    ledger: TestLedger,
    feeds: Feeds,
}

impl Stage {
    async fn new(limits: FeedLimits) -> Self {
        Self::with(limits, AdmissionLimits::default()).await
    }

    async fn with(limits: FeedLimits, admission: AdmissionLimits) -> Self {
        let ledger = TestLedger::new(ApiOptions::default()).await;
        for name in ["default", "other"] {
            let made = ledger.post("/api/v1/workspaces", &json!({ "name": name })).await;
            assert_eq!(made.0.as_u16(), 201);
        }
        let feeds = Feeds::open(ledger.engine.clone(), limits, &admission);
        Self { ledger, feeds }
    }

    async fn create(&self, workspace: &str, count: usize) {
        let path = format!("/api/v1/workspaces/{workspace}/connections");
        for _ in 0..count {
            let made = self.ledger.post(&path, &json!({ "provider": "x" })).await;
            assert_eq!(made.0.as_u16(), 201, "{}", made.2);
        }
    }

    /// Returns what stands for a position in the feeds.
    fn point(&self, position: u64) -> ResumePoint {
        ResumePoint::new(Position::new(position), self.ledger.engine.identity().incarnation)
    }

    fn follow(&self, after: u64, only: Option<&str>) -> super::Follower {
        let only = only.map(|name| WorkspaceName::parse("w", name).unwrap());
        self.feeds.follow(Start::After(Position::new(after)), only, anyone()).unwrap()
    }
}

fn incarnation(stage: &Stage) -> String {
    stage.ledger.engine.identity().incarnation.to_string()
}

/// Returns a reader with these scopes on all workspaces.
fn with(scopes: &[Scope]) -> LiveCaller {
    let grant = Grant {
        scopes: scopes.iter().copied().collect(),
        workspaces: Workspaces::All,
        providers: BTreeSet::new(),
        labels: BTreeMap::new(),
    };
    LiveCaller::new(Caller::new(Actor::new("user:reader"), vec![grant]))
}

/// Returns the position in the id of an event.
fn position(id: &str) -> u64 {
    let point = ResumePoint::parse("id", id.trim()).unwrap();
    assert!(point.incarnation.is_some(), "{id} names no history");
    point.position.get()
}

/// A feed that is read piece by piece.
struct Reading(std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>);

impl Reading {
    fn new(follower: super::Follower) -> Self {
        Self(Box::pin(follower.stream()))
    }

    async fn piece(&mut self) -> Option<String> {
        let piece = tokio::time::timeout(Duration::from_mins(1), self.0.next()).await;
        let piece = piece.expect("the feed goes on")?;
        Some(String::from_utf8(piece.unwrap().to_vec()).unwrap())
    }

    /// Returns the position in the id and the event of the next piece that has both.
    async fn event(&mut self) -> (u64, String) {
        loop {
            let piece = self.piece().await.expect("the feed goes on");
            let field = |name: &str| {
                piece.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned))
            };
            if let (Some(id), Some(event)) = (field("id: "), field("event: ")) {
                return (position(&id), event);
            }
        }
    }

    /// Returns the ids up to the end of the log, and that end.
    async fn ids(&mut self) -> (Vec<u64>, u64) {
        let mut ids = Vec::new();
        loop {
            match self.event().await {
                (id, event) if event == "caught_up" => return (ids, id),
                (id, _) => ids.push(id),
            }
        }
    }
}

#[tokio::test]
async fn a_feed_delivers_every_event_once_and_marks_the_end() {
    let stage = Stage::new(FeedLimits::default()).await;
    stage.create("default", 20).await;
    let mut all = Reading::new(stage.follow(0, None));
    assert_eq!(all.ids().await, ((1..=24).collect(), 24));
    stage.create("default", 1).await;
    assert_eq!(all.event().await, (25, "connection_created".to_owned()));
    let mut late = Reading::new(stage.follow(23, None));
    assert_eq!(late.ids().await, (vec![24, 25], 25));
}

#[tokio::test]
async fn a_reader_behind_a_small_ring_reads_the_log_and_misses_nothing() {
    let limits = FeedLimits { ring_events: 3, ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    let mut early = Reading::new(stage.follow(0, None));
    early.ids().await;
    stage.create("default", 300).await;
    for position in 5..=304 {
        assert_eq!(early.event().await.0, position);
    }
    let mut late = Reading::new(stage.follow(5, None));
    assert_eq!(late.ids().await, ((6..=304).collect(), 304));
}

#[tokio::test]
async fn the_feed_of_a_workspace_delivers_only_its_events_and_advances_past_others() {
    let limits = FeedLimits { heartbeat: Duration::from_millis(20), ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    stage.create("default", 2).await;
    stage.create("other", 2).await;
    let mut feed = Reading::new(stage.follow(0, Some("other")));
    assert_eq!(feed.ids().await, (vec![4, 7, 8], 8));
    stage.create("default", 3).await;
    let mut moved = String::new();
    while !moved.contains(&format!("id: {}\n", stage.point(11))) {
        moved = feed.piece().await.unwrap();
        assert!(moved.starts_with(": alive\n"), "{moved}");
    }
}

#[tokio::test]
async fn a_quiet_feed_sends_heartbeats() {
    let limits = FeedLimits { heartbeat: Duration::from_millis(20), ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    let mut feed = Reading::new(stage.feeds.follow(Start::Now, None, anyone()).unwrap());
    assert_eq!(feed.piece().await.unwrap(), "retry: 1000\n\n");
    assert!(feed.piece().await.unwrap().contains("caught_up"));
    for _ in 0..3 {
        assert_eq!(feed.piece().await.unwrap(), ": alive\n\n");
    }
}

#[tokio::test]
async fn stopping_ends_feeds_with_a_closing_event_and_refuses_new_ones() {
    let stage = Stage::new(FeedLimits::default()).await;
    let mut feed = Reading::new(stage.follow(0, None));
    feed.ids().await;
    stage.feeds.stop();
    let last = feed.piece().await.unwrap();
    assert!(last.starts_with(&format!("id: {}\nevent: closing\n", stage.point(4))), "{last}");
    assert!(last.contains("shutting_down"), "{last}");
    assert_eq!(feed.piece().await, None);
    let refused = stage.feeds.follow(Start::Now, None, anyone()).err().map(|problem| problem.code);
    assert_eq!(refused, Some(Code::ShuttingDown));
    stage.feeds.stopped().await;
}

#[tokio::test]
async fn a_reader_that_reads_nothing_is_disconnected_at_its_position() {
    let limits = FeedLimits { patience: Duration::ZERO, ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    stage.create("default", 5).await;
    let mut feed = Reading::new(stage.follow(0, None));
    // With no patience at all, any time between two pieces is too long.
    let first = feed.piece().await.unwrap();
    assert!(first.starts_with(&format!("id: {}\nevent: closing\n", stage.point(0))), "{first}");
    assert!(first.contains("feed_too_slow"), "{first}");
    assert_eq!(feed.piece().await, None);
}

#[tokio::test]
async fn the_number_of_feeds_is_limited_and_a_closed_one_frees_its_permit() {
    let admission = AdmissionLimits { feeds_max: 1, ..AdmissionLimits::default() };
    let stage = Stage::with(FeedLimits::default(), admission).await;
    let one = stage.follow(0, None);
    let refused = stage.feeds.follow(Start::Now, None, anyone()).err().map(|problem| problem.code);
    assert_eq!(refused, Some(Code::Busy));
    drop(one);
    assert!(stage.feeds.follow(Start::Now, None, anyone()).is_ok());
}

#[tokio::test]
async fn a_page_is_returned_with_the_first_event_or_after_the_wait() {
    let stage = Stage::new(FeedLimits::default()).await;
    let page = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap();
    let some = page(stage.follow(0, None).page(Duration::from_mins(1)).await.unwrap());
    assert_eq!(some["position"], 4);
    assert_eq!(some["resume_after"], json!(stage.point(4)));
    assert_eq!(some["events"][3]["incarnation"], incarnation(&stage));
    assert_eq!(some["events"][3]["event"]["type"], "workspace_created");
    let none = page(stage.follow(4, None).page(Duration::from_millis(30)).await.unwrap());
    assert_eq!(none, json!({ "events": [], "position": 4, "resume_after": stage.point(4) }));
    let (waited, ()) =
        tokio::join!(stage.follow(4, Some("default")).page(Duration::from_mins(1)), async {
            stage.create("other", 1).await;
            stage.create("default", 1).await;
        });
    let waited = page(waited.unwrap());
    assert_eq!(waited["events"].as_array().unwrap().len(), 1);
    assert_eq!(waited["position"], 6);
}

#[tokio::test]
async fn skipping_many_invisible_events_sends_heartbeats() {
    let limits = FeedLimits { heartbeat: Duration::ZERO, ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    stage.create("default", 300).await;
    let mut feed = Reading::new(stage.follow(4, Some("other")));
    let moved = loop {
        let piece = feed.piece().await.unwrap();
        if let Some((_, id)) = piece.split_once("id: ") {
            assert!(piece.starts_with(": alive\n"), "{piece}");
            break position(id);
        }
    };
    assert!((5..304).contains(&moved), "{moved}");
}

#[tokio::test]
async fn a_page_without_visible_events_has_the_position_reached() {
    let limits = FeedLimits { look: Duration::ZERO, ..FeedLimits::default() };
    let stage = Stage::new(limits).await;
    stage.create("default", 300).await;
    let (mut position, mut pages) = (4, 0);
    while position < 304 {
        let page = stage.follow(position, Some("other")).page(Duration::ZERO).await.unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        assert_eq!(page["events"], json!([]));
        let reached = page["position"].as_u64().unwrap();
        assert!(reached > position, "{reached}");
        (position, pages) = (reached, pages + 1);
    }
    assert!(pages > 1, "one look does not go through the whole log");
}

#[tokio::test]
async fn readers_without_audit_see_no_actors() {
    let stage = Stage::new(FeedLimits::default()).await;
    stage.create("default", 1).await;
    let page = async |audits: bool, administers: bool| {
        let scopes = [Some(Scope::Read), audits.then_some(Scope::Audit)];
        let scopes = scopes.into_iter().chain([administers.then_some(Scope::Administer)]);
        let scopes: Vec<_> = scopes.flatten().collect();
        let start = Start::After(Position::new(0));
        let follower = stage.feeds.follow(start, None, with(&scopes)).unwrap();
        let page = follower.page(Duration::ZERO).await.unwrap();
        serde_json::from_slice::<Value>(&page).unwrap()
    };
    let positions = |page: &Value| {
        let events = page["events"].as_array().unwrap().iter();
        events.map(|event| event["position"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let (all, auditor) = (page(true, true).await, page(true, false).await);
    assert_eq!(positions(&all), [1, 2, 3, 4, 5]);
    assert_eq!(positions(&auditor), [3, 4, 5], "the admin and its key are not for everyone");
    assert_eq!(auditor["events"][2], all["events"][4]);
    let reader = page(false, false).await;
    assert_eq!(positions(&reader), [3, 4, 5]);
    assert_eq!(reader["events"][2]["incarnation"], incarnation(&stage));
    assert_eq!(reader["position"], 5);
    let (told, whole) = (&reader["events"][2], &all["events"][4]);
    assert_eq!(told["connection"], whole["connection"]);
    let names = told["event"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    let expected = ["position", "recorded_at", "schema", "stream", "type", "version", "workspace"];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    for name in names {
        assert_eq!(told["event"][name], whole["event"][name], "{name}");
    }
}
