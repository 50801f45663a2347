//! Events in the Open Cybersecurity Schema Framework, version 1.3: the class Entity Management
//! (3004) for principals, keys and tokens, and API Activity (6003) for all others.

use ledger_contract::time;
use serde_json::{Map, Value, json};

use crate::event::Event;
use crate::format::Source;

const API_ACTIVITY: u64 = 6_003;
const ENTITY_MANAGEMENT: u64 = 3_004;
/// Activities that both classes have: their numbers and names.
const CREATE: (u64, &str) = (1, "Create");
const READ: (u64, &str) = (2, "Read");
const UPDATE: (u64, &str) = (3, "Update");
const DELETE: (u64, &str) = (4, "Delete");
/// Types of events that are not of the activity Update.
const CREATES: [&str; 6] = [
    "alert_created",
    "api_key_issued",
    "connection_created",
    "dependent_linked",
    "principal_created",
    "workspace_created",
];
const READS: [&str; 6] = [
    "api_key_handed_over",
    "handover_used",
    "leased_secrets_read",
    "secret_handed_over",
    "secret_revealed",
    "secrets_leased",
];
const DELETES: [&str; 12] = [
    "alert_removed",
    "api_key_revoked",
    "connection_erased",
    "consumer_removed",
    "dependent_unlinked",
    "former_retired",
    "handover_ended",
    "master_key_retired",
    "secret_leases_ended",
    "secret_policy_removed",
    "workspace_leases_ended",
    "workspace_revoked",
];
/// Severities.
const INFORMATIONAL: u64 = 1;
const MEDIUM: u64 = 3;
/// Types of events that are looked at first: they show a secret or a key, send secrets elsewhere,
/// or take away what does not come back.
const MATTERS: [&str; 9] = [
    "api_key_handed_over",
    "connection_erased",
    "destination_changed",
    "destination_reverted",
    "handover_used",
    "ledger_sealed",
    "secret_handed_over",
    "secret_revealed",
    "secrets_leased",
];

/// Returns the activity of a type of event.
fn activity(type_name: &str) -> (u64, &'static str) {
    match type_name {
        name if CREATES.contains(&name) => CREATE,
        name if READS.contains(&name) => READ,
        name if DELETES.contains(&name) => DELETE,
        _ => UPDATE,
    }
}

/// Returns how much an event matters.
fn severity(type_name: &str) -> u64 {
    if MATTERS.contains(&type_name) { MEDIUM } else { INFORMATIONAL }
}

pub(super) fn of(event: &Event<'_>, source: &Source) -> Value {
    let (kind, name) = event.subject();
    let is_about_people = kind == "principal";
    let class = if is_about_people { ENTITY_MANAGEMENT } else { API_ACTIVITY };
    let (activity_id, activity_name) = activity(&event.type_name);
    let severity_id = severity(&event.type_name);
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    put("class_uid", json!(class));
    put("class_name", json!(if is_about_people { "Entity Management" } else { "API Activity" }));
    put("category_uid", json!(class / 1_000));
    let category =
        if is_about_people { "Identity & Access Management" } else { "Application Activity" };
    put("category_name", json!(category));
    put("activity_id", json!(activity_id));
    put("activity_name", json!(activity_name));
    put("type_uid", json!(class * 100 + activity_id));
    put("severity_id", json!(severity_id));
    put("severity", json!(if severity_id == MEDIUM { "Medium" } else { "Informational" }));
    put("status_id", json!(1));
    put("status", json!("Success"));
    put("time", json!(milliseconds(event.time())));
    put("message", json!(message(event)));
    put("metadata", metadata(event, source));
    put("actor", actor(event));
    let address = event.address.as_deref();
    let endpoint = address.map_or(json!({ "name": event.via }), |ip| json!({ "ip": ip }));
    if is_about_people {
        put("entity", json!({ "name": name, "type": "principal", "uid": name }));
        put("src_endpoint", endpoint);
    } else {
        put(
            "api",
            json!({
                "operation": event.type_name,
                "request": { "uid": event.command_id },
                "service": { "name": "connledger" },
            }),
        );
        put("src_endpoint", endpoint);
        put("resources", json!([{ "uid": name, "type": kind, "namespace": event.workspace }]));
    }
    put(
        "unmapped",
        json!({
            "workspace": event.workspace, "stream": event.stream, "version": event.version,
            "via": event.via, "causation_id": event.causation_id, "data": event.data,
        }),
    );
    Value::Object(shown)
}

fn message(event: &Event<'_>) -> String {
    match event.reason() {
        Some(reason) => format!("{} by {}: {reason}", event.type_name, event.actor),
        None => format!("{} by {}", event.type_name, event.actor),
    }
}

fn metadata(event: &Event<'_>, source: &Source) -> Value {
    json!({
        "version": "1.3.0",
        "product": {
            "name": "Connection Ledger",
            "vendor_name": "Connection Ledger",
            "version": source.version,
            "uid": source.ledger,
        },
        "uid": event.event_id,
        "sequence": event.position,
        "correlation_uid": event.correlation_id,
    })
}

fn actor(event: &Event<'_>) -> Value {
    let (kind, name) = event.actor.split_once(':').unwrap_or(("system", &event.actor));
    let type_id = match kind {
        "user" => 1,
        "system" => 3,
        _ => 99,
    };
    let mut user = json!({ "name": name, "uid": event.actor, "type": kind, "type_id": type_id });
    if let (Some(key), Some(user)) = (&event.key, user.as_object_mut()) {
        user.insert("credential_uid".to_owned(), json!(key));
    }
    json!({ "user": user })
}

/// Returns a time in milliseconds since 1970.
fn milliseconds(text: &str) -> i64 {
    time::parse("time", text).map_or(0, |time| time.get().div_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_that_is_named_is_one_of_an_event() {
        let known: BTreeSet<&str> = ledger_contract::schemas::event_types().collect();
        for name in CREATES.iter().chain(&READS).chain(&DELETES).chain(&MATTERS) {
            assert!(known.contains(name), "{name}");
        }
    }
}
