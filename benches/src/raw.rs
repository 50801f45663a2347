//! What RocksDB alone does with the rows that the ledger wrote.
//!
//! The values are taken from a closed ledger; the keys are new ones of the same length, in the
//! order in which the ledger's grow. The options are those of the ledger's store, written down
//! once more, because the store shows none of RocksDB to others.

use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use ledger_store::open_files_max;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType,
    Direction, IteratorMode, Options, WriteBatch, WriteOptions,
};

use crate::failure::{Failure, Outcome};

/// The rows that an accepted `create` writes: their table, and the tag their keys begin with.
const ROWS: [(&str, &[u8]); 11] = [
    ("log.mac", b""),
    ("streams.mac", b"c"),
    ("receipts.mac", b""),
    ("claims.mac", b""),
    ("keys.mac", b""),
    ("connections.g1", b"c"),
    ("connections.g1", b"o"),
    ("lists.g1", b"m"),
    ("lists.g1", b"n"),
    ("lists.g1", b"u"),
    ("lists.g1", b"v"),
];
const TABLES: [&str; 7] = [
    "log.mac",
    "streams.mac",
    "receipts.mac",
    "claims.mac",
    "keys.mac",
    "connections.g1",
    "lists.g1",
];
/// Rows of each kind that are taken as samples.
const SAMPLES: usize = 1_000;
const MIB: usize = 1_024 * 1_024;

/// A key and a value.
type Row = (Box<[u8]>, Box<[u8]>);

/// Rows of one kind.
#[derive(Debug)]
struct Kind {
    table: &'static str,
    tag: &'static [u8],
    rows: Vec<Row>,
}

/// Rows as a ledger wrote them.
#[derive(Debug)]
pub(crate) struct Sample {
    kinds: Vec<Kind>,
}

impl Sample {
    /// Takes rows from the closed ledger in a folder.
    pub(crate) fn take(ledger: &Path) -> Outcome<Self> {
        let path = ledger.join("store");
        let db = DB::open_cf_for_read_only(&Options::default(), path, TABLES, false)?;
        let kinds = ROWS.into_iter().map(|(table, tag)| {
            let from = IteratorMode::From(tag, Direction::Forward);
            let rows = db.iterator_cf(family(&db, table)?, from);
            // The first rows of the log are about the workspace.
            let rows = rows.skip(1).take(SAMPLES).collect::<Result<Vec<_>, _>>()?;
            let rows: Vec<_> = rows.into_iter().filter(|(key, _)| key.starts_with(tag)).collect();
            if rows.is_empty() {
                return Err(Failure::new(format!("the ledger has no rows of {table}")));
            }
            Ok(Kind { table, tag, rows })
        });
        Ok(Self { kinds: kinds.collect::<Outcome<_>>()? })
    }

    /// Returns how many bytes of keys and values one command comes to.
    pub(crate) fn bytes_per_command(&self) -> usize {
        let bytes = |kind: &Kind| {
            let bytes: usize = kind.rows.iter().map(|(key, value)| key.len() + value.len()).sum();
            bytes / kind.rows.len()
        };
        self.kinds.iter().map(bytes).sum()
    }

    /// Returns how many rows one command comes to.
    pub(crate) const fn rows_per_command(&self) -> usize {
        self.kinds.len()
    }

    /// Writes the rows of so many commands into a new database, one batch and one sync a group;
    /// returns how long that took. Blocks.
    pub(crate) fn write(&self, path: &Path, commands: u64, group: u64) -> Outcome<Duration> {
        let cache = Cache::new_lru_cache(192 * MIB);
        let families = TABLES.map(|name| ColumnFamilyDescriptor::new(name, table(&cache, name)));
        let db = DB::open_cf_descriptors(&database(), path, families)?;
        let kinds = self.kinds.iter().map(|kind| Ok((kind, family(&db, kind.table)?)));
        let kinds = kinds.collect::<Outcome<Vec<_>>>()?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let started = Instant::now();
        let mut done = 0;
        while done < commands {
            let end = commands.min(done + group);
            let mut batch = WriteBatch::default();
            for number in done..end {
                for (kind, family) in &kinds {
                    let (key, value) = kind.row(number);
                    batch.put_cf(*family, key, value);
                }
            }
            db.write_opt(batch, &synced)?;
            done = end;
        }
        Ok(started.elapsed())
    }
}

impl Kind {
    /// Returns a row with a key of its own.
    fn row(&self, number: u64) -> (Box<[u8]>, &[u8]) {
        let index = usize::try_from(number).unwrap_or(0) % self.rows.len();
        let Some((key, value)) = self.rows.get(index) else { return (Box::default(), &[]) };
        let mut key = key.clone();
        if let Some(rest) = key.get_mut(self.tag.len()..) {
            let digits = number.to_be_bytes();
            let kept = rest.len().min(digits.len());
            for (byte, digit) in rest.iter_mut().zip(digits.iter().skip(digits.len() - kept)) {
                *byte = *digit;
            }
        }
        (key, value)
    }
}

fn family<'a>(db: &'a DB, name: &str) -> Outcome<&'a rocksdb::ColumnFamily> {
    db.cf_handle(name).ok_or_else(|| Failure::new(format!("the database has no table {name}")))
}

fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(192 * MIB);
    options.set_max_total_wal_size(96 * 1_024 * 1_024);
    let jobs = available_parallelism().map_or(2, usize::from).clamp(2, 8);
    options.set_max_background_jobs(i32::try_from(jobs).unwrap_or(2));
    options.set_max_open_files(i32::try_from(open_files_max()).unwrap_or(i32::MAX));
    options.set_compaction_readahead_size(2 * MIB);
    options.set_paranoid_checks(true);
    options.set_bytes_per_sync(1_024 * 1_024);
    options
}

fn table(cache: &Cache, name: &str) -> Options {
    let is_log = name == "log.mac";
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_metadata_block_size(4 * 1_024);
    blocks.set_pin_top_level_index_and_filter(true);
    blocks.set_block_size(if is_log { 32 * 1_024 } else { 8 * 1_024 });
    if !is_log {
        blocks.set_bloom_filter(10.0, false);
        blocks.set_partition_filters(true);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(48 * MIB);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(if is_log {
        DBCompressionType::Zstd
    } else {
        DBCompressionType::Lz4
    });
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_tag_and_length_and_differ() {
        let rows = vec![(Box::from(*b"o0123"), Box::from(*b"value"))];
        let kind = Kind { table: "connections.g1", tag: b"o", rows };
        let (first, value) = kind.row(1);
        assert_eq!((&*first, value), (b"o\0\0\0\x01".as_slice(), b"value".as_slice()));
        assert_ne!(kind.row(2).0, first);
    }
}
