//! Connections in the format of ElevenLabs.

use ledger_contract::time;
use ledger_domain::connection::{Dependent, DependentKey, HealthState};
use ledger_domain::{CheckedText, Connection};
use ledger_providers::Provider;
use serde_json::{Map, Value, json};

use super::types::{self, AuthType, BEARER, Is};
use super::{maps, read};
use crate::settings;

/// The prefix of ids.
pub(super) const ID: &str = "ac-";

/// Returns a connection in the format of ElevenLabs.
pub(super) fn connection(connection: &Connection, provider: Option<&Provider>) -> Value {
    let (kind, mut shown) = kind_of(connection, provider);
    let details = &connection.details;
    let name = details.display_name.as_ref().map_or(connection.slug.as_str(), |name| name.as_str());
    let health = &connection.health;
    let known = health.state != HealthState::Unknown;
    let common = [
        ("auth_type", kind.word.into()),
        ("id", format!("{ID}{}", connection.id.uuid().simple()).into()),
        ("name", name.into()),
        ("provider", details.provider.as_str().into()),
        ("status", status(connection).into()),
        ("status_detail", health.reason.as_ref().map(ledger_domain::Prose::as_str).into()),
        ("status_updated_at", known.then(|| time::format(health.since)).into()),
        ("used_by", used_by(connection)),
    ];
    shown.extend(common.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(shown)
}

/// Returns the kind that a connection is shown as, with its fields. Clients fail on a kind without
/// all of its required fields.
pub(super) fn kind_of(
    connection: &Connection,
    provider: Option<&Provider>,
) -> (&'static AuthType, Map<String, Value>) {
    let kind = types::by_method(connection.details.auth_method);
    let its = connection.details.provider.as_str();
    let provider_fits = kind.provider.is_none_or(|only| only == its);
    match fields(connection, provider, kind).filter(|_| provider_fits) {
        Some(fields) => (kind, fields),
        None => (&BEARER, Map::new()),
    }
}

fn fields(
    connection: &Connection,
    provider: Option<&Provider>,
    kind: &AuthType,
) -> Option<Map<String, Value>> {
    let mut shown = Map::new();
    for field in kind.fields.iter().filter(|field| !field.is_secret()) {
        let stored = settings::config(connection, provider, field.name);
        let stored = stored.and_then(|(_, value)| serde_json::from_str(value.text()).ok());
        let stored = stored.filter(|value| read::fits(field, value));
        match stored.or_else(|| read::default(field.form)) {
            Some(Value::Object(mut map)) => {
                maps::show_secrets(connection, field.name, &mut map);
                shown.insert(field.name.to_owned(), map.into());
            }
            Some(value) => {
                shown.insert(field.name.to_owned(), value);
            }
            None if field.is == Is::Optional => {
                shown.insert(field.name.to_owned(), Value::Null);
            }
            None => return None,
        }
    }
    Some(shown)
}

fn status(connection: &Connection) -> &'static str {
    match connection.health.state {
        _ if !connection.enabled => "revoked",
        HealthState::Operational | HealthState::Unknown => "active",
        HealthState::Degraded => "refresh_failed",
        HealthState::Failed => "credential_invalid",
    }
}

/// Returns the dependents of a connection, as far as the product knows their kind.
fn used_by(connection: &Connection) -> Value {
    let of_kind = |kind: &str, show: fn(&DependentKey, &Dependent) -> Value| -> Vec<Value> {
        let found = connection.dependents.iter().filter(|(key, _)| key.kind.as_str() == kind);
        found.map(|(key, dependent)| show(key, dependent)).collect()
    };
    json!({
        "tools": of_kind("tool", resource),
        "mcp_servers": of_kind("mcp_server", resource),
        "integration_connections": of_kind("integration_connection", |key, dependent| {
            let name = dependent.name.as_ref().map_or(key.id.as_str(), |name| name.as_str());
            json!({ "id": key.id.as_str(), "name": name })
        }),
    })
}

/// Returns a tool or server with all fields of the product if they are known, else only its id.
fn resource(key: &DependentKey, dependent: &Dependent) -> Value {
    let attribute = |name: &str| -> Option<Value> {
        serde_json::from_str(dependent.attributes.get(name)?.text()).ok()
    };
    let level = attribute("access_level").filter(Value::is_string);
    let made = attribute("created_at_unix_secs").filter(Value::is_i64);
    match (&dependent.name, level, made) {
        (Some(name), Some(level), Some(made)) => json!({
            "type": "available",
            "id": key.id.as_str(),
            "name": name.as_str(),
            "created_at_unix_secs": made,
            "access_level": level,
        }),
        _ => json!({ "type": "unknown", "id": key.id.as_str() }),
    }
}
