//! Opens the database and commits batches.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use ledger_vault::PortableKey;
use parking_lot::Mutex;
use rocksdb::{
    BottommostLevelCompaction, BoundColumnFamily, Cache, ColumnFamilyDescriptor, CompactOptions,
    DBRawIteratorWithThreadMode, DBWithThreadMode, FlushOptions, IngestExternalFileOptions,
    MultiThreaded, Options, ReadOptions, SnapshotWithThreadMode, WriteOptions,
    properties::LIVE_SST_FILES_SIZE,
};

use crate::batch::Batch;
use crate::data_dir::DataDir;
use crate::error::{AppendError, OpenError, ReadError, open_error, read_error};
use crate::macs::Macs;
use crate::poison::Poison;
use crate::sorted::{SortedFile, Sorting};
use crate::table::Table;
use crate::{options, presence, tables};

pub(crate) type Db = DBWithThreadMode<MultiThreaded>;

/// What a commit guarantees when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The batch survives power loss.
    Synced,
    /// The batch survives the end of the process, and power loss once a later synced commit has
    /// returned.
    Buffered,
}

/// An open database.
pub struct Store {
    db: Db,
    macs: Macs,
    poison: AtomicU8,
    /// Number of synced commits.
    synced: AtomicU64,
    cache: Cache,
    /// The names of all tables.
    tables: Mutex<Vec<String>>,
    /// Fixed tables that the database did not have when it was opened.
    absent: Vec<String>,
    sorting: Sorting,
    /// Dropped after the database, because dropping it releases the lock.
    dir: DataDir,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

impl Store {
    /// Creates the database of a new ledger, without the key of its MACs.
    pub(crate) fn create(dir: DataDir) -> Result<Self, OpenError> {
        dir.clear_store()?;
        Self::with_tables(dir, vec!["default".to_owned()], true)
    }

    /// Opens the database of an existing ledger, without the key of its MACs.
    pub(crate) fn open(dir: DataDir) -> Result<Self, OpenError> {
        let path = dir.store_path();
        let incomplete = |part| OpenError::Incomplete { path: dir.path().to_owned(), part };
        if let Some(part) = presence::missing_part(&path) {
            return Err(incomplete(format!("store/{part}")));
        }
        let names = tables_in(&path)?;
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        for required in tables::REQUIRED {
            if !has(required) && !tables::earlier(required).is_some_and(has) {
                return Err(incomplete(missing_table(required)));
            }
        }
        Self::with_tables(dir, names, false)
    }

    fn with_tables(dir: DataDir, mut names: Vec<String>, create: bool) -> Result<Self, OpenError> {
        dir.clear_sorting()?;
        let path = dir.store_path();
        let cache = options::cache();
        let database = options::database(create);
        let absent = tables::FIXED.iter().filter(|fixed| !names.iter().any(|name| name == *fixed));
        let mut absent: Vec<String> = absent.map(|fixed| (*fixed).to_owned()).collect();
        if create {
            names.append(&mut absent);
        }
        let descriptors = names.iter().map(|name| {
            ColumnFamilyDescriptor::new(name, options::table(&cache, name == tables::LOG))
        });
        let db = Db::open_cf_descriptors(&database, &path, descriptors)
            .map_err(|error| open_error(&path, error))?;
        let (options, log_options) = (options::table(&cache, false), options::table(&cache, true));
        let sorting = Sorting::new(dir.sorting_path(), options, log_options);
        let (poison, synced) = (AtomicU8::new(Poison::NONE), AtomicU64::new(0));
        let tables = Mutex::new(names);
        let macs = Macs::without_key();
        Ok(Self { db, macs, poison, synced, cache, tables, absent, sorting, dir })
    }

    pub(crate) fn with_macs(self, macs: Macs) -> Self {
        Self { macs, ..self }
    }

    pub(crate) const fn macs(&self) -> &Macs {
        &self.macs
    }

    /// Returns the key of the ledger's portable form.
    pub fn portable_key(&self) -> PortableKey {
        self.macs.key().portable_key()
    }

    /// Returns the error for a table without which the database is of no use.
    pub(crate) fn lacks_table(&self, table: &str) -> OpenError {
        OpenError::Incomplete { path: self.dir.path().to_owned(), part: missing_table(table) }
    }

    /// Stops all further writes until the process is restarted.
    pub fn poison(&self) {
        self.poison_by(Poison::Fault);
    }

    fn poison_by(&self, cause: Poison) {
        let (new, order) = (cause.number(), Ordering::SeqCst);
        // The first cause is the one that explains the others.
        let (Ok(_) | Err(_)) = self.poison.compare_exchange(Poison::NONE, new, order, order);
    }

