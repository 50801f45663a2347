//! The active connection that has a slug.
//!
//! ```text
//! workspace | 0 | folded slug   ->   connection id (16)
//! ```

use ledger_domain::{ConnectionId, Slug, WorkspaceName};

use super::{CLAIMS, fixed, joined};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Rows, Store};

/// Returns the key of a claim.
pub fn key(workspace: &WorkspaceName, slug: &Slug) -> Vec<u8> {
    joined(workspace.as_str(), &slug.folded())
}

/// Claims a slug.
pub fn put(batch: &mut Batch, store: &Store, key: &[u8], connection: ConnectionId) {
    batch.put(store, &fixed(CLAIMS), key, &value(connection));
}

/// Returns the value that claims a slug for a connection.
pub fn value(connection: ConnectionId) -> [u8; 16] {
    connection.to_bytes()
}

/// Iterates over the keys and values of all claims as they are now.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(CLAIMS), &[])
}

/// Returns whether the table was missing when the database was opened.
pub fn were_missing(store: &Store) -> bool {
    store.lacked(CLAIMS)
}

/// Removes all claims. Nobody may read or write the table meanwhile.
pub fn clear(store: &Store) -> Result<(), AppendError> {
    store.empty_table(&fixed(CLAIMS))
}

/// Frees a slug.
pub fn delete(batch: &mut Batch, store: &Store, key: &[u8]) {
    batch.delete(store, &fixed(CLAIMS), key);
}

/// Returns the connection that has a slug.
pub fn get(store: &Store, key: &[u8]) -> Result<Option<ConnectionId>, ReadError> {
    let table = fixed(CLAIMS);
    let Some(bytes) = store.get(&table, key)? else { return Ok(None) };
    let id = bytes.try_into().map_err(|_| corrupt(&table, "a slug's claim"))?;
    Ok(Some(ConnectionId::from_bytes(id)))
}
