//! Finding the fields of a connection by any of their names.
//!
//! A field is stored under the name used by the API that first set it. The catalogue knows its
//! names in the other APIs: Portkey's `key` is Umbraco.AI's `apiKey`. Each API therefore finds
//! fields that another has set, and changes them in place.

use ledger_domain::{CheckedText, Connection, FieldName, Json, Secret};
use ledger_providers::{Catalogue, Facade, Provider, looks_secret};
use serde_json::Value;

/// Conventional names of the main key, for secrets that the provider does not describe.
const MAIN_NAMES: [&str; 6] = ["key", "apiKey", "api_key", "token", "access_token", "password"];

/// Returns whether two names denote the same field.
pub(crate) fn same(provider: Option<&Provider>, one: &str, other: &str) -> bool {
    let field = |name| provider.and_then(|provider| provider.field(name));
    one == other || field(one).is_some_and(|field| field.is_called(other))
}

/// Returns whether a field is secret, or its value contains a secret. A product that has settings
/// and secrets in one object has such a value sealed as a whole.
pub(crate) fn holds_secret(provider: Option<&Provider>, name: &str, value: &Value) -> bool {
    let is_secret = provider.map_or_else(|| looks_secret(name), |known| known.is_secret(name));
    is_secret || exposed(provider, name, value)
}

/// Returns whether a setting would show a secret.
pub(crate) fn exposed(provider: Option<&Provider>, name: &str, value: &Value) -> bool {
    let unknown = || Catalogue::built_in().of("");
    provider.unwrap_or_else(unknown).exposed(name, value).is_some()
}

/// Returns a product's name for a stored field.
pub(crate) fn spelled<'a>(
    provider: Option<&'a Provider>,
    facade: Facade,
    stored: &'a str,
) -> &'a str {
    match provider.and_then(|provider| provider.field(stored)) {
        Some(field) => field.name_at(facade),
        None => stored,
    }
}

/// Finds a secret by any name of its field.
pub(crate) fn secret<'a>(
    connection: &'a Connection,
    provider: Option<&Provider>,
    name: &str,
) -> Option<(&'a FieldName, &'a Secret)> {
    let exact = connection.secrets.get_key_value(name);
    exact.or_else(|| {
        connection.secrets.iter().find(|(field, _)| same(provider, field.as_str(), name))
    })
}

/// Finds a setting by any name of its field.
pub(crate) fn config<'a>(
    connection: &'a Connection,
    provider: Option<&Provider>,
    name: &str,
) -> Option<(&'a FieldName, &'a Json)> {
    let config = &connection.details.config;
    let exact = config.get_key_value(name);
    exact.or_else(|| config.iter().find(|(field, _)| same(provider, field.as_str(), name)))
}

/// Returns whether a stored setting has this value.
pub(crate) fn is_value(stored: &Json, value: &Value) -> bool {
    serde_json::from_str::<Value>(stored.text()).is_ok_and(|stored| stored == *value)
}

/// Finds the secret for products that know a single key: the provider's main secret, else one with
/// a conventional name, else the only one.
pub(crate) fn main_secret<'a>(
    connection: &'a Connection,
    provider: Option<&Provider>,
) -> Option<(&'a FieldName, &'a Secret)> {
    let secrets = &connection.secrets;
    let described = provider.and_then(Provider::main_secret);
    let described = described.and_then(|main| secret(connection, provider, &main.name));
    // A single secret that the provider describes as another field is not the key.
    let free = |(name, _): &(&FieldName, &Secret)| {
        provider.and_then(|provider| provider.field(name.as_str())).is_none()
    };
    let telling = || MAIN_NAMES.iter().find_map(|name| secrets.get_key_value(*name).filter(free));
    let only = || secrets.iter().next().filter(|_| secrets.len() == 1).filter(free);
    described.or_else(telling).or_else(only)
}
