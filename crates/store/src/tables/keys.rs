//! Wrapped data keys, outside the log so that they can be destroyed.
//!
//! ```text
//! connection id (16)   ->   the vault's wrapped data key
//! ```

use ledger_domain::ConnectionId;

use super::{KEYS, fixed};
use crate::batch::Batch;
use crate::error::ReadError;
use crate::store::{Rows, Store};

/// Stores a connection's wrapped data key.
pub fn put(batch: &mut Batch, store: &Store, connection: ConnectionId, wrapped: &[u8]) {
    batch.put(store, &fixed(KEYS), &connection.to_bytes(), wrapped);
}

/// Iterates over all wrapped data keys.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(KEYS), &[])
}

/// Returns a connection's wrapped data key.
pub fn get(store: &Store, connection: ConnectionId) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(KEYS), &connection.to_bytes())
}
