//! Batches of changes that are written atomically.

use rocksdb::WriteBatch;

use crate::store::Store;
use crate::table::Table;

/// Puts and deletes in several tables that become visible and durable as one.
#[derive(Default)]
pub struct Batch {
    inner: WriteBatch,
    /// Room for a value with its MAC.
    room: Vec<u8>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} rows, {} bytes)", self.inner.len(), self.inner.size_in_bytes())
    }
}

impl Batch {
    /// Creates an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the size in bytes as written.
    pub fn size_bytes(&self) -> usize {
        self.inner.size_in_bytes()
    }

    /// Returns whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    pub(crate) fn put(&mut self, store: &Store, table: &Table, key: &[u8], value: &[u8]) {
        let Self { inner, room } = self;
        store.macs().seal(table, key, value, room, |stored| {
            inner.put_cf(&store.handle(table), key, stored);
        });
    }

    pub(crate) fn delete(&mut self, store: &Store, table: &Table, key: &[u8]) {
        self.inner.delete_cf(&store.handle(table), key);
    }

    pub(crate) fn into_inner(self) -> WriteBatch {
        self.inner
    }
}
