//! The tables that follow from the log without being read models: the positions of streams, the
//! claims to slugs, the receipts, and which connections were erased. Records of earlier versions
//! lack the fingerprint of a receipt. The tree over the log is compared here, too.
//!
//! They have no generations, because the writer uses them. So they are rebuilt in place, and only
//! while nothing else uses the ledger. They are compared by order-independent sums over their rows
//! and over what the log says, because the log has another order.

use std::collections::{BTreeMap, HashMap};

use ledger_contract::records::ConnectionRow;
use ledger_domain::{ConnectionId, MasterKeyId, Micros, Position};
use ledger_store::tables::erasures::{self, Erasure};
use ledger_store::tables::receipts::ReceiptRow;
use ledger_store::tables::{
    Receipt, claims, connections, journal, keys, log, meta, receipts, snapshots, streams,
};
use ledger_store::{Batch, Durability, ReadError, Rows, Store, Table};

use super::entry::{Due, Entry, NO_FINGERPRINT};
use crate::derived;
use crate::errors::Fault;
use crate::master_keys::counts;
use crate::projections::claims::claim;
use crate::transparency::TreeComparison;

/// The names of the tables.
pub(super) const NAMES: [&str; 5] = ["streams", "claims", "receipts", "erasures", "tree"];

/// Bytes of rows that are written at a time.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A sum over rows in any order.
#[derive(Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digests: u128,
}

impl Sum {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(key).update(value);
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        self.rows += 1;
        self.digests = self.digests.wrapping_add(u128::from_be_bytes(digest));
    }

    /// Returns how a table differs from what the log says.
    fn difference(&self, table: &str, from_log: &Self) -> Option<String> {
        let (found, due) = (self.rows, from_log.rows);
        if found != due {
            return Some(format!(
                "table {table}: it has {found} rows, but {due} follow from the log"
            ));
        }
        (self != from_log).then(|| format!("table {table}: a row differs from what the log says"))
    }
}

/// The tables as they were at one moment.
pub(super) struct Indexes<'a> {
    store: &'a Store,
    head: Position,
    streams: Rows<'a>,
    claims: Rows<'a>,
    receipts: Box<dyn Iterator<Item = Result<ReceiptRow, ReadError>> + 'a>,
    connections: Box<dyn Iterator<Item = Result<Box<[u8]>, ReadError>> + 'a>,
    erasures: Box<dyn Iterator<Item = Result<Erasure, ReadError>> + 'a>,
    data_keys: Box<dyn Iterator<Item = keys::KeyRow> + 'a>,
    counts: Result<BTreeMap<MasterKeyId, u64>, ReadError>,
}

impl<'a> Indexes<'a> {
    /// Opens the tables, and rows of connections that are known to be right. Later writes are not
    /// visible.
    pub(super) fn open(store: &'a Store, connections: &Table, head: Position) -> Self {
        Self {
            store,
            head,
            streams: streams::rows(store),
            claims: claims::rows(store),
            receipts: Box::new(receipts::all(store)),
            connections: Box::new(connections::scan(store, connections)),
            erasures: Box::new(erasures::all(store)),
            data_keys: Box::new(keys::scan_all(store, ConnectionId::from_bytes([0; 16]))),
            counts: meta::data_keys(store),
        }
    }

