//! Opening the database and committing batches.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rocksdb::{
    BoundColumnFamily, Cache, ColumnFamilyDescriptor, DBIteratorWithThreadMode, DBWithThreadMode,
    Direction, FlushOptions, IteratorMode, MultiThreaded, Options, ReadOptions, WriteOptions,
};

use crate::batch::Batch;
use crate::data_dir::DataDir;
use crate::error::{AppendError, OpenError, ReadError};
use crate::{options, tables};

type Db = DBWithThreadMode<MultiThreaded>;

/// The name of a table: a fixed one, or one generation of a read model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table(pub(crate) Cow<'static, str>);

impl Table {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// How far a commit goes before it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives power loss.
    Synced,
    /// It survives the process, and power loss once any later synced commit returned.
    Buffered,
}

/// One open database.
pub struct Store {
    db: Db,
    poisoned: AtomicBool,
    cache: Cache,
    found: Vec<String>,
    /// Dropped after the database, which releases the lock last.
    dir: DataDir,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database of `dir`, making it when the folder is empty.
    pub fn open(dir: DataDir) -> Result<Self, OpenError> {
        let path = dir.store_path();
        let cache = options::cache();
        let database = options::database();
        let mut names = match Db::list_cf(&database, &path) {
            Ok(names) => names,
            // Only an empty folder has no list; a broken one fails in the open below.
            Err(_) => vec!["default".to_owned()],
        };
        for fixed in tables::FIXED {
            if !names.iter().any(|name| name == fixed) {
                names.push((*fixed).to_owned());
            }
        }
        let descriptors = names.iter().map(|name| {
            ColumnFamilyDescriptor::new(name, options::table(&cache, name == tables::LOG))
        });
        let db = Db::open_cf_descriptors(&database, &path, descriptors)
            .map_err(|source| OpenError::Storage { path: path.clone(), source: source.into() })?;
        Ok(Self { db, poisoned: AtomicBool::new(false), cache, found: names, dir })
    }

    /// Writes a batch as a whole. A failed write poisons the log: nothing more is written until
    /// the process has been started again, because what reached the disk is no longer known.
    pub fn commit(&self, batch: Batch, durability: Durability) -> Result<(), AppendError> {
        if self.is_poisoned() {
            return Err(AppendError::Poisoned);
        }
        let bytes = batch.size_bytes();
        let mut write_options = WriteOptions::default();
        write_options.set_sync(durability == Durability::Synced);
        // Most keys grow with time, so the place of the last one is near that of the next.
        write_options.set_memtable_insert_hint_per_batch(true);
        self.db.write_opt(batch.into_inner(), &write_options).map_err(|source| {
            self.poisoned.store(true, Ordering::SeqCst);
            AppendError::Write { bytes, source: source.into() }
        })
    }

    /// Moves everything from the write-ahead log into the tables' own files, so that the next
    /// start has nothing to read again.
    pub fn settle(&self) -> Result<(), AppendError> {
        let handles: Vec<_> =
            self.found.iter().filter_map(|name| self.db.cf_handle(name)).collect();
        let handles: Vec<_> = handles.iter().collect();
        self.db
            .flush_cfs_opt(&handles, &FlushOptions::default())
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })
    }

    /// Tells whether a write has failed.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::SeqCst)
    }

    /// Returns one row.
    pub fn get(&self, table: &Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.db.get_cf(&self.handle(table), key).map_err(|error| read_error(table, error))
    }

    /// Walks rows from `from` on, upwards.
    pub fn scan<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        self.walk(table, IteratorMode::From(from, Direction::Forward), false)
    }

    /// Walks rows from `from` on, downwards.
    pub fn scan_back<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        self.walk(table, IteratorMode::From(from, Direction::Reverse), false)
    }

    /// Walks all rows upwards without disturbing the cache.
    pub fn scan_all<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        self.walk(table, IteratorMode::From(from, Direction::Forward), true)
    }

    /// Returns the last row.
    pub fn last(&self, table: &Table) -> Result<Option<Row>, ReadError> {
        self.walk(table, IteratorMode::End, false).next().transpose()
    }

    fn walk<'a>(&'a self, table: &Table, mode: IteratorMode<'_>, bulk: bool) -> Rows<'a> {
        let mut read_options = ReadOptions::default();
        if bulk {
            read_options.fill_cache(false);
            read_options.set_readahead_size(2 * 1024 * 1024);
        }
        let inner = self.db.iterator_cf_opt(&self.handle(table), read_options, mode);
        Rows { inner, table: table.clone() }
    }

    /// Returns the directory it is in.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Makes a new, empty table.
    pub fn create_table(&self, table: &Table) -> Result<(), AppendError> {
        let options: Options = options::table(&self.cache, false);
        self.db
            .create_cf(table.name(), &options)
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })
    }

    /// Drops a table with all its rows.
    pub fn drop_table(&self, table: &Table) -> Result<(), AppendError> {
        self.db
            .drop_cf(table.name())
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })
    }

    /// Returns the names of the tables that were there when the database was opened.
    pub fn tables_found(&self) -> &[String] {
        &self.found
    }

    pub(crate) fn handle(&self, table: &Table) -> Arc<BoundColumnFamily<'_>> {
        self.db.cf_handle(table.name()).expect("every Table names an open column family")
    }
}

/// A row's key and value.
pub type Row = (Box<[u8]>, Box<[u8]>);

/// Rows in key order, read as they are asked for.
pub struct Rows<'a> {
    inner: DBIteratorWithThreadMode<'a, Db>,
    table: Table,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({})", self.table.name())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.inner.next()?;
        Some(next.map_err(|error| read_error(&self.table, error)))
    }
}

fn read_error(table: &Table, error: rocksdb::Error) -> ReadError {
    ReadError::Storage { table: table.name().to_owned(), source: error.into() }
}

/// Says that a table's bytes are not what it holds.
pub(crate) fn corrupt(table: &Table, place: impl Into<String>) -> ReadError {
    ReadError::Corrupt { table: table.name().to_owned(), place: place.into() }
}
