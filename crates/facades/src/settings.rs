//! Fields of a connection by any of their names.
//!
//! A field is stored under the name its first door gave it, and is the same field under every
//! other name that the catalogue knows for it: what Portkey calls `key` is Umbraco.AI's `apiKey`.
//! So each door finds what another has set, and changes it where it is.

use ledger_domain::{CheckedText, Connection, FieldName, Json, Secret};
use ledger_providers::{Facade, Provider, looks_secret};
use serde_json::Value;

/// Names under which a lone key is stored where no provider says which field it is.
const MAIN_NAMES: [&str; 6] = ["key", "apiKey", "api_key", "token", "access_token", "password"];

/// Tells whether two names are of the same field.
pub(crate) fn same(provider: Option<&Provider>, one: &str, other: &str) -> bool {
    let field = |name| provider.and_then(|provider| provider.field(name));
    one == other || field(one).is_some_and(|field| field.is_called(other))
}

/// Tells whether a field's value has to be kept secret.
pub(crate) fn is_secret(provider: Option<&Provider>, name: &str) -> bool {
    provider.map_or_else(|| looks_secret(name), |provider| provider.is_secret(name))
}

/// Returns how a product spells a stored field.
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

/// Tells whether a stored setting has this value.
pub(crate) fn is_value(stored: &Json, value: &Value) -> bool {
    serde_json::from_str::<Value>(stored.text()).is_ok_and(|stored| stored == *value)
}

/// Finds the secret that a product with one key for everything shows: the provider's main one,
/// else one with a telling name, else the only one there is.
pub(crate) fn main_secret<'a>(
    connection: &'a Connection,
    provider: Option<&Provider>,
) -> Option<(&'a FieldName, &'a Secret)> {
    let secrets = &connection.secrets;
    let described = provider.and_then(Provider::main_secret);
    let described = described.and_then(|main| secret(connection, provider, &main.name));
    // What is described as another field is not the key, however lonely it is.
    let free = |(name, _): &(&FieldName, &Secret)| {
        provider.and_then(|provider| provider.field(name.as_str())).is_none()
    };
    let telling = || MAIN_NAMES.iter().find_map(|name| secrets.get_key_value(*name).filter(free));
    let only = || secrets.iter().next().filter(|_| secrets.len() == 1).filter(free);
    described.or_else(telling).or_else(only)
}
