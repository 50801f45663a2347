//! How the database is tuned: durable first, then small, then fast.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options};

/// Memory for blocks, indexes and filters read from disk, shared by all tables, in bytes.
const BLOCK_CACHE_BYTES: usize = 192 * 1024 * 1024;
/// Memory for rows not yet in sorted files, all tables together, in bytes.
const WRITE_BUFFERS_BYTES: usize = 192 * 1024 * 1024;
/// Memory for such rows of one table before they are written out, in bytes.
const TABLE_WRITE_BUFFER_BYTES: usize = 48 * 1024 * 1024;
/// Write-ahead log kept before old tables are forced out, in bytes; bounds the start after a kill.
const WAL_BYTES_MAX: u64 = 96 * 1024 * 1024;
const LOG_BLOCK_BYTES: usize = 32 * 1024;
const TABLE_BLOCK_BYTES: usize = 8 * 1024;
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Options of the whole database.
pub(crate) fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    // A torn tail after a power cut is cut off; anything else wrong in the write-ahead log is an
    // error. Recycled log files would make the two hard to tell apart.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_recycle_log_file_num(0);
    options.set_max_background_jobs(2);
    options.set_max_open_files(512);
    options.set_keep_log_file_num(3);
    options.set_paranoid_checks(true);
    options.set_bytes_per_sync(1024 * 1024);
    options
}

/// Options of one table; `log` says whether it holds the log's large, never rewritten records.
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

/// The cache shared by all tables.
pub(crate) fn cache() -> Cache {
    Cache::new_lru_cache(BLOCK_CACHE_BYTES)
}
