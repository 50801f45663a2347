//! Handovers that can still be used, and for a while those that ended. They are no read model: an
//! export has none, so all of them end at a restore.
//!
//! ```text
//! handover id   ->   its state, JSON
//! ```

use super::{HANDOVERS, fixed};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::Store;

/// Stores a handover.
pub fn put(batch: &mut Batch, store: &Store, id: &str, row: &[u8]) {
    batch.put(store, &fixed(HANDOVERS), id.as_bytes(), row);
}

/// Removes a handover.
pub fn delete(batch: &mut Batch, store: &Store, id: &str) {
    batch.delete(store, &fixed(HANDOVERS), id.as_bytes());
}

/// Iterates over all handovers as they are now, each with its id.
pub fn all(store: &Store) -> impl Iterator<Item = Result<(String, Box<[u8]>), ReadError>> {
    store.scan_all(&fixed(HANDOVERS), &[]).map(|row| {
        let (key, value) = row?;
        let id = String::from_utf8(key.into_vec());
        let id = id.map_err(|_| corrupt(&fixed(HANDOVERS), "the id of a handover"))?;
        Ok((id, value))
    })
}
