//! Merges the workers' audit bitmaps and writes them, one chunk of positions at a time.

use std::collections::BTreeMap;

use ledger_store::{AppendError, BitmapRow, Gathered, Store, Table, load_bitmaps};
use parking_lot::Mutex;

use crate::errors::Fault;
use crate::models::Models;

/// Bytes of rows that are collected before they are sorted and written. If every event has its own
/// correlation id, there are as many rows as events.
const ROWS_BYTES: usize = 48 * 1_024 * 1_024;
/// Memory that a row takes in addition to its bytes.
const ROW_BYTES: usize = 64;

/// Receives the workers' bitmaps.
pub(super) struct AuditSink<'a> {
    store: &'a Store,
    table: &'a Table,
    workers: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Incomplete chunks, with the number of workers that have delivered.
    open: BTreeMap<u64, (usize, Gathered)>,
    rows: Vec<BitmapRow>,
    bytes: usize,
}

impl<'a> AuditSink<'a> {
    pub(super) fn new(fresh: &'a Models, workers: usize) -> Self {
        let (store, table) = (&fresh.store, fresh.audit.table());
        Self { store, table, workers, inner: Mutex::default() }
    }

    /// Merges one worker's part of a chunk. The last part completes the rows of the chunk.
    pub(super) fn deliver(&self, chunk: u64, part: Gathered) -> Result<(), Fault> {
        let mut inner = self.inner.lock();
        let (delivered, gathered) = inner.open.entry(chunk).or_default();
        *delivered += 1;
        gathered.merge(part);
        if *delivered < self.workers {
            return Ok(());
        }
        if let Some((_, mut whole)) = inner.open.remove(&chunk) {
            let rows = whole.take_rows(u64::MAX);
            inner.bytes += rows.iter().map(|(key, bits)| key.len() + bits.len()).sum::<usize>();
            inner.bytes += rows.len() * ROW_BYTES;
            inner.rows.extend(rows);
        }
        if inner.bytes < ROWS_BYTES {
            return Ok(());
        }
        let rows = std::mem::take(&mut inner.rows);
        inner.bytes = 0;
        drop(inner);
        self.write(rows).map_err(Fault::from)
    }

    /// Writes the remaining rows.
    pub(super) fn finish(self) -> Result<(), Fault> {
        let rows = std::mem::take(&mut self.inner.lock().rows);
        self.write(rows).map_err(Fault::from)
    }

    fn write(&self, mut rows: Vec<BitmapRow>) -> Result<(), AppendError> {
        rows.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let mut file = self.store.sorted_file(self.table);
        load_bitmaps(&mut file, &rows)?;
        file.finish()
    }
}
