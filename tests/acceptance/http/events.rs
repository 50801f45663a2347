//! The feed of events: nothing missed, nothing twice.

use std::time::Duration;

use ledger_contract::ResumePoint;
use ledger_domain::Position;
use ledger_domain::principal::Scope;
use ledger_http::{ApiOptions, FeedLimits};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::door::{CONNECTIONS, Door, client, read};
use super::feed::{Feed, position};
use crate::ledger::{TestCommand, send};
use crate::matrix::Reach;
use crate::matrix::cast::Cast;
use crate::wait::PATIENCE;

/// Times that the reader is killed.
const KILLS: u64 = 20;
/// Events that must arrive in all, at least.
const EVENTS: u64 = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_killed_again_and_again_under_load_misses_and_repeats_nothing() {
    let mut door = Door::open().await;
    let engine = door.ledger.engine.clone();
    let load = tokio::spawn(async move {
        while engine.head().get() < EVENTS {
            let create = || send(&engine, TestCommand::new("create", &json!({ "provider": "x" })));
            let (one, two, three, four) = tokio::join!(create(), create(), create(), create());
            for made in [one, two, three, four] {
                made.expect("accepted");
            }
        }
    });
    let mut seen: Vec<u64> = Vec::new();
    for kill in 0..KILLS {
        let goal = (kill + 1) * EVENTS / (KILLS + 1);
        follow(&door, &mut seen, goal).await;
        if kill % 5 == 4 {
            door.restart().await;
        }
    }
    load.await.expect("the load runs to its end");
    let head = door.ledger.engine.head().get();
    follow(&door, &mut seen, head).await;
    assert_eq!(seen, (1..=head).collect::<Vec<_>>());
}

