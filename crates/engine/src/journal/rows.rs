//! The rows of the journal.

use std::time::Duration;

use ledger_contract::journal::JournalEntry;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_store::tables::{journal, meta};
use ledger_store::{Batch, Durability, ReadError, Store};

use super::JournalOptions;
use super::folds::{Line, LineKey, StoredRow, entry};
use crate::errors::Fault;

/// Most rows, whatever their size.
const ROWS_MAX: u64 = 1_000_000;
/// Rows that are removed with one batch.
const REMOVED_AT_ONCE: usize = 1_024;
/// How often the age of the oldest row is looked at while nothing is stored.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);

/// What is stored, and how much of it may be.
#[derive(Debug)]
pub(super) struct JournalRows {
    options: JournalOptions,
    /// What is stored, once somebody has looked.
    extent: Option<Extent>,
    /// When the oldest row was last looked at.
    looked_at: Micros,
    /// The number of synced commits before the last write, until the disk has been synced.
    unsynced: Option<u64>,
}

/// The rows in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    first: u64,
    next: u64,
    bytes: u64,
}

impl JournalRows {
    pub(super) fn new(options: JournalOptions) -> Self {
        Self { options, extent: None, looked_at: Micros::default(), unsynced: None }
    }

    /// Stores lines, each in its row, and removes rows that are too old or too many. Returns the
    /// rows.
    pub(super) fn store(
        &mut self,
        store: &Store,
        changed: &[(LineKey, Line)],
        now: Micros,
    ) -> Result<Vec<StoredRow>, Fault> {
        self.sync_earlier(store)?;
        if changed.is_empty() && !self.is_time_to_look(now) {
            return Ok(Vec::new());
        }
        let mut extent = match self.extent {
            Some(extent) => extent,
            None => Extent::load(store)?,
        };
        let mut batch = Batch::new();
        let put = |(key, line): &(LineKey, Line)| put(&mut batch, store, &mut extent, key, line);
        let rows = changed.iter().map(put).collect();
        self.commit(store, batch)?;
        self.extent = Some(extent);
        self.remove_old(store, now)?;
        Ok(rows)
    }

    fn commit(&mut self, store: &Store, batch: Batch) -> Result<(), Fault> {
        if batch.is_empty() {
            return Ok(());
        }
        store.commit(batch, Durability::Buffered)?;
        // Read afterwards: a commit that ended before synced nothing of this one.
        self.unsynced = Some(store.synced_commits());
        Ok(())
    }

    /// Syncs the disk if no command has done it since the last write.
    fn sync_earlier(&mut self, store: &Store) -> Result<(), Fault> {
        match self.unsynced.take() {
            Some(synced) if store.synced_commits() == synced => Ok(store.sync()?),
            Some(_) | None => Ok(()),
        }
    }

    fn is_time_to_look(&mut self, now: Micros) -> bool {
        let interval = u64::try_from(LOOK_INTERVAL.as_micros()).unwrap_or(u64::MAX);
        let is_time = now.get().abs_diff(self.looked_at.get()) >= interval;
        if is_time {
            self.looked_at = now;
        }
        is_time
    }

    /// Removes rows from the front. A row that cannot be read is removed only to save room.
    fn remove_old(&mut self, store: &Store, now: Micros) -> Result<(), Fault> {
        let Some(mut extent) = self.extent else { return Ok(()) };
        let mut batch = Batch::new();
        for _ in 0..REMOVED_AT_ONCE {
            if extent.is_empty() {
                break;
            }
            let is_over =
                extent.bytes > self.options.bytes_max || extent.next - extent.first > ROWS_MAX;
            let row = match journal::get(store, extent.first) {
                Ok(row) => row,
                Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) if is_over => None,
                Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            if row.as_deref().is_some_and(|row| !is_over && !self.is_old(row, now)) {
                break;
            }
            journal::delete(&mut batch, store, extent.first);
            extent.bytes = extent.bytes.saturating_sub(bytes(row.as_deref().unwrap_or_default()));
            extent.first += 1;
        }
        if !batch.is_empty() {
            // Numbers go on when no row is left to count on from.
            meta::put_journal_removed(&mut batch, store, extent.first - 1);
        }
        self.commit(store, batch)?;
        self.extent = Some(extent);
        Ok(())
    }

    fn is_old(&self, row: &[u8], now: Micros) -> bool {
        let entry = serde_json::from_slice::<JournalEntry>(row);
        let last = entry.ok().and_then(|entry| time::parse("last_at", &entry.last_at).ok());
        let keep = i64::try_from(self.options.keep.as_micros()).unwrap_or(i64::MAX);
        last.is_some_and(|last| last.get().saturating_add(keep) < now.get())
    }
}

impl Extent {
    /// Looks at all rows. Whatever cannot be read keeps its number.
    fn load(store: &Store) -> Result<Self, Fault> {
        let mut extent: Option<Self> = None;
        for row in journal::all(store) {
            match row {
                Ok((number, row)) => {
                    let found = extent.get_or_insert(Self { first: number, next: 1, bytes: 0 });
                    found.next = number + 1;
                    found.bytes += bytes(&row);
                }
                Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let after_removed = meta::journal_removed(store)? + 1;
        let none = Self { first: after_removed, next: after_removed, bytes: 0 };
        let mut extent = extent.unwrap_or(none);
        while !matches!(journal::get(store, extent.next), Ok(None)) {
            extent.next += 1;
        }
        Ok(extent)
    }

    fn is_empty(self) -> bool {
        self.first >= self.next
    }
}

fn put(
    batch: &mut Batch,
    store: &Store,
    extent: &mut Extent,
    key: &LineKey,
    line: &Line,
) -> StoredRow {
    // The row may have been removed to save room.
    let former = line.row.filter(|row| row.number >= extent.first);
    let number = former.map_or(extent.next, |row| row.number);
    let row = entry(number, key, line).to_json();
    journal::put(batch, store, number, &row);
    extent.next = extent.next.max(number + 1);
    let bytes = bytes(&row);
    extent.bytes = extent.bytes.saturating_sub(former.map_or(0, |row| row.bytes)) + bytes;
    StoredRow { number, bytes }
}

fn bytes(row: &[u8]) -> u64 {
    u64::try_from(row.len()).unwrap_or(u64::MAX)
}
