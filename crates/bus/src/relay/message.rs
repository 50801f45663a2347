//! Events as messages on the event stream.

use std::time::Duration;

use async_nats::header::{
    HeaderName, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_TTL,
};
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use ledger_contract::errors::Problem;
use ledger_contract::subjects::{self, Subjects};
use ledger_domain::Position;
use ledger_engine::{Identity, Outbox, OutboxItem};
use tracing::Span;

use super::BATCH_EVENTS_MAX;
use crate::kv;

/// CloudEvents id, which is the event's own.
pub(super) const EVENT_ID: &str = "ce-id";

const POSITION: HeaderName = HeaderName::from_static(subjects::POSITION);
const INCARNATION: HeaderName = HeaderName::from_static(subjects::INCARNATION);
const URGENT: HeaderName = HeaderName::from_static(subjects::URGENT);
const CE_SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const CE_ID: HeaderName = HeaderName::from_static(EVENT_ID);
const CE_SOURCE: HeaderName = HeaderName::from_static("ce-source");
const CE_TYPE: HeaderName = HeaderName::from_static("ce-type");
const CE_TIME: HeaderName = HeaderName::from_static("ce-time");
const KV_OPERATION: HeaderName = HeaderName::from_static(kv::OPERATION);
const TRACEPARENT: HeaderName = HeaderName::from_static(subjects::TRACEPARENT);
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");

/// An event, ready to be sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) position: Position,
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
    /// The span of its publication, which ends when it is dropped.
    pub(super) span: Span,
}

/// What all messages of one history of a ledger share.
#[derive(Clone, Debug)]
pub(super) struct Letterhead {
    subjects: Subjects,
    stream: String,
    source: String,
    incarnation: HeaderValue,
    /// How long the server keeps the last message of an archived connection, in seconds; `None` for
    /// ever. The stream's window is the least: whoever continues within it must find the message.
    archived: Option<HeaderValue>,
}

impl Letterhead {
    pub(super) fn new(identity: Identity, subjects: &Subjects) -> Self {
        Self {
            stream: subjects.stream_name(),
            subjects: subjects.clone(),
            source: format!("/connection-ledger/{}", identity.ledger),
            incarnation: HeaderValue::from(identity.incarnation.to_string()),
            archived: None,
        }
    }

    /// Lets the messages of archived connections leave the stream and the bucket after this time.
    pub(super) fn keeping_archived(&self, time: Option<Duration>) -> Self {
        // The server takes whole seconds.
        let seconds = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let archived = time.map(|time| HeaderValue::from(format!("{}s", seconds(time).max(1))));
        Self { archived, ..self.clone() }
    }

    /// Returns the messages of the next batch after a position, or none at the end of the log.
    pub(super) fn batch(
        &self,
        outbox: &mut Outbox,
        after: Position,
    ) -> Result<Vec<Message>, Problem> {
        let items = outbox.read(after, BATCH_EVENTS_MAX)?;
        Ok(items.into_iter().map(|item| self.message(item)).collect())
    }

    fn message(&self, item: OutboxItem) -> Message {
        let subject = self.subjects.event(&item.workspace, &item.stream);
        let (position, mut headers) = (item.position, self.headers(&item));
        let traceparent = item.traceparent.as_deref();
        let span = ledger_spans::publish(traceparent, item.type_name, position.get());
        // Whoever continues the trace continues after the publication, if that has a span here.
        let own = ledger_spans::traceparent(&span);
        if let Some(traceparent) = own.as_deref().or(traceparent) {
            headers.insert(TRACEPARENT, traceparent);
        }
        Message { position, subject, headers, payload: item.body.into(), span }
    }