/// Reads on from the last id that arrived, then drops the connection.
async fn follow(door: &Door, seen: &mut Vec<u64>, goal: u64) {
    let incarnation = door.ledger.engine.identity().incarnation;
    let last = seen.last().map(|last| ResumePoint::new(Position::new(*last), incarnation));
    let path = "/api/v1/events?after=0";
    let mut feed = Feed::open(door, path, last).await;
    while seen.last().copied().unwrap_or_default() < goal {
        let event = tokio::time::timeout(PATIENCE, feed.next()).await.expect("it goes on");
        let event = event.expect("the feed is open");
        if event.kind != "caught_up" {
            seen.push(event.id.expect("every event has its position"));
            assert_eq!(event.data["position"], json!(event.id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_a_place_to_start_begins_now_and_says_where_that_is() {
    let door = Door::open().await;
    door.create(&json!({ "slug": "before", "provider": "x" })).await;
    let mut feed = Feed::open(&door, "/api/v1/events", None).await;
    let first = feed.next().await.expect("an event");
    assert_eq!((first.kind.as_str(), first.id), ("caught_up", Some(5)));
    assert_eq!(first.data, json!({ "position": 5 }));
    door.create(&json!({ "slug": "after", "provider": "x", "secrets": { "k": "v-1" } })).await;
    let next = feed.next().await.expect("an event");
    assert_eq!((next.kind.as_str(), next.id), ("connection_created", Some(6)));
    assert_eq!(next.data["connection"]["slug"], "after");
    let told = door.ledger.engine.outbox().read(Position::new(5), 1);
    let told = told.expect("the log can be read").remove(0).body;
    assert_eq!(next.data, serde_json::from_slice::<Value>(&told).expect("JSON"), "as on NATS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspaces_feed_has_its_own_events_only() {
    let door = Door::open().await;
    door.create(&json!({ "slug": "home", "provider": "x" })).await;
    let path = "/api/v1/workspaces/other/connections";
    door.post(path, &json!({ "slug": "abroad", "provider": "x" })).await;
    let mut feed = Feed::open(&door, "/api/v1/workspaces/other/events?after=0", None).await;
    let mut seen = Vec::new();
    loop {
        let event = feed.next().await.expect("an event");
        if event.kind == "caught_up" {
            break;
        }
        seen.push(event.id);
    }
    assert_eq!(seen, [Some(2), Some(6)]);
    let nowhere = door.get("/api/v1/workspaces/nowhere/events").await;
    nowhere.expect_problem(404, "workspace_unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_beyond_the_end_of_the_log_is_refused() {
    let door = Door::open().await;
    let refused = door.get("/api/v1/events?after=5").await;
    refused.expect_problem(409, "position_unknown");
    assert_eq!(refused.json()["position"], 4);
    let request = door.ask(Method::GET, "/api/v1/events?after=0").header("last-event-id", "99");
    read(request).await.expect_problem(409, "position_unknown");
    let odd = door.ask(Method::GET, "/api/v1/events").header("last-event-id", "x");
    read(odd).await.expect_problem(400, "header_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_with_the_first_event_or_when_the_time_is_over() {
    let door = Door::open().await;
    let poll = |path: String| door.ask(Method::GET, &path).header("accept", "application/json");
    let page = read(poll("/api/v1/events?after=0".to_owned())).await.json();
    assert_eq!(page["position"], 4);
    assert_eq!(page["events"].as_array().map(Vec::len), Some(4));
    let started = Instant::now();
    let empty = read(poll("/api/v1/events?after=4&wait=1s".to_owned())).await.json();
    let end = door.ledger.engine.end();
    assert_eq!(empty, json!({ "events": [], "position": 4, "resume_after": end }));
    assert!(started.elapsed() >= Duration::from_secs(1));
    let waiting = read(poll("/api/v1/events?after=4&wait=60s".to_owned()));
    let draft = json!({ "provider": "x" });
    let (answer, _) = tokio::join!(waiting, door.create(&draft));
    let page = answer.json();
    assert_eq!(page["position"], 5);
    assert_eq!(page["events"][0]["event"]["type"], "connection_created");
    // Step by step through everything, as a gateway without server-sent events would.
    for number in 0..50 {
        door.create(&json!({ "slug": format!("c-{number}"), "provider": "x" })).await;
    }
    let (mut position, mut seen) = (0, Vec::new());
    while position < 55 {
        let path = format!("/api/v1/events?after={position}&wait=5s");
        let page = read(poll(path)).await.json();
        let events = page["events"].as_array().expect("events").iter();
        seen.extend(events.filter_map(|event| event["position"].as_u64()));
        position = page["position"].as_u64().expect("a position");
    }
    assert_eq!(seen, (1..=55).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_end_with_a_last_word_when_the_server_stops() {
    let door = Door::open().await;
    let mut feed = Feed::open(&door, "/api/v1/events?after=0", None).await;
    while feed.next().await.expect("an event").kind != "caught_up" {}
    let poll =
        door.ask(Method::GET, "/api/v1/events?wait=60s").header("accept", "application/json");
    let (polled, last) = tokio::join!(read(poll), async {
        door.api.stop_feeds();
        feed.next().await
    });
    let last = last.expect("a last word");
    assert_eq!((last.kind.as_str(), last.id), ("closing", Some(4)));
    assert_eq!(last.data["code"], "shutting_down");
    assert!(feed.next().await.is_none());
    polled.expect_problem(503, "shutting_down");
}

/// Takes nothing until nothing more arrives, for longer than the patience of the test below.
async fn sleep_until_full(stream: &TcpStream) {
    let mut room = vec![0; 16 * 1024 * 1024];
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let waiting = stream.peek(&mut room).await.expect("it is open");
        if waiting == before {
            return;
        }
        before = waiting;
    }
}

/// A reader that takes nothing for too long finds, once it reads again, what was on its way and
/// then the end; with what it has it goes on elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_sleeps_too_long_is_cut_off_and_misses_nothing() {
    let feeds = FeedLimits { patience: Duration::from_millis(200), ..FeedLimits::default() };
    let door = Door::with(ApiOptions { feeds, ..ApiOptions::default() }).await;
    let bulk = json!({ "provider": "x", "description": "d".repeat(4_096) });
    for _ in 0..2_000 {
        send(&door.ledger.engine, TestCommand::new("create", &bulk)).await.expect("accepted");
    }
    let mut stream = TcpStream::connect(door.address).await.expect("a connection");
    let request = format!(
        "GET /api/v1/events?after=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        door.key
    );
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    sleep_until_full(&stream).await;
    let mut text = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let cut = loop {
        let count = stream.read(&mut piece).await.expect("it can be read");
        text.extend_from_slice(&piece[..count]);
        let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(4_096)..]).into_owned();
        if tail.contains("event: closing") {
            break tail;
        }
        assert!(count > 0 && !tail.contains("caught_up"), "it was cut off: {tail}");
    };
    assert!(cut.contains("feed_too_slow"), "{cut}");
    let text = String::from_utf8_lossy(&text);
    let ids: Vec<u64> =
        text.lines().filter_map(|line| line.strip_prefix("id: ")).map(position).collect();
    let (last, events) = ids.split_last().expect("some arrived");
    assert_eq!(events.last(), Some(last), "the last word says where to go on");
    assert_eq!(events, (1..=*last).collect::<Vec<_>>());
    assert!(*last < 2_000, "not all of it was on its way");
    assert_eq!(door.get(CONNECTIONS).await.json()["total"], 2_000, "others are not disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_shows_each_reader_only_what_it_may_see() {
    let door = Door::open().await;
    let cast = Cast::of(&door.ledger.engine).await;
    door.create(&json!({ "slug": "main", "provider": "x", "secrets": { "k": "v-1" } })).await;
    let path = format!("{CONNECTIONS}/main/reveal-secret");
    let revealed = door.post(&path, &json!({ "reason": "looking" })).await;
    assert_eq!(revealed.status, 200, "{revealed:?}");
    let mut told = 0;
    for actor in &cast.actors {
        for path in ["/api/v1/events?after=0", "/api/v1/workspaces/default/events?after=0"] {
            let request = client().get(door.url(path)).bearer_auth(&actor.key);
            let answer = read(request.header("accept", "application/json")).await;
            if answer.status == 403 {
                continue;
            }
            told += 1;
            let scopes = actor.rights.role.expect("nobody is let in without").scopes();
            let has = |kind: &str| answer.text.contains(&format!("\"type\":\"{kind}\""));
            let (audits, governs) =
                (scopes.contains(&Scope::Audit), scopes.contains(&Scope::Administer));
            let (name, text) = (&actor.name, &answer.text);
            assert!(has("connection_created"), "{name}: {text}");
            assert_eq!(text.contains("\"actor\":"), audits, "{name}: {text}");
            assert_eq!(text.contains("\"command_id\":"), audits, "{name}: {text}");
            assert_eq!(text.contains("\"data\":"), audits, "{name}: {text}");
            assert_eq!(has("secret_revealed"), audits, "{name}: {text}");
            let is_everywhere = actor.rights.reach == Reach::Everywhere;
            let everywhere = is_everywhere && path == "/api/v1/events?after=0";
            assert_eq!(has("principal_created"), governs && everywhere, "{name}: {text}");
            assert_eq!(has("api_key_issued"), governs && everywhere, "{name}: {text}");
        }
    }
    // Six roles, each at home and everywhere; the feed of all is for those everywhere. Those abroad
    // are told nothing of the home workspace.
    assert_eq!(told, 6 * 3);
}