    /// Writes a batch atomically. A failed write poisons the log: it is unknown what reached the
    /// disk, so nothing more is written until the process is restarted.
    pub fn commit(&self, batch: Batch, durability: Durability) -> Result<(), AppendError> {
        if let Some(poison) = self.poisoned_by() {
            return Err(AppendError::Poisoned(poison));
        }
        let bytes = batch.size_bytes();
        let mut write_options = WriteOptions::default();
        write_options.set_sync(durability == Durability::Synced);
        // Most keys grow with time, so each is inserted near the previous one.
        write_options.set_memtable_insert_hint_per_batch(true);
        self.db.write_opt(batch.into_inner(), &write_options).map_err(|source| {
            self.poison_by(Poison::of(&source));
            AppendError::Write { bytes, source: source.into() }
        })?;
        if durability == Durability::Synced {
            self.synced.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    /// Returns the number of synced commits so far. What was committed without a sync survives
    /// power loss once this number has grown.
    pub fn synced_commits(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Makes everything committed so far survive power loss.
    pub fn sync(&self) -> Result<(), AppendError> {
        self.db.flush_wal(true).map_err(|source| {
            self.poison_by(Poison::of(&source));
            AppendError::Write { bytes: 0, source: source.into() }
        })
    }

    /// Flushes the write-ahead log into the tables' own files, so that the next start need not read
    /// it.
    pub fn settle(&self) -> Result<(), AppendError> {
        let names = self.tables.lock();
        let handles: Vec<_> = names.iter().filter_map(|name| self.db.cf_handle(name)).collect();
        let handles: Vec<_> = handles.iter().collect();
        self.db
            .flush_cfs_opt(&handles, &FlushOptions::default())
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })
    }

    /// Returns whether a write has failed.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned_by().is_some()
    }

    /// Returns why writing has stopped, if it has.
    pub fn poisoned_by(&self) -> Option<Poison> {
        Poison::parse(self.poison.load(Ordering::SeqCst))
    }

    /// Returns one row.
    pub fn get(&self, table: &Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let stored = self.db.get_cf(&self.handle(table), key);
        self.value(table, key, stored.map_err(|error| read_error(table, error))?)
    }

    /// Returns the value in the stored bytes of a row.
    fn value(
        &self,
        table: &Table,
        key: &[u8],
        stored: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(mut stored) = stored else { return Ok(None) };
        stored.truncate(self.macs.check(table, key, &stored)?);
        Ok(Some(stored))
    }

    /// Iterates over rows from `from` upwards.
    pub fn scan<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        Rows(self.walk(table, from))
    }

