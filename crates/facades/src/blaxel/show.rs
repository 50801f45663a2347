//! Connections in Blaxel's format.

use ledger_contract::time;
use ledger_domain::connection::Environment;
use ledger_domain::{CheckedText, Connection, Json};
use serde_json::Value;

use super::shapes::{ConnectionOut, MetadataOut, SpecOut};
use crate::handles;
use crate::masks::STARS;

/// The annotation that stores Blaxel's `externalId`.
pub(super) const EXTERNAL_ID: &str = "blaxel.externalId";

/// Longest name, in characters.
pub(super) const NAME_CHARS: usize = 49;

/// Returns whether a slug is a valid name at Blaxel.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_CHARS).contains(&text.len()) && text.bytes().all(allowed)
}

/// Returns the name of a connection.
pub(super) fn name(connection: &Connection) -> String {
    handles::handle(connection, is_name)
}

/// Returns a setting as text. Blaxel's settings are all text, so other values are shown as JSON.
pub(super) fn text(value: &Json) -> String {
    match serde_json::from_str(value.text()) {
        Ok(Value::String(text)) => text,
        _ => value.text().to_owned(),
    }
}

/// Returns a connection in Blaxel's format.
pub(super) fn connection(connection: &Connection) -> ConnectionOut {
    let details = &connection.details;
    let labels = details.labels.iter();
    let config = details.config.iter();
    ConnectionOut {
        metadata: MetadataOut {
            name: name(connection),
            display_name: details.display_name.as_ref().map(|name| name.as_str().to_owned()),
            labels: labels.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
            external_id: details.annotations.get(EXTERNAL_ID).map(text),
            workspace: connection.workspace.to_string(),
            created_at: time::format(connection.created_at),
            created_by: connection.created_by.as_str().to_owned(),
            updated_at: time::format(connection.updated_at),
            updated_by: connection.updated_by.as_str().to_owned(),
        },
        spec: SpecOut {
            integration: details.provider.to_string(),
            config: config.map(|(key, value)| (key.to_string(), text(value))).collect(),
            secret: connection.secrets.keys().map(|key| (key.to_string(), STARS)).collect(),
            sandbox: details.environment == Environment::Test,
        },
    }
}
