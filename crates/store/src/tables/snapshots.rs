//! Earlier states of connections, from which those between them are derived.
//!
//! ```text
//! id (16) | version u64 BE   ->   the state at that version
//! ```
//!
//! They are copies of what the log says, and any of them may be missing.

use ledger_domain::{ConnectionId, Version};

use super::{SNAPSHOTS, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError};
use crate::store::{Rows, Store};

/// Versions between two snapshots of a connection.
pub const INTERVAL: u64 = 16;

/// Returns whether a snapshot is stored of this version.
pub const fn is_due(version: Version) -> bool {
    version.get().is_multiple_of(INTERVAL)
}

/// Stores the state at a version.
pub fn put(batch: &mut Batch, store: &Store, id: ConnectionId, version: Version, state: &[u8]) {
    batch.put(store, &fixed(SNAPSHOTS), &key(id, version), state);
}

/// Iterates over all states.
pub fn rows(store: &Store) -> Rows<'_> {
    store.scan_all(&fixed(SNAPSHOTS), &[])
}

/// Removes all states. Nobody may read or write the table meanwhile.
pub fn clear(store: &Store) -> Result<(), AppendError> {
    store.empty_table(&fixed(SNAPSHOTS))
}

/// Deletes the state at a version.
pub fn delete(batch: &mut Batch, store: &Store, id: ConnectionId, version: Version) {
    batch.delete(store, &fixed(SNAPSHOTS), &key(id, version));
}

/// Returns the newest state that is not newer than a version.
pub fn latest(
    store: &Store,
    id: ConnectionId,
    version: Version,
) -> Result<Option<Box<[u8]>>, ReadError> {
    let newest = Version::new(version.get() - version.get() % INTERVAL);
    for row in store.scan_back(&fixed(SNAPSHOTS), &key(id, newest)) {
        let (key, row) = row?;
        let Some(version) = key.strip_prefix(&id.to_bytes()).and_then(u64_from) else { break };
        // Nothing checks a row that is not due.
        if is_due(Version::new(version)) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Returns the state at a version.
pub fn get(
    store: &Store,
    id: ConnectionId,
    version: Version,
) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(SNAPSHOTS), &key(id, version))
}

/// Returns the versions of a connection that have a state.
pub fn versions(store: &Store, id: ConnectionId) -> Result<Vec<Version>, ReadError> {
    let mut versions = Vec::new();
    for row in store.scan(&fixed(SNAPSHOTS), &id.to_bytes()) {
        let (key, _) = row?;
        let Some(version) = key.strip_prefix(&id.to_bytes()).and_then(u64_from) else { break };
        versions.push(Version::new(version));
    }
    Ok(versions)
}

/// Returns the first and the last key that connections from one to another may have.
pub(crate) fn span(first: ConnectionId, last: ConnectionId) -> (Vec<u8>, Vec<u8>) {
    (key(first, Version::ZERO), key(last, Version::new(u64::MAX)))
}

fn key(id: ConnectionId, version: Version) -> Vec<u8> {
    [id.to_bytes().as_slice(), &version.get().to_be_bytes()].concat()
}