    /// Iterates over rows from `from` upwards, and reads none whose key is `end` or above.
    pub(crate) fn scan_below<'a>(&'a self, table: &Table, from: &[u8], end: &[u8]) -> Rows<'a> {
        let mut options = read_options(false);
        options.set_iterate_upper_bound(end);
        let mut inner = self.db.raw_iterator_cf_opt(&self.handle(table), options);
        inner.seek(from);
        Rows(Walk::over(self, table, inner))
    }

    /// Iterates over rows from `from` downwards.
    pub fn scan_back<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        let mut inner = self.raw(table, false);
        inner.seek_for_prev(from);
        Rows(Walk { back: true, ..Walk::over(self, table, inner) })
    }

    /// Iterates over all rows upwards without filling the cache.
    pub fn scan_all<'a>(&'a self, table: &Table, from: &[u8]) -> Rows<'a> {
        Rows(self.walk_all(table, from))
    }

    /// Returns the last row.
    pub fn last(&self, table: &Table) -> Result<Option<Row>, ReadError> {
        let mut inner = self.raw(table, false);
        inner.seek_to_last();
        Rows(Walk::over(self, table, inner)).next().transpose()
    }

    /// Iterates over all rows upwards without filling the cache or copying the rows.
    pub(crate) fn walk_all(&self, table: &Table, from: &[u8]) -> Walk<'_> {
        self.lend(table, from, true)
    }

    /// Iterates over rows upwards without copying them.
    pub(crate) fn walk(&self, table: &Table, from: &[u8]) -> Walk<'_> {
        self.lend(table, from, false)
    }

    fn lend(&self, table: &Table, from: &[u8], bulk: bool) -> Walk<'_> {
        let mut inner = self.raw(table, bulk);
        inner.seek(from);
        Walk::over(self, table, inner)
    }

    fn raw(&self, table: &Table, bulk: bool) -> RawRows<'_> {
        self.db.raw_iterator_cf_opt(&self.handle(table), read_options(bulk))
    }

    /// Returns all tables as they are now, whatever is written later.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { store: self, inner: self.db.snapshot() }
    }

    /// Starts a bulk load of rows in key order. The table must have no other readers or writers.
    pub fn sorted_file<'a>(&'a self, table: &'a Table) -> SortedFile<'a> {
        SortedFile::new(self, table)
    }

    pub(crate) const fn sorting(&self) -> &Sorting {
        &self.sorting
    }

    /// Ingests a finished file into a table, durably.
    pub(crate) fn ingest(
        &self,
        table: &Table,
        options: &IngestExternalFileOptions,
        path: &Path,
    ) -> Result<(), rocksdb::Error> {
        self.db.ingest_external_file_cf_opts(&self.handle(table), options, vec![path])
    }

    pub(crate) fn cache_usage(&self) -> usize {
        self.cache.get_usage()
    }

    /// Returns the data directory.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Closes the database of a restore that failed, and removes it.
    pub fn discard(self) -> Result<(), OpenError> {
        let Self { db, dir, .. } = self;
        drop(db);
        dir.discard()
    }

    /// Creates an empty table.
    pub fn create_table(&self, table: &Table) -> Result<(), AppendError> {
        if let Some(poison) = self.poisoned_by() {
            return Err(AppendError::Poisoned(poison));
        }
        let options: Options = options::table(&self.cache, table.name() == tables::LOG);
        let mut names = self.tables.lock();
        self.db
            .create_cf(table.name(), &options)
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })?;
        names.push(table.name().to_owned());
        Ok(())
    }

    /// Drops a table and all its rows. A poisoned store drops nothing: the failed write may have
    /// reached the disk, and may say that this table is the one in use.
    pub fn drop_table(&self, table: &Table) -> Result<(), AppendError> {
        if let Some(poison) = self.poisoned_by() {
            return Err(AppendError::Poisoned(poison));
        }
        let mut names = self.tables.lock();
        self.db
            .drop_cf(table.name())
            .map_err(|source| AppendError::Write { bytes: 0, source: source.into() })?;
        names.retain(|name| name != table.name());
        Ok(())
    }

    /// Removes all rows of a table, which must have no readers or writers.
    pub(crate) fn empty_table(&self, table: &Table) -> Result<(), AppendError> {
        self.drop_table(table)?;
        self.create_table(table)
    }

    /// Returns the names of all tables.
    pub fn table_names(&self) -> Vec<String> {
        self.tables.lock().clone()
    }

    /// Returns whether a table exists.
    pub fn has_table(&self, table: &Table) -> bool {
        self.db.cf_handle(table.name()).is_some()
    }

    /// Returns the size in bytes of a table's files, which lack its newest rows. A table that does
    /// not exist has none.
    pub fn table_bytes(&self, table: &Table) -> Result<u64, ReadError> {
        let Some(handle) = self.db.cf_handle(table.name()) else { return Ok(0) };
        let bytes = self.db.property_int_value_cf(&handle, LIVE_SST_FILES_SIZE);
        Ok(bytes.map_err(|error| read_error(table, error))?.unwrap_or_default())
    }

    /// Returns whether a fixed table was missing when the database was opened.
    pub(crate) fn lacked(&self, table: &str) -> bool {
        self.absent.iter().any(|name| name == table)
    }

    /// Returns whether any was.
    pub(crate) fn lacked_some(&self) -> bool {
        !self.absent.is_empty()
    }

    /// Rewrites all tables that have wrapped keys, and lets go of the write-ahead log, so that no
    /// file contains their former values. Takes time in proportion to the number of keys, while
    /// reads and writes go on.
    pub fn forget_former_keys(&self) -> Result<(), AppendError> {
        // What is only in memory and in the write-ahead log first goes into files.
        self.settle()?;
        for name in [tables::KEYS, tables::FOUNDING, tables::META] {
            self.rewrite_table(&tables::fixed(name));
        }
        Ok(())
    }

    pub(crate) const fn database(&self) -> &Db {
        &self.db
    }

    /// Rewrites a table, so that no file contains its former values.
    pub(crate) fn rewrite_table(&self, table: &Table) {
        let mut options = CompactOptions::default();
        // Otherwise no other table is compacted meanwhile, and writes would have to wait.
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let all: (Option<&[u8]>, Option<&[u8]>) = (None, None);
        self.db.compact_range_cf_opt(&self.handle(table), all.0, all.1, &options);
    }

    /// Creates the fixed tables that were missing.
    pub(crate) fn create_absent(&self) -> Result<(), AppendError> {
        let absent = tables::FIXED.iter().filter(|name| self.lacked(name));
        absent.map(|name| tables::fixed(name)).try_for_each(|table| self.create_table(&table))
    }

    pub(crate) fn handle(&self, table: &Table) -> Arc<BoundColumnFamily<'_>> {
        self.db.cf_handle(table.name()).expect("every Table names an open column family")
    }
}

/// All tables at one moment.
pub(crate) struct Snapshot<'a> {
    store: &'a Store,
    inner: SnapshotWithThreadMode<'a, Db>,
}

impl std::fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