    /// Returns a description of the first table that differs from the log.
    pub(super) fn first_difference(self) -> Result<Option<String>, Fault> {
        let (mut streams_due, mut receipts_due) = (Sum::default(), Sum::default());
        let mut erasures_due = Vec::new();
        // The version of the metadata never goes back along the log, except in records that were
        // emptied, whose receipts have no fingerprint.
        let mut last_without = Position::ZERO;
        let mut tree = TreeComparison::new(self.store);
        each_record(self.store, self.head, |position, record| {
            let entry = Entry::read(position, record)?;
            tree.take(position, record)?;
            let (key, value) = streams::row(entry.stream, entry.version, entry.position);
            streams_due.add(&key, &value);
            erasures_due.extend(entry.erases.map(|connection| (entry.position, connection)));
            match entry.receipt {
                Due::None => {}
                Due::WithoutFingerprint(receipt) => {
                    last_without = entry.position;
                    receipts_due.add(&entry.key, &receipt.encode());
                }
                Due::Whole(receipt) => receipts_due.add(&entry.key, &receipt.encode()),
            }
            Ok(())
        })?;
        let mut claims_due = Sum::default();
        for row in self.connections {
            let connection = decode(&row?)?.connection;
            if let Some(key) = claim(&connection) {
                claims_due.add(&key, &claims::value(connection.id));
            }
        }
        let mut receipts = Sum::default();
        for row in self.receipts {
            let (key, receipt) = row?;
            let said = receipt.map(|receipt| {
                let is_compared = receipt.position > last_without;
                let fingerprint = if is_compared { receipt.fingerprint } else { NO_FINGERPRINT };
                Receipt { fingerprint, ..receipt }.encode()
            });
            receipts.add(&key, &said.unwrap_or_default());
        }
        let [of_streams, of_claims, of_receipts, of_erasures, of_tree] = NAMES;
        let mut erasures = Vec::new();
        for erasure in self.erasures {
            let erasure = erasure?;
            erasures.push((erasure.position, erasure.connection));
        }
        let (found, due) = (erasures.len(), erasures_due.len());
        let erasures = (erasures != erasures_due).then(|| {
            format!(
                "table {of_erasures}: its {found} rows are not the {due} that follow from the log"
            )
        });
        let streams = sum(self.streams)?.difference(of_streams, &streams_due);
        let claims = sum(self.claims)?.difference(of_claims, &claims_due);
        let counted = counts::count(self.data_keys)?;
        let data_keys = counts::difference(&self.counts?, &counted);
        let receipts = receipts.difference(of_receipts, &receipts_due);
        let tree = tree.difference()?.map(|what| format!("table {of_tree}: {what}"));
        Ok(streams.or(claims).or(receipts).or(erasures).or(data_keys).or(tree))
    }
}

fn sum(rows: Rows<'_>) -> Result<Sum, Fault> {
    let mut sum = Sum::default();
    for row in rows {
        let (key, value) = row?;
        sum.add(&key, &value);
    }
    Ok(sum)
}

/// Reads the tables that no comparison reads as a whole. A row of them that is not authentic is an
/// error.
pub(super) fn check_rest(store: &Store) -> Result<(), Fault> {
    for rows in [keys::rows(store), snapshots::rows(store), meta::rows(store)] {
        for row in rows {
            row?;
        }
    }
    check_journal(store)
}

/// Reads the audit journal, whose entries have numbers without gaps.
fn check_journal(store: &Store) -> Result<(), Fault> {
    let mut next = None;
    for row in journal::all(store) {
        let (number, _) = row?;
        if let Some(missing) = next.filter(|next| *next != number) {
            let what = format!("entry {missing} of the audit journal is missing");
            return Err(Fault::Damaged(what));
        }
        next = Some(number + 1);
    }
    Ok(())
}

/// Rebuilds the tables in place. Nothing else may use the ledger meanwhile. `connections` are rows
/// that are known to be right.
///
/// A lost receipt comes back as it was. If its record is of an earlier version, it comes back
/// without its fingerprint, so a repeat of its command is refused and never executed twice.
pub(super) fn rebuild(store: &Store, connections: &Table, head: Position) -> Result<(), Fault> {
    mark(store, false)?;
    streams::clear(store)?;
    claims::clear(store)?;
    let completed = completed_erasures(store)?;
    erasures::clear(store)?;
    let mut writing = Writing { store, batch: Batch::new() };
    let mut receipts_due = 0;
    each_entry(store, head, |entry| {
        streams::put(&mut writing.batch, store, entry.stream, entry.version, entry.position);
        if let Some(connection) = entry.erases {
            let position = entry.position;
            let completed_at = completed.get(&(position, connection)).copied();
            let erasure = Erasure { position, connection, completed_at };
            erasures::put(&mut writing.batch, store, &erasure);
            // A copy that was made before may have brought its data key back.
            keys::delete(&mut writing.batch, store, connection);
        }
        if put_receipt(&mut writing.batch, store, &entry)? {
            receipts_due += 1;
        }
        writing.write_when_full()
    })?;
    for row in connections::scan(store, connections) {
        let connection = decode(&row?)?.connection;
        if let Some(key) = claim(&connection) {
            claims::put(&mut writing.batch, store, &key, connection.id);
            writing.write_when_full()?;
        }
    }
    writing.write()?;
    drop_unfounded_receipts(store, receipts_due)?;
    mark(store, true)
}

