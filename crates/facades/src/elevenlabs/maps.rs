//! Maps of headers and parameters. Entries that are secrets, such as `Authorization`, are sealed in
//! fields of their own, named after the map and the entry.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_domain::Connection;
use ledger_providers::Provider;
use ledger_vault::Plaintext;
use serde_json::{Map, Value, json};

use crate::masks::{self, STARS};
use crate::settings;

/// Changes to secret fields, by name; `None` removes one.
pub(super) type SecretChanges = BTreeMap<String, Option<SecretValue>>;

/// Moves the entries that are secrets, or are stored as secrets, out of a map or its changes, where
/// null removes one. An entry that is sent back as it is shown stays as it is.
pub(super) fn take_secrets(
    connection: Option<&Connection>,
    provider: Option<&Provider>,
    map: &str,
    entries: &mut Map<String, Value>,
) -> SecretChanges {
    let mut secrets = SecretChanges::new();
    let mut clear = Map::new();
    for (name, value) in std::mem::take(entries) {
        let field = field(map, &name);
        let held = connection.is_some_and(|stored| stored.secrets.contains_key(field.as_str()));
        let is_secret = settings::exposed(provider, map, &json!({ &name: &value }));
        match value {
            Value::Null if held => drop(secrets.insert(field, None)),
            Value::String(text) if held || is_secret => {
                let value = Plaintext::from_string(text);
                if !(held && masks::is_echo(STARS, &value)) {
                    secrets.insert(field, Some(SecretValue(value)));
                }
                if !held && connection.is_some() {
                    clear.insert(name, Value::Null);
                }
            }
            value => drop(clear.insert(name, value)),
        }
    }
    *entries = clear;
    secrets
}

/// Adds the sealed entries to a map that is shown, as stars.
pub(super) fn show_secrets(connection: &Connection, map: &str, shown: &mut Map<String, Value>) {
    let prefix = field(map, "");
    let names = connection.secrets.keys().filter_map(|field| field.as_str().strip_prefix(&prefix));
    shown.extend(names.map(|name| (name.to_owned(), STARS.into())));
}

fn field(map: &str, entry: &str) -> String {
    format!("{map}.{entry}")
}