impl Snapshot<'_> {
    /// Returns one row.
    pub(crate) fn get(&self, table: &Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let stored = self.inner.get_cf(&self.store.handle(table), key);
        self.store.value(table, key, stored.map_err(|error| read_error(table, error))?)
    }

    /// Iterates over rows from `from` upwards.
    pub(crate) fn scan(&self, table: &Table, from: &[u8]) -> Rows<'_> {
        let handle = self.store.handle(table);
        let mut inner = self.inner.raw_iterator_cf_opt(&handle, read_options(false));
        inner.seek(from);
        Rows(Walk::over(self.store, table, inner))
    }
}

/// Names a table that a database lacks.
fn missing_table(name: &str) -> String {
    format!("the table {name} in store")
}

/// Returns the names of the tables of a database that is not open.
fn tables_in(path: &Path) -> Result<Vec<String>, OpenError> {
    let names = Db::list_cf(&Options::default(), path);
    names.map_err(|error| open_error(path, error))
}

/// A row's key and value.
pub type Row = (Box<[u8]>, Box<[u8]>);

/// An iterator over rows in key order, which reads them lazily. After a row that is not authentic
/// it goes on with the next.
pub struct Rows<'a>(Walk<'a>);

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({})", self.0.table.name())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.0.next_row().transpose()?;
        Some(row.map(|(key, value)| (key.into(), value.into())))
    }
}

/// A row's key and value, borrowed from a [`Walk`].
type LentRow<'a> = (&'a [u8], &'a [u8]);

/// Rows in key order, each borrowed until the next one is requested.
pub(crate) struct Walk<'a> {
    store: &'a Store,
    inner: RawRows<'a>,
    table: Table,
    started: bool,
    /// Whether it goes downwards.
    back: bool,
}

type RawRows<'a> = DBRawIteratorWithThreadMode<'a, Db>;

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Walk({})", self.table.name())
    }
}

impl<'a> Walk<'a> {
    /// Goes upwards from where `inner` is.
    fn over(store: &'a Store, table: &Table, inner: RawRows<'a>) -> Self {
        Self { store, inner, table: table.clone(), started: false, back: false }
    }

    /// Returns the key and value of the next row.
    pub(crate) fn next_row(&mut self) -> Result<Option<LentRow<'_>>, ReadError> {
        if !self.step()? {
            return Ok(None);
        }
        let Some((key, stored)) = self.inner.item() else { return Ok(None) };
        let length = self.store.macs.check(&self.table, key, stored)?;
        Ok(Some((key, stored.get(..length).unwrap_or_default())))
    }

    /// Returns the key and the unchecked stored bytes of the next row.
    pub(crate) fn next_stored(&mut self) -> Result<Option<LentRow<'_>>, ReadError> {
        Ok(if self.step()? { self.inner.item() } else { None })
    }

    /// Goes to the next row, and returns whether there is one.
    fn step(&mut self) -> Result<bool, ReadError> {
        match (self.started, self.back) {
            (false, _) => {}
            (true, false) => self.inner.next(),
            (true, true) => self.inner.prev(),
        }
        self.started = self.inner.valid();
        if !self.started {
            self.inner.status().map_err(|error| read_error(&self.table, error))?;
        }
        Ok(self.started)
    }
}

/// Returns read options. `bulk` is for reads of many rows that will not be needed again soon.
fn read_options(bulk: bool) -> ReadOptions {
    let mut read_options = ReadOptions::default();
    if bulk {
        read_options.fill_cache(false);
        read_options.set_readahead_size(2 * 1024 * 1024);
    }
    read_options
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixtures::created;
    use crate::tables::log;

    #[test]
    fn a_poisoned_store_drops_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let table = tables::model("lists", 1);
        store.create_table(&table).unwrap();
        store.poison();
        assert!(matches!(store.drop_table(&table), Err(AppendError::Poisoned(Poison::Fault))));
        assert_eq!(store.get(&table, b"k").unwrap(), None, "it is still there");
    }

    #[test]
    fn a_database_that_lacks_a_part_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let mut batch = Batch::new();
        log::put(&mut batch, &store, ledger_domain::Position::new(1), b"{}");
        store.commit(batch, Durability::Synced).unwrap();
        store.drop_table(&tables::fixed(tables::KEYS)).unwrap();
        drop(store);
        let refused = Store::open(DataDir::open(folder.path()).unwrap()).unwrap_err();
        assert!(matches!(&refused, OpenError::Incomplete { part, .. } if part.contains("keys")));
        fs::remove_file(folder.path().join("store/CURRENT")).unwrap();
        let before = fs::read_dir(folder.path().join("store")).unwrap().count();
        let refused = Store::open(DataDir::open(folder.path()).unwrap()).unwrap_err();
        assert!(matches!(&refused, OpenError::Incomplete { part, .. } if part.contains("CURRENT")));
        assert_eq!(fs::read_dir(folder.path().join("store")).unwrap().count(), before);
    }
}