    /// Returns the headers: those that JetStream checks and does not store, what tells the place in
    /// which history, and those of CloudEvents in binary mode. The bucket keeps them for every
    /// connection, so nothing is said twice. There is no message id: the server would keep each in
    /// memory, to find out less than the expected sequence number does.
    ///
    /// The stream sequence of each event is its log position. JetStream stores a message only
    /// directly after its predecessor, so each event is stored once and in order, however often it
    /// is sent.
    ///
    /// A connection that is archived counts as deleted in the bucket, where its message is the last
    /// one of its key. One that is restored appears again with its next message.
    fn headers(&self, item: &OutboxItem) -> HeaderMap {
        let position = item.position.get();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_STREAM, self.stream.as_str());
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, position.saturating_sub(1).to_string());
        headers.insert(POSITION, position.to_string());
        headers.insert(INCARNATION, self.incarnation.clone());
        headers.insert(CE_SPECVERSION, "1.0");
        headers.insert(CE_ID, item.event_id.to_string());
        headers.insert(CE_SOURCE, self.source.as_str());
        headers.insert(CE_TYPE, ["connledger.", item.type_name, ".v1"].concat());
        headers.insert(CE_TIME, item.recorded_at.as_str());
        headers.insert(CONTENT_TYPE, "application/json");
        if item.is_urgent {
            headers.insert(URGENT, subjects::COMPROMISED);
        }
        if item.is_archived {
            headers.insert(KV_OPERATION, kv::DELETE);
            if let Some(time) = &self.archived {
                headers.insert(NATS_MESSAGE_TTL, time.clone());
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::StreamId;
    use ledger_domain::{ConnectionId, EventId, Incarnation, LedgerId, Position, WorkspaceName};

    use super::*;

    const LEDGER: LedgerId = LedgerId::from_bytes([1; 16]);
    const INCARNATION: Incarnation = Incarnation::from_bytes([4; 16]);
    const CONNECTION: ConnectionId = ConnectionId::from_bytes([2; 16]);

    fn letterhead() -> Letterhead {
        let identity = Identity { ledger: LEDGER, incarnation: INCARNATION, epoch: 1 };
        Letterhead::new(identity, &Subjects::default())
    }

    fn item(is_archived: bool) -> OutboxItem {
        OutboxItem {
            position: Position::new(7),
            workspace: WorkspaceName::parse("w", "default").unwrap(),
            stream: StreamId::Connection(CONNECTION),
            event_id: EventId::from_bytes([3; 16]),
            type_name: "secret_rotated",
            recorded_at: "2026-11-21T01:02:03.000000Z".to_owned(),
            body: Vec::new(),
            hides: false,
            is_archived,
            is_urgent: false,
            traceparent: None,
        }
    }

    #[test]
    fn headers_identify_the_event_its_position_and_its_history() {
        let message = letterhead().message(item(false));
        for (name, value) in [
            ("Nats-Expected-Stream", "LEDGER_EVENTS".to_owned()),
            ("Nats-Expected-Last-Sequence", "6".to_owned()),
            ("Ledger-Position", "7".to_owned()),
            ("Ledger-Incarnation", INCARNATION.to_string()),
            ("ce-specversion", "1.0".to_owned()),
            ("ce-type", "connledger.secret_rotated.v1".to_owned()),
            ("ce-source", format!("/connection-ledger/{LEDGER}")),
            ("ce-id", EventId::from_bytes([3; 16]).to_string()),
            ("content-type", "application/json".to_owned()),
        ] {
            assert_eq!(message.headers.get(name).unwrap().as_str(), value, "{name}");
        }
        assert_eq!(message.position, Position::new(7));
        assert_eq!(message.subject, format!("ledger.events.default.{CONNECTION}"));
        for absent in ["Nats-Msg-Id", "KV-Operation", "Nats-TTL", "Ledger-Urgent", "traceparent"] {
            assert!(message.headers.get(absent).is_none(), "{absent}");
        }
        let urgent = letterhead().message(OutboxItem { is_urgent: true, ..item(false) });
        assert_eq!(urgent.headers.get("Ledger-Urgent").unwrap().as_str(), "compromised");
    }

    #[test]
    fn an_archived_connection_is_deleted_for_the_bucket_and_kept_as_long_as_the_window() {
        let header = |time: Option<Duration>, name: &str| {
            let message = letterhead().keeping_archived(time).message(item(true));
            message.headers.get(name).map(ToString::to_string)
        };
        let week = Some(Duration::from_hours(168));
        assert_eq!(header(week, "KV-Operation").as_deref(), Some("DEL"));
        assert_eq!(header(week, "Nats-TTL").as_deref(), Some("604800s"));
        let odd = Some(Duration::from_millis(1_001));
        assert_eq!(header(odd, "Nats-TTL").as_deref(), Some("2s"), "no shorter than the window");
        assert_eq!(header(None, "KV-Operation").as_deref(), Some("DEL"));
        assert_eq!(header(None, "Nats-TTL"), None, "without an end of the window there is none");
    }
}
