//! Reading a feed of server-sent events.

use ledger_contract::ResumePoint;
use reqwest::{Method, Response};
use serde_json::Value;

use super::door::Door;

/// One event of a feed.
#[derive(Debug)]
pub(crate) struct Event {
    /// The position in its id.
    pub(crate) id: Option<u64>,
    /// Its whole id.
    pub(crate) point: Option<ResumePoint>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// Reads whole events out of text.
pub(crate) fn events_in(text: &str) -> Vec<Event> {
    text.split("\n\n").filter_map(event).collect()
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    let point = field("id: ").map(point);
    Some(Event {
        id: point.map(|point| point.position.get()),
        point,
        kind: field("event: ").unwrap_or_default().to_owned(),
        data: serde_json::from_str(data).expect("data is JSON"),
    })
}

/// Returns the position in an id, which names the history as well.
pub(crate) fn position(id: &str) -> u64 {
    point(id).position.get()
}

fn point(id: &str) -> ResumePoint {
    let point = ResumePoint::parse("id", id).expect("ids are resume points");
    assert!(point.incarnation.is_some(), "{id} names no history");
    point
}

/// An open feed.
#[derive(Debug)]
pub(crate) struct Feed {
    response: Response,
    unread: String,
}

impl Feed {
    /// Opens a feed after the last id that arrived, when there is one.
    pub(crate) async fn open(door: &Door, path: &str, last: Option<ResumePoint>) -> Self {
        Self::open_as(door, &door.key, path, last).await
    }

    /// The same with another credential.
    pub(crate) async fn open_as(
        door: &Door,
        credential: &str,
        path: &str,
        last: Option<ResumePoint>,
    ) -> Self {
        let request = door.ask_as(credential, Method::GET, path);
        let mut request = request.header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200, "{response:?}");
        Self::of(response)
    }

    /// Reads a feed that was opened.
    pub(crate) fn of(response: Response) -> Self {
        Self { response, unread: String::new() }
    }

    /// Returns the next event; nothing when the feed has ended or was cut off.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let found = event(block);
                self.unread = rest.to_owned();
                if found.is_some() {
                    return found;
                }
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&chunk).expect("events are ASCII here"));
        }
    }
}
