//! The claims to slugs.

use ledger_domain::{Connection, Lifecycle};
use ledger_store::tables::claims;

/// Returns the claim of a connection, or `None` if it is archived or erased.
pub(crate) fn claim(connection: &Connection) -> Option<Vec<u8>> {
    match connection.lifecycle {
        Lifecycle::Active => Some(claims::key(&connection.workspace, &connection.slug)),
        Lifecycle::Archived { .. } | Lifecycle::Erased { .. } => None,
    }
}
