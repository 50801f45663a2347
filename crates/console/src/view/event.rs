//! Events of the log, in words.

use std::collections::HashMap;

use ledger_contract::queries::HistoryPage;
use ledger_domain::Micros;
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parts::{actor, name, path_of, with_query};
use super::status::{outcome, words};
use super::times::stamped;

/// A stored record as auditors see it.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRecord {
    pub(crate) position: u64,
    pub(crate) stream: String,
    pub(crate) version: u64,
    pub(crate) event_id: String,
    pub(crate) r#type: String,
    pub(crate) workspace: String,
    pub(crate) recorded_at: String,
    pub(crate) actor: String,
    pub(crate) via: String,
    #[serde(default)]
    pub(crate) command_id: Option<String>,
    #[serde(default)]
    pub(crate) correlation_id: Option<String>,
    #[serde(default)]
    pub(crate) causation_id: Option<String>,
    #[serde(default)]
    pub(crate) trace_id: Option<String>,
    #[serde(default)]
    pub(crate) key: Option<String>,
    #[serde(default)]
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) data: Value,
}

impl EventRecord {
    /// Returns the events of a page.
    pub(crate) fn all(page: &HistoryPage) -> Vec<Self> {
        read_all(&page.events)
    }

    /// Returns the id of the connection that the event is about, if it is about one.
    pub(crate) fn connection(&self) -> Option<&str> {
        let (kind, id) = self.stream.split_once('/')?;
        ["connection", "reveals", "consumers"].contains(&kind).then_some(id)
    }

    /// Returns whether the version is one of the connection itself.
    fn is_version(&self) -> bool {
        self.stream.starts_with("connection/")
    }
}

/// Reads what the ledger wrote. What is not of the expected form is a fault of the program: it is
/// logged and left out, so that a page shows the rest.
pub(crate) fn read_all<T: DeserializeOwned>(all: &[Box<RawValue>]) -> Vec<T> {
    let read = all.iter().filter_map(|one| match serde_json::from_str(one.get()) {
        Ok(one) => Some(one),
        Err(error) => {
            tracing::error!(%error, "a page leaves out what it cannot read");
            None
        }
    });
    read.collect()
}

/// Names of connections by id, for events of many.
pub(crate) type Names = HashMap<String, String>;

/// How events are shown as a timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline<'a> {
    /// The connections that are named, if events are of several.
    pub(crate) names: Option<&'a Names>,
    pub(crate) now: Micros,
    /// Whether the reader may have proofs about the log.
    pub(crate) proves: bool,
}

impl Timeline<'_> {
    /// Returns the timeline.
    pub(crate) fn render(self, events: &[EventRecord]) -> Markup {
        html! {
            ol.timeline {
                @for event in events { li id={ "e" (event.position) } { (entry(event, self)) } }
            }
        }
    }
}

