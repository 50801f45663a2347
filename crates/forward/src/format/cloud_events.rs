//! Events as CloudEvents 1.0 in the JSON format, named as the notifications on NATS are.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::Event;
use crate::format::Source;

#[derive(Serialize)]
pub(super) struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    type_name: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    data: &'a RawValue,
}

pub(super) fn of<'a>(event: &'a Event<'_>, source: &Source) -> CloudEvent<'a> {
    CloudEvent {
        specversion: "1.0",
        id: &event.event_id,
        source: format!("/connection-ledger/{}", source.ledger),
        type_name: &event.type_name,
        subject: &event.stream,
        time: event.time(),
        datacontenttype: "application/json",
        sequence: event.position.to_string(),
        correlationid: event.correlation_id.as_deref(),
        // The whole event, which was read from this text.
        data: serde_json::from_str(event.json).unwrap_or(event.data),
    }
}
