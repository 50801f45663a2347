//! Keys of connections: `environment::platform::namespace::id`, followed by a bar and the owner.
//!
//! A key is derived, not stored. Its id is that of the connection, as 32 hexadecimal digits, so a
//! key can be resolved without a lookup table.

use ledger_domain::{Connection, ConnectionId};
use uuid::Uuid;

const NAMESPACE: &str = "default";

/// Returns the key of a connection.
pub(super) fn of(connection: &Connection) -> String {
    let details = &connection.details;
    let (environment, platform) = (details.environment.as_str(), plain(details.provider.as_str()));
    let id = connection.id.uuid().simple();
    match &details.identity {
        None => format!("{environment}::{platform}::{NAMESPACE}::{id}"),
        Some(identity) => {
            let identity = plain(identity.value.as_str());
            format!("{environment}::{platform}::{NAMESPACE}::{id}|{identity}")
        }
    }
}

/// Returns the connection that a well-formed key identifies. The caller must compare the rest of
/// the key with [`of`].
pub(super) fn id(key: &str) -> Option<ConnectionId> {
    let id = key.split('|').next()?.split("::").nth(3)?;
    by_digits(id)
}

/// Parses an id of 32 hexadecimal digits.
pub(super) fn by_digits(digits: &str) -> Option<ConnectionId> {
    if digits.len() != 32 {
        return None;
    }
    Uuid::try_parse(digits).ok()?.hyphenated().to_string().parse().ok()
}

/// Replaces the characters that separate the parts of a key, and keys in a list, by hyphens.
fn plain(text: &str) -> String {
    let separates = |c: char| matches!(c, ':' | '|' | ',') || c.is_whitespace();
    text.chars().map(|c| if separates(c) { '-' } else { c }).collect()
}