fn entry(event: &EventRecord, timeline: Timeline<'_>) -> Markup {
    let Timeline { names, now, proves } = timeline;
    let about = event.connection().filter(|_| names.is_some());
    html! {
        div.what {
            strong { (title(&event.r#type)) }
            @if event.is_version() { " " span.soft { "v" (event.version) } }
            @if let Some(id) = about {
                " " a href=(path_of(&event.workspace, id)) {
                    (name(names.and_then(|names| names.get(id)).map_or(id, String::as_str)))
                }
            }
            @if let Some(word) = event.data.get("outcome").and_then(Value::as_str) {
                " " (outcome(word))
            }
        }
        div.who {
            (stamped(&event.recorded_at, now)) " by "
            a href=(with_query("/history", &[("actor", &event.actor)])) { (actor(&event.actor)) }
            " over " (event.via)
            @if let Some(address) = &event.address { " from " span.nowrap { (address) } }
        }
        @if let Some(reason) = event.data.get("reason").and_then(Value::as_str) {
            div.reason { (name(reason)) }
        }
        @let changed = changed(&event.data);
        @if !changed.is_empty() { div.changed { (name(&changed)) } }
        (details(event, proves))
    }
}

fn details(event: &EventRecord, proves: bool) -> Markup {
    let of = |name: &str, id: &str| {
        with_query("/history", &[("workspace", &event.workspace), (name, id)])
    };
    html! {
        details {
            summary { "Details" }
            dl.facts {
                div {
                    dt { "Position" }
                    dd {
                        (event.position)
                        @if proves {
                            " " a href=(with_query("/proof", &[("position", &event.position.to_string())])) {
                                "Proof" span.hidden { " of event " (event.position) }
                            }
                        }
                    }
                }
                div { dt { "Event" } dd { code { (event.event_id) } } }
                @if let Some(key) = &event.key { div { dt { "Credential" } dd { code { (key) } } } }
                @if let Some(id) = &event.command_id {
                    div { dt { "Command" } dd { a href=(of("command_id", id)) { code { (name(id)) } } } }
                }
                @if let Some(id) = &event.correlation_id {
                    div {
                        dt { "Correlation" }
                        dd { a href=(of("correlation_id", id)) { code { (name(id)) } } }
                    }
                }
                @if let Some(id) = &event.causation_id {
                    div {
                        dt { "Caused by" }
                        dd { a href=(of("command_id", id)) { code { (name(id)) } } }
                    }
                }
                @if let Some(id) = &event.trace_id { div { dt { "Trace" } dd { code { (id) } } } }
            }
            pre tabindex="0" { (serde_json::to_string_pretty(&event.data).unwrap_or_default()) }
        }
    }
}

/// Says which parts of a connection an event is about.
fn changed(data: &Value) -> String {
    let Some(fields) = data.as_object() else { return String::new() };
    let shown = fields.iter().filter(|(name, _)| !["reason", "outcome"].contains(&name.as_str()));
    let parts = shown.filter_map(|(name, value)| match value {
        Value::Object(members) if members.is_empty() => None,
        Value::Object(members) if name == "generations" => {
            let all = members.iter().map(|(field, number)| format!("{field} v{number}"));
            Some(all.collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let names = members.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Some(format!("{}: {names}", plain(name)))
        }
        Value::Array(items) if items.is_empty() => None,
        Value::Array(_) | Value::Null | Value::Bool(true) => Some(plain(name)),
        Value::String(text) => Some(format!("{}: {text}", plain(name))),
        Value::Bool(false) => None,
        Value::Number(number) => Some(format!("{}: {number}", plain(name))),
    });
    parts.take(12).collect::<Vec<_>>().join(" \u{b7} ")
}

fn plain(name: &str) -> String {
    name.replace('_', " ")
}

/// Returns what an event of a type is called.
pub(crate) fn title(kind: &str) -> String {
    let title = match kind {
        "api_key_handed_over" => "API key handed over",
        "api_key_issued" => "API key issued",
        "api_key_revoked" => "API key revoked",
        "connection_authorized" => "Connected by a person",
        "connection_created" => "Created",
        "connection_updated" => "Changed",
        "connection_reverted" => "Reverted to an earlier version",
        "connection_tested" => "Tested",
        "connection_enabled" => "Enabled",
        "connection_disabled" => "Disabled",
        "connection_archived" => "Archived",
        "connection_restored" => "Restored",
        "connection_erased" => "Erased",
        "marked_operational" => "Reported operational",
        "marked_degraded" => "Reported degraded",
        "marked_failed" => "Reported failed",
        "secret_rotated" => "Secret rotated",
        "secret_revealed" => "Secret revealed",
        "secret_confirmed" => "Consumer confirmed",
        "secret_overdue" => "Secret overdue for rotation",
        "former_retired" => "Former secret retired",
        "former_end_set" => "End of the former secret set",
        "workspace_granted" => "Access granted",
        "workspace_revoked" => "Access revoked",
        "data_keys_rewrapped" => "Data keys wrapped anew",
        other => return words(other),
    };
    title.to_owned()
}

#[cfg(test)]
mod tests {
    use ledger_contract::schemas::event_types;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_has_a_title_of_words() {
        for kind in event_types() {
            let title = title(kind);
            assert!(!title.contains('_') && title.starts_with(char::is_uppercase), "{title}");
        }
    }

    #[test]
    fn what_changed_is_told_by_its_names() {
        let data = json!({
            "secrets": { "api_key": { "hint": {} } }, "labels": {}, "display_name": "Main",
            "description": null, "reason": "because", "force": false, "version": 3,
        });
        let told = changed(&data);
        for part in ["secrets: api_key", "display name: Main", "description", "version: 3"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("because") && !told.contains("labels") && !told.contains("force"));
        assert_eq!(changed(&json!({ "generations": { "api_key": 2 } })), "api_key v2");
    }
}
