//! Database options: durability first, then size, then speed.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options};

/// Memory in bytes for blocks, indexes and filters read from disk, shared by all tables.
const BLOCK_CACHE_BYTES: usize = 192 * 1024 * 1024;
/// Memory in bytes for rows that are not in files yet, for all tables together.
const WRITE_BUFFERS_BYTES: usize = 192 * 1024 * 1024;
/// Memory in bytes for such rows of one table before they are written to a file.
const TABLE_WRITE_BUFFER_BYTES: usize = 48 * 1024 * 1024;
/// Bytes of write-ahead log before old rows are forced into files. It bounds the start after a
/// kill.
const WAL_BYTES_MAX: u64 = 96 * 1024 * 1024;
const LOG_BLOCK_BYTES: usize = 32 * 1024;
const TABLE_BLOCK_BYTES: usize = 8 * 1024;
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Returns the options of the database. Only a new ledger's is created: in the folder of an
/// existing one, a missing database is a loss to report.
pub(crate) fn database(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    // An incomplete end of the write-ahead log after a power failure is cut off; any other damage
    // is an error. Recycled log files would make the two hard to distinguish.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_recycle_log_file_num(0);
    options.set_max_background_jobs(2);
    options.set_max_open_files(512);
    options.set_keep_log_file_num(3);
    options.set_paranoid_checks(true);
    options.set_bytes_per_sync(1024 * 1024);
    options
}

/// Returns the options of a table. `log` says whether it is the log, with large records that are
/// never rewritten.
pub(crate) fn table(cache: &Cache, log: bool) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_block_size(if log { LOG_BLOCK_BYTES } else { TABLE_BLOCK_BYTES });
    if !log {
        blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(TABLE_WRITE_BUFFER_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(if log {
        DBCompressionType::Zstd
    } else {
        DBCompressionType::Lz4
    });
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}

/// Returns the cache that all tables share.
pub(crate) fn cache() -> Cache {
    Cache::new_lru_cache(BLOCK_CACHE_BYTES)
}
