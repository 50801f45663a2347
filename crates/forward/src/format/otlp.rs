//! Events as log records of OpenTelemetry, in the JSON form of OTLP 1.3.

use ledger_contract::time;
use serde_json::{Value, json};

use crate::event::Event;
use crate::format::Source;

/// The number of the severity INFO.
const INFO: u64 = 9;

/// Returns the request with all events.
pub(super) fn of(events: &[Event<'_>], source: &Source) -> Value {
    let resource = [
        ("service.name", Some("connledger")),
        ("service.version", Some(source.version)),
        ("service.instance.id", Some(source.ledger.as_str())),
    ];
    let records: Vec<_> = events.iter().map(record).collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeLogs": [{ "scope": { "name": "connledger.events" }, "logRecords": records }],
    }] })
}

fn record(event: &Event<'_>) -> Value {
    let position = event.position.to_string();
    let about = [
        ("event.name", Some(&*event.type_name)),
        ("ledger.event.id", Some(&*event.event_id)),
        ("ledger.position", Some(position.as_str())),
        ("ledger.workspace", Some(&*event.workspace)),
        ("ledger.stream", Some(&*event.stream)),
        ("ledger.via", Some(&*event.via)),
        ("ledger.command.id", Some(&*event.command_id)),
        ("ledger.correlation.id", event.correlation_id.as_deref()),
        ("ledger.causation.id", event.causation_id.as_deref()),
        ("enduser.id", Some(&*event.actor)),
        ("client.address", event.address.as_deref()),
    ];
    let nanos = time::parse("time", event.time()).map_or(0, |time| time.get().max(0));
    json!({
        // Numbers of 64 bits are texts in this form.
        "timeUnixNano": format!("{nanos}000"),
        "severityNumber": INFO,
        "severityText": "INFO",
        "body": { "stringValue": event.json },
        "attributes": attributes(&about),
    })
}

fn attributes(all: &[(&str, Option<&str>)]) -> Vec<Value> {
    let given = all.iter().filter_map(|(key, value)| Some((key, (*value)?)));
    given.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } })).collect()
}
