//! The active connection that has a slug.
//!
//! ```text
//! workspace | 0 | folded slug   ->   connection id (16)
//! ```

use ledger_domain::{ConnectionId, Slug, WorkspaceName};

use super::{CLAIMS, fixed, joined};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::Store;

/// Returns the key of a claim.
pub fn key(workspace: &WorkspaceName, slug: &Slug) -> Vec<u8> {
    joined(workspace.as_str(), &slug.folded())
}

/// Claims a slug.
pub fn put(batch: &mut Batch, store: &Store, key: &[u8], connection: ConnectionId) {
    batch.put(store, &fixed(CLAIMS), key, &connection.to_bytes());
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
