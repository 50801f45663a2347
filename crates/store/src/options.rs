//! Database options: durability first, then size, then speed.

use std::ops::RangeInclusive;
use std::thread::available_parallelism;

use nix::sys::resource::{Resource, getrlimit};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options,
};

/// Memory in bytes for blocks, indexes and filters read from disk, shared by all tables.
const BLOCK_CACHE_BYTES: usize = 192 * 1024 * 1024;
/// Memory in bytes for rows that are not in files yet, for all tables together.
const WRITE_BUFFERS_BYTES: usize = 192 * 1024 * 1024;
/// Memory in bytes for such rows of one table before they are written to a file.
const TABLE_WRITE_BUFFER_BYTES: usize = 48 * 1024 * 1024;
/// Bytes of write-ahead log before old rows are forced into files. It bounds the start after a
/// kill.
const WAL_BYTES_MAX: u64 = 96 * 1024 * 1024;
/// Bytes that a compaction reads ahead, so that it reads a disk in sequence.
const COMPACTION_READAHEAD_BYTES: usize = 2 * 1024 * 1024;
/// Files that the database keeps open. An open file takes about 10 KiB of memory.
const OPEN_FILES: RangeInclusive<u64> = 256..=4_096;
/// Threads for flushes and compactions.
const BACKGROUND_JOBS: RangeInclusive<usize> = 2..=8;
/// Bytes of a part of an index or a filter.
const PARTITION_BYTES: usize = 4 * 1024;
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
    let processors = available_parallelism().map_or(1, usize::from);
    let jobs = processors.clamp(*BACKGROUND_JOBS.start(), *BACKGROUND_JOBS.end());
    options.set_max_background_jobs(i32::try_from(jobs).unwrap_or(i32::MAX));
    options.set_max_open_files(i32::try_from(open_files_max()).unwrap_or(i32::MAX));
    options.set_compaction_readahead_size(COMPACTION_READAHEAD_BYTES);
    options.set_keep_log_file_num(3);
    options.set_paranoid_checks(true);
    options.set_bytes_per_sync(1024 * 1024);
    options
}

/// Returns how many files the database keeps open at most: a quarter of what the process may.
pub fn open_files_max() -> u64 {
    let (least, most) = (*OPEN_FILES.start(), *OPEN_FILES.end());
    // Without a known limit, the least is used.
    getrlimit(Resource::RLIMIT_NOFILE).map_or(least, |(soft, _)| (soft / 4).clamp(least, most))
}

/// Returns the options of a table. `log` says whether it is the log, with large records that are
/// rewritten only when a connection is erased.
pub(crate) fn table(cache: &Cache, log: bool) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // The index of a large file has parts, which enter the cache one by one; a whole index would
    // displace hundreds of blocks. Only the short list of parts always stays.
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_metadata_block_size(PARTITION_BYTES);
    blocks.set_pin_top_level_index_and_filter(true);
    blocks.set_block_size(if log { LOG_BLOCK_BYTES } else { TABLE_BLOCK_BYTES });
    if !log {
        blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
        blocks.set_partition_filters(true);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_leaves_most_files_to_others() {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let files = open_files_max();
        assert!(OPEN_FILES.contains(&files));
        assert!(files <= (soft / 4).max(*OPEN_FILES.start()), "{files} of {soft}");
    }
}
