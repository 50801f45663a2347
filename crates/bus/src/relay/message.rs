//! Events as messages on the event stream.

use async_nats::HeaderMap;
use async_nats::header::{
    HeaderName, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use ledger_contract::subjects;
use ledger_domain::LedgerId;
use ledger_engine::OutboxItem;

/// CloudEvents id, which is the event's own.
pub(super) const EVENT_ID: &str = "ce-id";

/// Headers that all messages of a ledger share.
#[derive(Debug)]
pub(super) struct Letterhead {
    stream: String,
    source: String,
}

impl Letterhead {
    pub(super) fn new(ledger: LedgerId, stream: String) -> Self {
        let source = format!("/connection-ledger/{ledger}");
        Self { stream, source }
    }

    /// Returns the headers: those that JetStream checks, those by which gateways filter, and those
    /// of CloudEvents in binary mode.
    ///
    /// The stream sequence of each event is its log position. JetStream stores a message only
    /// directly after its predecessor, so each event is stored once and in order, however often it
    /// is sent.
    pub(super) fn headers(&self, item: &OutboxItem) -> HeaderMap {
        let position = item.position.get();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, item.event_id.to_string());
        headers.insert(NATS_EXPECTED_STREAM, self.stream.as_str());
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, position.saturating_sub(1).to_string());
        let mut add = |name: &'static str, value: String| {
            headers.insert(HeaderName::from_static(name), value);
        };
        add(subjects::POSITION, position.to_string());
        add(subjects::EVENT_TYPE, item.type_name.to_owned());
        add("ce-specversion", "1.0".to_owned());
        add(EVENT_ID, item.event_id.to_string());
        add("ce-source", self.source.clone());
        add("ce-type", format!("connledger.{}.v1", item.type_name));
        add("ce-time", item.recorded_at.clone());
        add("ce-subject", item.stream.to_string());
        add("content-type", "application/json".to_owned());
        headers
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::StreamId;
    use ledger_domain::{ConnectionId, EventId, Position, WorkspaceName};

    use super::*;

    #[test]
    fn headers_identify_the_event_and_its_position() {
        let ledger = LedgerId::from_bytes([1; 16]);
        let letterhead = Letterhead::new(ledger, "LEDGER_EVENTS".to_owned());
        let connection = ConnectionId::from_bytes([2; 16]);
        let headers = letterhead.headers(&OutboxItem {
            position: Position::new(7),
            workspace: WorkspaceName::parse("w", "default").unwrap(),
            stream: StreamId::Connection(connection),
            event_id: EventId::from_bytes([3; 16]),
            type_name: "secret_rotated",
            recorded_at: "2026-11-21T01:02:03.000000Z".to_owned(),
            body: Vec::new(),
        });
        for (name, value) in [
            ("Nats-Msg-Id", EventId::from_bytes([3; 16]).to_string()),
            ("Nats-Expected-Stream", "LEDGER_EVENTS".to_owned()),
            ("Nats-Expected-Last-Sequence", "6".to_owned()),
            ("Ledger-Position", "7".to_owned()),
            ("Ledger-Event-Type", "secret_rotated".to_owned()),
            ("ce-specversion", "1.0".to_owned()),
            ("ce-type", "connledger.secret_rotated.v1".to_owned()),
            ("ce-source", format!("/connection-ledger/{ledger}")),
            ("ce-subject", format!("connection/{connection}")),
            ("content-type", "application/json".to_owned()),
        ] {
            assert_eq!(headers.get(name).unwrap().as_str(), value, "{name}");
        }
    }
}
