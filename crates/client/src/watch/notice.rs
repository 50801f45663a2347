//! Notifications as received over NATS.

use std::fmt;

use async_nats::{HeaderValue, Message, Subject};
use bytes::Bytes;
use ledger_contract::ResumePoint;
use ledger_contract::reply::Notification;
use ledger_domain::{EventId, Incarnation, Position};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Header with the id of the event.
const EVENT_ID: &str = "ce-id";

/// A notification: an event, and the state of the connection directly after it. A state that was
/// read from the ledger itself has `null` in place of the event.
#[derive(Clone)]
pub struct Notice {
    /// The event's log position.
    pub position: u64,
    /// The history in which it has that position; unknown in messages of earlier programs.
    pub incarnation: Option<Incarnation>,
    subject: Subject,
    payload: Bytes,
    event_id: Option<EventId>,
    about_connection: bool,
    is_active: bool,
    state_omitted: bool,
}

#[derive(Deserialize)]
struct MessageHead<'a> {
    position: u64,
    #[serde(default)]
    incarnation: &'a str,
    #[serde(borrow)]
    connection: Option<StateHead<'a>>,
    #[serde(default)]
    state_omitted: bool,
}

#[derive(Deserialize)]
struct StateHead<'a> {
    #[serde(default)]
    lifecycle: &'a str,
}

/// The parts of a listed connection that stand in the head of a notification.
#[derive(Deserialize)]
struct ViewHead<'a> {
    id: &'a str,
    workspace: &'a str,
    position: u64,
}

impl Notice {
    /// Parses the head of a message. Returns `None` if it is not a notification.
    pub(super) fn read(message: Message) -> Option<Self> {
        let head: MessageHead<'_> = serde_json::from_slice(&message.payload).ok()?;
        let incarnation = match head.incarnation {
            "" => None,
            text => Some(text.parse().ok()?),
        };
        let headers = message.headers.as_ref();
        let event_id = headers.and_then(|headers| headers.get(EVENT_ID)).map(HeaderValue::as_str);
        Some(Self {
            position: head.position,
            incarnation,
            about_connection: head.connection.is_some() || head.state_omitted,
            is_active: match &head.connection {
                Some(state) => state.lifecycle == "active",
                None => head.state_omitted,
            },
            state_omitted: head.state_omitted,
            event_id: event_id.and_then(|text| text.parse().ok()),
            subject: message.subject,
            payload: message.payload,
        })
    }

    /// Makes one of a connection that the ledger listed. Returns `None` if it cannot be read.
    pub(crate) fn of_listed(view: &RawValue, incarnation: Incarnation) -> Option<Self> {
        let ViewHead { id, workspace, position } = serde_json::from_str(view.get()).ok()?;
        let payload = format!(
            "{{\"position\":{position},\"incarnation\":\"{incarnation}\",\"event\":null,\
             \"connection\":{view}}}"
        );
        Some(Self {
            position,
            incarnation: Some(incarnation),
            subject: format!("{workspace}.{id}").into(),
            payload: payload.into(),
            event_id: None,
            about_connection: true,
            is_active: true,
            state_omitted: false,
        })
    }

    /// Returns workspace and id of the connection, the same for every notification about it.
    pub(super) fn key(&self) -> &str {
        let subject = self.subject.as_str();
        let before = subject.rmatch_indices('.').nth(1);
        before.and_then(|(dot, _)| subject.get(dot + 1..)).unwrap_or(subject)
    }

    /// Returns the id of the event, if the message has it.
    pub(super) fn event_id(&self) -> Option<EventId> {
        self.event_id
    }

    /// Returns whether the connection is known not to be archived, or its state is not known.
    pub(super) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Returns whether it belongs to a history, as far as both are known.
    pub(super) fn is_of(&self, history: Option<Incarnation>) -> bool {
        is_same(self.incarnation, history)
    }

    /// Returns what to continue after once this is processed.
    pub fn resume_point(&self) -> ResumePoint {
        ResumePoint { position: Position::new(self.position), incarnation: self.incarnation }
    }

    /// Returns the notification as it was published.
    pub fn json(&self) -> &[u8] {
        &self.payload
    }

    /// Returns whether the event is about a connection, as opposed to a workspace itself.
    pub fn about_connection(&self) -> bool {
        self.about_connection
    }

    /// Returns whether the state is too large to be published, or has passed since; ask for the
    /// present one with `get`.
    pub fn state_omitted(&self) -> bool {
        self.state_omitted
    }

    /// Parses the whole notification.
    pub fn notification(&self) -> Result<Notification<'_>, serde_json::Error> {
        serde_json::from_slice(&self.payload)
    }
}

/// Returns whether two histories are the same, as far as both are known.
pub(crate) fn is_same(one: Option<Incarnation>, other: Option<Incarnation>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice").field("position", &self.position).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    const OWN: Incarnation = Incarnation::from_bytes([1; 16]);
    const OTHER: Incarnation = Incarnation::from_bytes([2; 16]);

    fn message(subject: &'static str, payload: String) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert(EVENT_ID, EventId::from_bytes([3; 16]).to_string());
        Message {
            subject: subject.into(),
            reply: None,
            payload: payload.into(),
            headers: Some(headers),
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_notice_says_which_event_of_which_history_it_is() {
        let body = format!(r#"{{"position":7,"incarnation":"{OWN}","event":{{}}}}"#);
        let notice = Notice::read(message("ledger.events.default.018f", body)).unwrap();
        assert_eq!(notice.resume_point().to_string(), format!("7@{OWN}"));
        assert_eq!(notice.event_id(), Some(EventId::from_bytes([3; 16])));
        assert_eq!(notice.key(), "default.018f");
        assert!(notice.is_of(Some(OWN)) && notice.is_of(None) && !notice.is_of(Some(OTHER)));
        assert!(!notice.about_connection());
    }

    #[test]
    fn a_notice_of_an_earlier_program_names_no_history() {
        let body = r#"{"position":7,"event":{},"connection":{}}"#.to_owned();
        let notice = Notice::read(message("$KV.ledger-connections.default.018f", body)).unwrap();
        assert_eq!((notice.incarnation, notice.key()), (None, "default.018f"));
        assert!(notice.is_of(Some(OWN)) && notice.about_connection());
        let broken = r#"{"position":7,"incarnation":"x","event":{}}"#.to_owned();
        assert!(Notice::read(message("ledger.events.default.018f", broken)).is_none());
    }

    #[test]
    fn a_listed_connection_is_a_notice_without_an_event() {
        let view = r#"{"id":"018f","workspace":"default","position":7}"#.to_owned();
        let view = RawValue::from_string(view).unwrap();
        let notice = Notice::of_listed(&view, OWN).unwrap();
        assert_eq!((notice.position, notice.key()), (7, "default.018f"));
        let json: serde_json::Value = serde_json::from_slice(notice.json()).unwrap();
        assert_eq!(json["incarnation"], OWN.to_string());
        assert_eq!((&json["event"], &json["connection"]["id"]), (&json["none"], &"018f".into()));
    }
}