/// Returns when erasures were carried out. One of which that cannot be read is carried out again.
fn completed_erasures(store: &Store) -> Result<HashMap<(Position, ConnectionId), Micros>, Fault> {
    let mut completed = HashMap::new();
    for erasure in erasures::all(store) {
        let erasure = match erasure {
            Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => continue,
            erasure => erasure?,
        };
        let at = erasure.completed_at;
        completed.extend(at.map(|at| ((erasure.position, erasure.connection), at)));
    }
    Ok(completed)
}

/// Stores the receipt that follows from a record, unless it is there. Returns whether one follows.
fn put_receipt(batch: &mut Batch, store: &Store, entry: &Entry) -> Result<bool, Fault> {
    let (Due::WithoutFingerprint(receipt) | Due::Whole(receipt)) = entry.receipt else {
        return Ok(false);
    };
    let found = match receipts::get(store, &entry.key) {
        Err(ReadError::Corrupt { .. } | ReadError::Altered { .. }) => None,
        found => found?,
    };
    let fingerprint = match (&entry.receipt, found) {
        (Due::WithoutFingerprint(_), Some(found)) => found.fingerprint,
        _ => receipt.fingerprint,
    };
    let due = Receipt { fingerprint, ..receipt };
    if found != Some(due) {
        receipts::put(batch, store, &entry.key, &due);
    }
    Ok(true)
}

/// Removes receipts that do not follow from the log. Those that do, of which there are `due`, are
/// in the table.
fn drop_unfounded_receipts(store: &Store, due: u64) -> Result<(), Fault> {
    let mut rows = 0_u64;
    for row in receipts::all(store) {
        match row {
            Ok(_) | Err(ReadError::Altered { .. }) => rows += 1,
            Err(error) => return Err(error.into()),
        }
    }
    if rows == due {
        return Ok(());
    }
    let mut writing = Writing { store, batch: Batch::new() };
    for row in receipts::all(store) {
        let (key, receipt) = match row {
            // Those of commands in the log have just been replaced.
            Err(ReadError::Altered { key, .. }) => (key, None),
            row => row?,
        };
        let position = receipt.map_or(Position::ZERO, |receipt| receipt.position);
        let record = log::get(store, position)?;
        let entry = record.map(|record| Entry::read(position, &record)).transpose()?;
        let has_receipt = |entry: &Entry| entry.key == *key && !matches!(entry.receipt, Due::None);
        if !entry.is_some_and(|entry| has_receipt(&entry)) {
            receipts::delete(&mut writing.batch, store, &key);
            writing.write_when_full()?;
        }
    }
    writing.write()
}

/// Rows on their way into the tables.
struct Writing<'a> {
    store: &'a Store,
    batch: Batch,
}

impl Writing<'_> {
    fn write_when_full(&mut self) -> Result<(), Fault> {
        if self.batch.size_bytes() < BATCH_BYTES { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), Fault> {
        let batch = std::mem::take(&mut self.batch);
        self.store.commit(batch, Durability::Buffered).map_err(Fault::from)
    }
}

fn mark(store: &Store, complete: bool) -> Result<(), Fault> {
    let mut batch = Batch::new();
    derived::put_indexes(&mut batch, store, complete);
    store.commit(batch, Durability::Synced).map_err(Fault::from)
}

/// Calls `take` for every record up to `head`, none of which may be missing.
fn each_entry(
    store: &Store,
    head: Position,
    mut take: impl FnMut(Entry) -> Result<(), Fault>,
) -> Result<(), Fault> {
    each_record(store, head, |position, record| take(Entry::read(position, record)?))
}

fn each_record(
    store: &Store,
    head: Position,
    mut take: impl FnMut(Position, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut expected = Position::ZERO;
    for row in log::scan_all(store, expected.next())
        .take_while(|row| row.as_ref().map_or(true, |(position, _)| *position <= head))
    {
        let (position, record) = row?;
        expected = expected.next();
        if position != expected {
            return Err(super::missing(expected));
        }
        take(position, &record)?;
    }
    Ok(())
}

fn decode(row: &[u8]) -> Result<ConnectionRow, Fault> {
    ConnectionRow::decode(row)
        .map_err(|source| Fault::Row { of: "a connection".to_owned(), source })
}
