//! Wrapped data keys, outside the log so that they can be destroyed.
//!
//! ```text
//! connection id (16)   ->   the vault's wrapped data key
//! ```

use ledger_domain::ConnectionId;

use super::{KEYS, fixed};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Row, Rows, Store};

/// A connection and its wrapped data key, as they are read.
pub type KeyRow = Result<(ConnectionId, Box<[u8]>), ReadError>;

/// Stores a connection's wrapped data key.
pub fn put(batch: &mut Batch, store: &Store, connection: ConnectionId, wrapped: &[u8]) {
    batch.put(store, &fixed(KEYS), &connection.to_bytes(), wrapped);
}

/// Deletes a connection's wrapped data key. Files still have it until they are rewritten.
pub fn delete(batch: &mut Batch, store: &Store, connection: ConnectionId) {
    batch.delete(store, &fixed(KEYS), &connection.to_bytes());
}

/// Adds the wrapped data keys of many connections in one load, durably, in ascending order of their
/// ids. Nobody else may use the table meanwhile.
pub fn load<'a>(
    store: &Store,
    keys: impl IntoIterator<Item = (ConnectionId, &'a [u8])>,
) -> Result<(), AppendError> {
    let table = fixed(KEYS);
    let mut file = store.sorted_file(&table);
    for (connection, wrapped) in keys {
        file.put(&connection.to_bytes(), wrapped)?;
    }
    file.finish()
}

/// Iterates over all wrapped data keys.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(KEYS), &[])
}

/// Iterates over wrapped data keys in the order of their connections' ids, from one on.
pub fn scan_all(store: &Store, from: ConnectionId) -> impl Iterator<Item = KeyRow> + '_ {
    store.scan_all(&fixed(KEYS), &from.to_bytes()).map(identified)
}

/// Iterates over wrapped data keys as [`scan_all`] does, to read a few of them.
pub fn scan(store: &Store, from: ConnectionId) -> impl Iterator<Item = KeyRow> + '_ {
    store.scan(&fixed(KEYS), &from.to_bytes()).map(identified)
}

fn identified(row: Result<Row, ReadError>) -> KeyRow {
    let (key, wrapped) = row?;
    let id = key.as_ref().try_into().map_err(|_| corrupt(&fixed(KEYS), "a connection's id"))?;
    Ok((ConnectionId::from_bytes(id), wrapped))
}

/// Returns a connection's wrapped data key.
pub fn get(store: &Store, connection: ConnectionId) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(KEYS), &connection.to_bytes())
}
