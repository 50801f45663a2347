//! Makes sure that no file has what rows said before they were replaced or deleted.
//!
//! A replaced row stays in older files and in the write-ahead log until compactions come by. Here,
//! the files that may have such rows are rewritten at once, and what is on the disk afterwards is
//! looked at: a file that somebody still reads is removed only when they are done.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;

use ledger_domain::{ConnectionId, Position};
use rocksdb::{BottommostLevelCompaction, CompactOptions, LiveFile};

use crate::error::{AppendError, StorageFault};
use crate::store::Store;
use crate::table::Table;
use crate::tables::{self, connections, snapshots};

/// Ranges of a table that are rewritten one by one. More are rewritten as one.
const RANGES_MAX: usize = 64;
/// Positions between two ranges of the log that are rewritten with them, since they are in the same
/// files.
const GAP_MAX: u64 = 4_096;
/// How many snapshots of the whole database there are, as the database calls it.
const SNAPSHOTS_OPEN: &str = "rocksdb.num-snapshots";

/// What is to be forgotten: what rows said before they were replaced or deleted.
#[derive(Debug, Default)]
pub struct Forgotten {
    positions: Vec<u64>,
    connections: BTreeSet<ConnectionId>,
    /// Keys of receipts, or the first and the last of many.
    receipts: BTreeSet<Vec<u8>>,
    has_many_receipts: bool,
    /// The tables of the read models with rows of connections and with lists.
    models: Option<(Table, Table)>,
}

impl Forgotten {
    /// Begins with the table of lists, which is rewritten as a whole. `rows` and `lists` are the
    /// tables of the read models with rows of connections and with lists.
    pub fn of(rows: &Table, lists: &Table) -> Self {
        Self { models: Some((rows.clone(), lists.clone())), ..Self::default() }
    }

    /// Adds a record that was replaced.
    pub fn add_record(&mut self, position: Position) {
        self.positions.push(position.get());
    }

    /// Adds a receipt that was replaced.
    pub fn add_receipt(&mut self, key: Vec<u8>) {
        self.receipts.insert(key);
        if self.receipts.len() > RANGES_MAX {
            let ends = [self.receipts.pop_first(), self.receipts.pop_last()];
            self.receipts = ends.into_iter().flatten().collect();
            self.has_many_receipts = true;
        }
    }

    /// Adds a connection, with its row, its snapshots and its wrapped key.
    pub fn add_connection(&mut self, id: ConnectionId) {
        self.connections.insert(id);
    }

    /// Returns what to rewrite: tables with ranges of keys, or whole ones.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut positions = self.positions.clone();
        positions.sort_unstable();
        let log = tables::fixed(tables::LOG);
        for range in ranges(&positions) {
            let key = |position: &u64| position.to_be_bytes().to_vec();
            parts.push(Part::of(&log, key(range.start()), key(range.end())));
        }
        let of_receipts = tables::fixed(tables::RECEIPTS);
        match (self.receipts.first(), self.receipts.last()) {
            (Some(first), Some(last)) if self.has_many_receipts => {
                parts.push(Part::of(&of_receipts, first.clone(), last.clone()));
            }
            _ => {
                let each = |key: &Vec<u8>| Part::of(&of_receipts, key.clone(), key.clone());
                parts.extend(self.receipts.iter().map(each));
            }
        }
        let [of_states, of_keys] = [tables::SNAPSHOTS, tables::KEYS].map(tables::fixed);
        let ids: Vec<_> = self.connections.iter().copied().collect();
        let spans: Vec<_> = match ids.as_slice() {
            [first, .., last] if ids.len() > RANGES_MAX => vec![(*first, *last)],
            ids => ids.iter().map(|id| (*id, *id)).collect(),
        };
        for (first, last) in spans {
            let (from, to) = snapshots::span(first, last);
            parts.push(Part::of(&of_states, from, to));
            parts.push(Part::of(&of_keys, first.to_bytes().to_vec(), last.to_bytes().to_vec()));
            if let Some((rows, _)) = &self.models {
                let (from, to) = connections::span(first, last);
                parts.push(Part::of(rows, from, to));
            }
        }
        parts.extend(self.models.iter().map(|(_, lists)| Part::whole(lists.clone())));
        parts
    }
}

