//! What RocksDB says of itself.

use rocksdb::properties::{
    ACTUAL_DELAYED_WRITE_RATE, BACKGROUND_ERRORS, COMPACTION_PENDING, CUR_SIZE_ALL_MEM_TABLES,
    ESTIMATE_PENDING_COMPACTION_BYTES, IS_WRITE_STOPPED, LIVE_SST_FILES_SIZE,
    NUM_RUNNING_COMPACTIONS, PropName,
};

use crate::store::Store;

/// Sizes and work of a database. What cannot be told is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Bytes of the tables' files.
    pub files_bytes: u64,
    /// Bytes of rows that are not in files yet.
    pub memtables_bytes: u64,
    /// Bytes of blocks in memory that were read from files.
    pub cache_bytes: u64,
    /// Bytes that compactions have to rewrite.
    pub pending_compaction_bytes: u64,
    /// Tables that wait for a compaction.
    pub compactions_pending: u64,
    /// Compactions that are running.
    pub compactions_running: u64,
    /// Whether writes wait until compactions have caught up.
    pub writes_stopped: bool,
    /// Bytes a second to which writes are slowed down, if they are.
    pub delayed_write_rate: u64,
    /// Errors of flushes and compactions.
    pub background_errors: u64,
}

impl Store {
    /// Returns what the database says of itself now, from memory.
    pub fn figures(&self) -> StoreFigures {
        let db = self.database();
        // What the whole database has is the same at each table.
        let whole =
            |name: &PropName| db.property_int_value(name).ok().flatten().unwrap_or_default();
        let names = self.table_names();
        let sum = |name: &PropName| {
            let of_table = |table: &String| {
                let handle = db.cf_handle(table)?;
                db.property_int_value_cf(&handle, name).ok().flatten()
            };
            names.iter().filter_map(of_table).sum()
        };
        StoreFigures {
            files_bytes: sum(LIVE_SST_FILES_SIZE),
            memtables_bytes: sum(CUR_SIZE_ALL_MEM_TABLES),
            cache_bytes: u64::try_from(self.cache_usage()).unwrap_or(u64::MAX),
            pending_compaction_bytes: sum(ESTIMATE_PENDING_COMPACTION_BYTES),
            compactions_pending: sum(COMPACTION_PENDING),
            compactions_running: whole(NUM_RUNNING_COMPACTIONS),
            writes_stopped: whole(IS_WRITE_STOPPED) > 0,
            delayed_write_rate: whole(ACTUAL_DELAYED_WRITE_RATE),
            background_errors: whole(BACKGROUND_ERRORS),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::Position;

    use crate::batch::Batch;
    use crate::fixtures::created;
    use crate::store::Durability;
    use crate::tables::log;

    #[test]
    fn rows_are_in_memory_first_and_in_files_after_a_flush() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let before = store.figures();
        let mut batch = Batch::new();
        log::put(&mut batch, &store, Position::new(1), &[7; 4_096]);
        store.commit(batch, Durability::Synced).unwrap();
        assert!(store.figures().memtables_bytes > before.memtables_bytes);
        store.settle().unwrap();
        let after = store.figures();
        assert!(after.files_bytes > before.files_bytes, "{after:?}");
        assert!(!after.writes_stopped && after.background_errors == 0, "{after:?}");
    }
}
