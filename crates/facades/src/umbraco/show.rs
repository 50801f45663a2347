//! Connections in the format of Umbraco.AI.

use ledger_contract::time;
use ledger_domain::Connection;
use ledger_providers::{Facade, Provider};

use super::settings;
use super::shapes::{ConnectionOut, ItemOut};
use crate::handles;

/// Longest alias, in characters.
pub(super) const ALIAS_CHARS: usize = 100;
/// The alias that conflicts with a route.
const RESERVED: &str = "capabilities";

/// Returns whether a slug is a valid alias.
pub(super) fn is_alias(text: &str) -> bool {
    text.len() <= ALIAS_CHARS && !text.eq_ignore_ascii_case(RESERVED)
}

/// Returns the display name of a connection.
pub(super) fn name(connection: &Connection) -> &str {
    let name = connection.details.display_name.as_ref();
    name.map_or(connection.slug.as_str(), |name| name.as_str())
}

/// Returns a connection as lists show it.
pub(super) fn item(connection: &Connection, provider: Option<&Provider>) -> ItemOut {
    let stored = connection.details.provider.as_str();
    ItemOut {
        id: connection.id.to_string(),
        alias: handles::handle(connection, is_alias),
        name: name(connection).to_owned(),
        provider_id: provider.map_or(stored, |known| known.name_at(Facade::Umbraco)).to_owned(),
        is_active: connection.enabled,
        date_created: time::format(connection.created_at),
        date_modified: time::format(connection.updated_at),
        version: connection.version.get(),
    }
}

/// Returns a connection with all fields.
pub(super) fn connection(connection: &Connection, provider: Option<&Provider>) -> ConnectionOut {
    ConnectionOut {
        item: item(connection, provider),
        settings: settings::shown(connection, provider),
    }
}
