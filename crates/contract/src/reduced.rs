//! Notifications for readers who may see the state of connections, but not who did what.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A notification with unparsed parts.
#[derive(Serialize, Deserialize)]
struct Parts<'a> {
    position: u64,
    incarnation: &'a str,
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    connection: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    state_omitted: bool,
}

/// The fields of a record that are visible in the state itself. They leave out the actor, the way
/// the command came in, message ids, and the data, which may contain reasons.
#[derive(Serialize, Deserialize)]
struct EventHead<'a> {
    position: u64,
    stream: &'a str,
    version: u64,
    r#type: &'a str,
    schema: u32,
    workspace: &'a str,
    recorded_at: &'a str,
}

/// Returns the JSON of a [`crate::reply::Notification`] with its event reduced to type, schema,
/// position, stream, version, workspace and time. The state of the connection stays, and so does
/// the history.
///
/// Returns `None` if the notification cannot be parsed.
pub fn reduced(notification: &[u8]) -> Option<Vec<u8>> {
    let parts: Parts<'_> = serde_json::from_slice(notification).ok()?;
    let event: EventHead<'_> = serde_json::from_str(parts.event.get()).ok()?;
    let event = serde_json::value::to_raw_value(&event).ok()?;
    let reduced = Parts { event: &event, ..parts };
    // The result is shorter than the input.
    let mut json = Vec::with_capacity(notification.len());
    serde_json::to_writer(&mut json, &reduced).ok()?;
    Some(json)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_reduced_event_names_no_actor_and_no_reason() {
        let whole = json!({
            "position": 7,
            "incarnation": "018e",
            "event": {
                "position": 7, "stream": "connection/018f", "version": 2, "event_id": "018f",
                "type": "connection_disabled", "schema": 1, "workspace": "default",
                "recorded_at": "2026-11-21T01:02:03.000000Z", "actor": "key:canary",
                "via": "http", "command_id": "canary", "correlation_id": "canary",
                "causation_id": "canary", "trace_id": "canary", "data": {"reason": "canary"},
            },
            "connection": {"slug": "main", "version": 2},
        });
        let reduced = reduced(whole.to_string().as_bytes()).unwrap();
        let text = String::from_utf8(reduced).unwrap();
        assert!(!text.contains("canary"), "{text}");
        let expected = json!({
            "position": 7,
            "incarnation": "018e",
            "event": {
                "position": 7, "stream": "connection/018f", "version": 2,
                "type": "connection_disabled", "schema": 1, "workspace": "default",
                "recorded_at": "2026-11-21T01:02:03.000000Z",
            },
            "connection": {"slug": "main", "version": 2},
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn a_state_that_was_left_out_is_still_told_of() {
        let whole = json!({
            "position": 7,
            "incarnation": "018e",
            "event": {
                "position": 7, "stream": "connection/018f", "version": 2,
                "type": "connection_disabled", "schema": 1, "workspace": "default",
                "recorded_at": "2026-11-21T01:02:03.000000Z", "data": {},
            },
            "state_omitted": true,
        });
        let reduced = reduced(whole.to_string().as_bytes()).unwrap();
        let reduced: Value = serde_json::from_slice(&reduced).unwrap();
        assert_eq!(reduced["state_omitted"], true);
    }

    #[test]
    fn an_unreadable_notification_is_not_reduced() {
        for text in ["", "{}", r#"{"position":1,"event":null}"#, r#"{"position":1,"event":{}}"#] {
            assert_eq!(reduced(text.as_bytes()), None, "{text}");
        }
    }
}