/// A range of keys of a table, both ends in it; the whole table without one.
struct Part {
    table: Table,
    keys: Option<(Vec<u8>, Vec<u8>)>,
}

impl Part {
    fn whole(table: Table) -> Self {
        Self { table, keys: None }
    }

    fn of(table: &Table, from: Vec<u8>, to: Vec<u8>) -> Self {
        Self { table: table.clone(), keys: Some((from, to)) }
    }

    /// Returns whether a file may have rows of it.
    fn meets(&self, file: &LiveFile) -> bool {
        if file.column_family_name != self.table.name() {
            return false;
        }
        let (Some((from, to)), Some(first), Some(last)) =
            (&self.keys, &file.start_key, &file.end_key)
        else {
            return true;
        };
        first <= to && from <= last
    }
}

/// The files that had what is to be forgotten.
#[derive(Debug)]
pub struct FormerFiles(BTreeSet<String>);

impl Store {
    /// Rewrites the files that may have what is to be forgotten, and lets go of the write-ahead
    /// log. Returns the former files, which stay on the disk while somebody reads them; see
    /// [`Self::are_gone`]. Returns none, and does nothing, while there is a snapshot of the
    /// database, which would keep what it shows in every file. Takes time in proportion to the size
    /// of the files, while reads and writes go on.
    pub fn forget(&self, forgotten: &Forgotten) -> Result<Option<FormerFiles>, AppendError> {
        if self.snapshots_open()? > 0 {
            return Ok(None);
        }
        let parts = forgotten.parts();
        let mut former = self.files_on_disk("log")?;
        // What is only in memory and in the write-ahead log first goes into files.
        self.settle()?;
        let on_disk = self.files_on_disk("sst")?;
        let live = self.live_files()?;
        let is_met = |file: &&LiveFile| parts.iter().any(|part| part.meets(file));
        former.extend(live.iter().filter(is_met).map(name_of).map(str::to_owned));
        // The database is done with these, and somebody still reads them.
        let live: BTreeSet<_> = live.iter().map(name_of).collect();
        former.extend(on_disk.into_iter().filter(|name| !live.contains(name.as_str())));
        for part in &parts {
            self.rewrite(part);
        }
        Ok(Some(FormerFiles(former)))
    }

    /// Returns whether none of some files is on the disk any more.
    pub fn are_gone(&self, former: &FormerFiles) -> Result<bool, AppendError> {
        let mut present = self.files_on_disk("log")?;
        present.extend(self.files_on_disk("sst")?);
        Ok(former.0.is_disjoint(&present))
    }

    /// Returns whether the database still uses one of some files, so that they have to be rewritten
    /// once more.
    pub fn uses(&self, former: &FormerFiles) -> Result<bool, AppendError> {
        Ok(self.live_files()?.iter().any(|file| former.0.contains(name_of(file))))
    }

    fn rewrite(&self, part: &Part) {
        let mut options = CompactOptions::default();
        // Otherwise no other table is compacted meanwhile, and writes would have to wait.
        options.set_exclusive_manual_compaction(false);
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let keys = part.keys.as_ref();
        let (from, to) = (keys.map(|(from, _)| from), keys.map(|(_, to)| to));
        self.database().compact_range_cf_opt(&self.handle(&part.table), from, to, &options);
    }

    fn snapshots_open(&self) -> Result<u64, AppendError> {
        let open = self.database().property_int_value(SNAPSHOTS_OPEN);
        Ok(open.map_err(failed)?.unwrap_or_default())
    }

    fn live_files(&self) -> Result<Vec<LiveFile>, AppendError> {
        self.database().live_files().map_err(failed)
    }

