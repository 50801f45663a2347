//! Keys of connections: `environment::platform::namespace::id`, and after a bar whom it is for.
//!
//! A key is derived, never stored. Its id is the connection's own, as 32 hexadecimal digits, so a
//! key leads to its connection without a look-up table.

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

/// Returns the connection that a key is of, if it has the form of one. Whether the rest of the key
/// is right has to be compared with [`of`].
pub(super) fn id(key: &str) -> Option<ConnectionId> {
    let id = key.split('|').next()?.split("::").nth(3)?;
    by_digits(id)
}

/// Reads an id written as 32 hexadecimal digits.
pub(super) fn by_digits(digits: &str) -> Option<ConnectionId> {
    if digits.len() != 32 {
        return None;
    }
    Uuid::try_parse(digits).ok()?.hyphenated().to_string().parse().ok()
}

/// Leaves out what separates the parts of a key, and keys in a list.
fn plain(text: &str) -> String {
    let separates = |c: char| matches!(c, ':' | '|' | ',') || c.is_whitespace();
    text.chars().map(|c| if separates(c) { '-' } else { c }).collect()
}
