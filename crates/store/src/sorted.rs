//! Bulk loads: rows that are ingested as whole files, without write-ahead log and memory tables.
//!
//! A rebuilt read model has many rows in key order, in a table that has no readers yet. As separate
//! files they are compressed and checked once, by the thread that writes them, and never merged
//! with others, so concurrent commands do not wait for them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{IngestExternalFileOptions, Options, SstFileWriter};

use crate::error::AppendError;
use crate::private_dir;
use crate::store::Store;
use crate::table::Table;
use crate::tables::LOG;

/// Size in bytes at which a file is closed and the next one begun.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The folder and options of sorted files.
pub(crate) struct Sorting {
    folder: PathBuf,
    options: Options,
    /// The options for the log.
    log_options: Options,
    made: AtomicU64,
}

impl Sorting {
    pub(crate) fn new(folder: PathBuf, options: Options, log_options: Options) -> Self {
        Self { folder, options, log_options, made: AtomicU64::new(0) }
    }

    fn next_path(&self) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("{number}.sst"))
    }
}

/// Rows for one table, in ascending key order.
///
/// Once [`Self::finish`] returns, all of them are in the table and survive power loss; some may be
/// visible earlier. For a key that exists already, the later file wins.
pub struct SortedFile<'a> {
    store: &'a Store,
    table: &'a Table,
    open: Option<Open<'a>>,
    /// Room for a value with its MAC.
    room: Vec<u8>,
}

struct Open<'a> {
    writer: SstFileWriter<'a>,
    path: PathBuf,
}

impl std::fmt::Debug for SortedFile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SortedFile({})", self.table.name())
    }
}

impl<'a> SortedFile<'a> {
    pub(crate) fn new(store: &'a Store, table: &'a Table) -> Self {
        Self { store, table, open: None, room: Vec::new() }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), AppendError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let macs = self.store.macs();
        macs.seal(self.table, key, value, &mut self.room, |stored| open.writer.put(key, stored))
            .map_err(|error| self.fault(error))?;
        let full = open.writer.file_size() >= FILE_BYTES;
        self.open = Some(open);
        if full { self.end() } else { Ok(()) }
    }

    /// Adds the remaining rows to the table.
    pub fn finish(mut self) -> Result<(), AppendError> {
        self.end()
    }

    fn begin(&self) -> Result<Open<'a>, AppendError> {
        let sorting = self.store.sorting();
        private_dir::make(&sorting.folder)
            .map_err(|error| AppendError::sorted(self.table, error.to_string()))?;
        let path = sorting.next_path();
        let is_log = self.table.name() == LOG;
        let options = if is_log { &sorting.log_options } else { &sorting.options };
        let writer = SstFileWriter::create(options);
        writer.open(&path).map_err(|error| self.fault(error))?;
        Ok(Open { writer, path })
    }

    fn end(&mut self) -> Result<(), AppendError> {
        let Some(Open { mut writer, path }) = self.open.take() else { return Ok(()) };
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let added = writer.finish().and_then(|()| self.store.ingest(self.table, &options, &path));
        added.map_err(|error| {
            remove(&path);
            self.fault(error)
        })
    }

    fn fault(&self, error: rocksdb::Error) -> AppendError {
        AppendError::sorted(self.table, error.into_string())
    }
}

impl Drop for SortedFile<'_> {
    fn drop(&mut self) {
        if let Some(Open { writer, path }) = self.open.take() {
            drop(writer);
            remove(&path);
        }
    }
}

/// Removes an unused file. If that fails, the next opening of the folder removes it.
fn remove(path: &std::path::Path) {
    drop(fs::remove_file(path));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{created, mac_key, unkeyed};
    use crate::tables::model;

    fn files(folder: &std::path::Path) -> usize {
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    #[test]
    fn rows_are_there_once_finished_and_nothing_is_left_of_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let table = model("lists", 1);
        let store = created(dir.path());
        store.create_table(&table).unwrap();
        let folder = store.dir().sorting_path();

        store.sorted_file(&table).finish().unwrap();
        let mut file = store.sorted_file(&table);
        file.put(b"a", b"1").unwrap();
        file.put(b"c", b"3").unwrap();
        assert_eq!(store.get(&table, b"a").unwrap(), None, "rows appear only at the end");
        file.finish().unwrap();
        let mut file = store.sorted_file(&table);
        file.put(b"b", b"2").unwrap();
        file.finish().unwrap();
        let mut file = store.sorted_file(&table);
        file.put(b"d", b"4").unwrap();
        assert_eq!(files(&folder), 1);
        drop(file);
        assert_eq!(files(&folder), 0, "an unfinished file is removed");
        let mut file = store.sorted_file(&table);
        file.put(b"e", b"5").unwrap();
        assert!(matches!(file.put(b"d", b"4"), Err(AppendError::Sorted { .. })), "out of order");
        drop(file);

        fs::write(folder.join("7.sst"), "left by a kill").unwrap();
        drop(store);
        let store = unkeyed(dir.path()).with_key(mac_key(1), |_| Ok(())).unwrap();
        assert_eq!(files(&folder), 0, "an opening clears the folder");
        let rows: Vec<_> = store.scan(&table, &[]).map(|row| row.unwrap().0).collect();
        assert_eq!(rows, [*b"a", *b"b", *b"c"].map(|key| Box::from(key.as_slice())));
    }
}