    /// Returns the names of the files of the database with an extension, of those that have
    /// something in them.
    fn files_on_disk(&self, extension: &str) -> Result<BTreeSet<String>, AppendError> {
        let unread = |error: std::io::Error| AppendError::Write {
            bytes: 0,
            source: StorageFault(error.to_string()),
        };
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(self.dir().store_path()).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            // What was removed meanwhile is not there.
            let is_empty = fs::metadata(&path).map_or(true, |file| file.len() == 0);
            if !is_empty && path.extension().is_some_and(|found| found == extension) {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                names.extend(name);
            }
        }
        Ok(names)
    }
}

fn name_of(file: &LiveFile) -> &str {
    file.name.trim_start_matches('/')
}

fn failed(source: rocksdb::Error) -> AppendError {
    AppendError::Write { bytes: 0, source: source.into() }
}

/// Returns ranges that have all of the positions, which are sorted: as few as make sense.
fn ranges(positions: &[u64]) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    for position in positions {
        match ranges.last_mut() {
            Some(last) if position - *last.end() <= GAP_MAX => *last = *last.start()..=*position,
            _ => ranges.push(*position..=*position),
        }
    }
    match ranges.as_slice() {
        [first, .., last] if ranges.len() > RANGES_MAX => vec![*first.start()..=*last.end()],
        _ => ranges,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::fixtures::created;
    use crate::store::Durability;
    use crate::tables::{keys, log};

    /// Returns whether any file of a database has a text.
    fn has(store: &Store, text: &[u8]) -> bool {
        let files = fs::read_dir(store.dir().store_path()).unwrap();
        let mut contents = files.map(|file| fs::read(file.unwrap().path()).unwrap_or_default());
        contents.any(|bytes| bytes.windows(text.len()).any(|window| window == text))
    }

    fn commit(store: &Store, fill: impl Fn(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        store.commit(batch, Durability::Synced).unwrap();
    }

    #[test]
    fn what_rows_said_is_gone_once_nobody_reads_the_former_files() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let (rows, lists) = (tables::model(connections::MODEL, 1), tables::model("lists", 1));
        for table in [&rows, &lists] {
            store.create_table(table).unwrap();
        }
        let id = ConnectionId::from_bytes([3; 16]);
        let (canary, wrapped) = (b"canary-5f2c".as_slice(), b"wrapped-91d0".as_slice());
        commit(&store, |batch| {
            keys::put(batch, &store, id, wrapped);
            for position in 1..100 {
                log::put(batch, &store, Position::new(position), canary);
            }
        });
        store.settle().unwrap();
        commit(&store, |batch| {
            batch.delete(&store, &tables::fixed(tables::KEYS), &id.to_bytes());
            for position in 1..100 {
                log::put(batch, &store, Position::new(position), b"nothing");
            }
        });
        assert!(has(&store, canary) && has(&store, wrapped));
        let forgotten = || {
            let mut forgotten = Forgotten::of(&rows, &lists);
            forgotten.add_connection(id);
            (1..100).for_each(|position| forgotten.add_record(Position::new(position)));
            forgotten
        };
        let snapshot = store.snapshot();
        assert!(store.forget(&forgotten()).unwrap().is_none(), "a snapshot keeps it");
        drop(snapshot);
        let walk = store.walk_all(&tables::fixed(tables::LOG), &[]);
        let former = store.forget(&forgotten()).unwrap().unwrap();
        assert!(!store.are_gone(&former).unwrap(), "somebody reads it");
        assert!(!store.uses(&former).unwrap(), "but not the database");
        drop(walk);
        // The database removes files a moment after it is done with them.
        assert!((0..100_000).any(|_| store.are_gone(&former).unwrap()));
        assert!(!has(&store, canary) && !has(&store, wrapped));
    }

    #[test]
    fn positions_are_rewritten_in_few_ranges() {
        assert_eq!(ranges(&[]), []);
        assert_eq!(ranges(&[3, 4, 9]), [3..=9]);
        let far: Vec<u64> = (0..5).map(|number| number * 10_000 + 1).collect();
        assert_eq!(ranges(&far).len(), 5);
        let many: Vec<u64> = (0..100).map(|number| number * 10_000 + 1).collect();
        assert_eq!(ranges(&many), [1..=990_001]);
    }
}
