//! Server-sent events as text. Their ids are resume points.

use std::sync::OnceLock;

use axum::body::Bytes;
use ledger_contract::ResumePoint;
use ledger_contract::errors::Code;
use ledger_contract::records::StreamId;
use ledger_domain::{Incarnation, WorkspaceName};
use ledger_engine::OutboxItem;
use serde_json::json;

/// One event, serialized once for all feeds.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The workspace it concerns.
    pub(crate) workspace: WorkspaceName,
    /// The kind of its subject.
    pub(crate) about: About,
    /// The stream to which it belongs.
    pub(super) stream: StreamId,
    type_name: &'static str,
    /// Whether it hides settings that earlier events show.
    pub(super) hides: bool,
    /// The whole event, for readers who may see actors and reasons.
    pub(super) whole: Text,
    /// The reduced event for all others, created on first use.
    reduced: OnceLock<Option<Text>>,
}

/// The kind of an event's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A connection or a workspace.
    State,
    /// A reveal of secrets, or what a consumer said of those that it uses.
    Reading,
    /// A principal or a key, or the ledger itself.
    Administration,
}

/// An event as text. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// Where a reader goes on after it.
    pub(crate) point: ResumePoint,
    /// As a server-sent event.
    pub(crate) frame: Bytes,
    /// The notification alone, a part of the frame.
    pub(crate) json: Bytes,
}

/// Ends a server-sent event.
const END: &[u8] = b"\n\n";

impl Text {
    fn new(point: ResumePoint, type_name: &str, json: Vec<u8>) -> Self {
        let head = format!("id: {point}\nevent: {type_name}\ndata: ");
        let start = head.len();
        let mut frame = Vec::with_capacity(start + json.len() + END.len());
        frame.extend_from_slice(head.as_bytes());
        frame.extend(json.into_iter().map(on_one_line));
        let end = frame.len();
        frame.extend_from_slice(END);
        let frame = Bytes::from(frame);
        let json = frame.slice(start..end);
        Self { point, frame, json }
    }
}

impl Notice {
    /// Serializes an event of a history.
    pub(crate) fn of(item: OutboxItem, incarnation: Incarnation) -> Self {
        let about = match item.stream {
            StreamId::Connection(_) | StreamId::Workspace(_) => About::State,
            StreamId::Reveals(_)
            | StreamId::Consumers(_)
            | StreamId::Policies(_)
            | StreamId::Alerts(_)
            | StreamId::Leases(_) => About::Reading,
            StreamId::Principal(_) | StreamId::Handovers(_) | StreamId::Ledger(_) => {
                About::Administration
            }
        };
        let point = ResumePoint::new(item.position, incarnation);
        let whole = Text::new(point, item.type_name, item.body);
        Self {
            workspace: item.workspace,
            about,
            stream: item.stream,
            type_name: item.type_name,
            hides: item.hides,
            whole,
            reduced: OnceLock::new(),
        }
    }

    /// Returns its position in the log.
    pub(super) fn position(&self) -> u64 {
        self.whole.point.position.get()
    }

    /// Returns the event without actor and reason; nothing if it cannot be parsed.
    pub(super) fn reduced(&self) -> Option<&Text> {
        let make = || {
            let json = ledger_contract::reduced(&self.whole.json)?;
            Some(Text::new(self.whole.point, self.type_name, json))
        };
        self.reduced.get_or_init(make).as_ref()
    }
}

/// A line break would end the data. In JSON it can only occur between tokens.
fn on_one_line(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }
}

/// Returns an event that has no position in the log.
pub(crate) fn plain(event: &str, json: &[u8]) -> Bytes {
    let mut frame = format!("event: {event}\ndata: ").into_bytes();
    frame.extend(json.iter().copied().map(on_one_line));
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// Returns the start of a feed: the time after which to reconnect.
pub(super) fn greeting() -> Bytes {
    Bytes::from_static(b"retry: 1000\n\n")
}

/// Returns the mark of the end of the log.
pub(super) fn caught_up(point: ResumePoint) -> Bytes {
    marked("caught_up", point, &json!({ "position": point.position.get() }))
}

/// Returns the closing event of a feed: why it ends, and where to continue.
pub(super) fn closing(code: Code, point: ResumePoint) -> Bytes {
    let position = point.position.get();
    let why = json!({ "code": code.as_str(), "detail": code.summary(), "position": position });
    marked("closing", point, &why)
}

/// Returns a heartbeat, which is a comment.
pub(super) fn heartbeat() -> Bytes {
    Bytes::from_static(b": alive\n\n")
}

/// Returns a heartbeat that advances the reader's last id past events that it may not see.
pub(super) fn heartbeat_at(point: ResumePoint) -> Bytes {
    Bytes::from(format!(": alive\nid: {point}\n\n"))
}

fn marked(event: &str, point: ResumePoint, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("id: {point}\nevent: {event}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use ledger_domain::{ConnectionId, EventId, Position};

    use super::*;

    const HISTORY: Incarnation = Incarnation::from_bytes([1; 16]);

    #[test]
    fn an_event_is_its_resume_point_its_type_and_one_line_of_json() {
        let item = OutboxItem {
            position: Position::new(7),
            workspace: WorkspaceName::parse("w", "default").unwrap(),
            stream: StreamId::Connection(ConnectionId::from_bytes([2; 16])),
            event_id: EventId::from_bytes([3; 16]),
            type_name: "secret_rotated",
            recorded_at: "2026-11-21T01:02:03.000000Z".to_owned(),
            body: b"{\"position\":\n7}".to_vec(),
            hides: false,
            is_archived: false,
            is_urgent: false,
            traceparent: None,
        };
        let notice = Notice::of(item, HISTORY);
        let text = String::from_utf8(notice.whole.frame.to_vec()).unwrap();
        let id = format!("id: 7@{HISTORY}\n");
        assert_eq!(text, id + "event: secret_rotated\ndata: {\"position\": 7}\n\n");
        assert_eq!(notice.whole.json, "{\"position\": 7}");
        assert!(notice.reduced().is_none(), "it is not what an event looks like");
    }

    #[test]
    fn marks_hold_the_point_to_continue_after() {
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let point = ResumePoint::new(Position::new(3), HISTORY);
        let expected = format!("id: {point}\nevent: caught_up\ndata: {{\"position\":3}}\n\n");
        assert_eq!(text(caught_up(point)), expected);
        assert_eq!(text(heartbeat_at(point)), format!(": alive\nid: {point}\n\n"));
        let last = text(closing(Code::ShuttingDown, point));
        assert!(last.starts_with(&format!("id: {point}\nevent: closing\ndata: {{")), "{last}");
        assert!(last.contains("\"code\":\"shutting_down\""), "{last}");
    }
}
