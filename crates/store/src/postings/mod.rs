//! Bitmaps of numbers by term, such as the connections of a provider or the events of an actor.
//!
//! Numbers (ordinals or positions) are divided into chunks of 65,536; each chunk of each term is
//! one row. Changes are kept in memory and written periodically with a checkpoint, so a single
//! change costs no write. After a crash, the changes since the checkpoint are derived from the log
//! again.
//!
//! ```text
//! 't' | field (1) | value | 0 | chunk u64 BE   ->   tag (1) | bits
//! ```
//!
//! Fewer than 4,096 numbers are stored as sorted u16 LE; more are a plain 8 KiB bitmap. Each set
//! has one form, so equal sets are equal bytes. A value of more than 64 bytes is replaced by 0x01
//! and its BLAKE3 hash in hex. No value starts with 0x01, because values contain no control
//! characters.

mod bits;
mod gathered;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ledger_domain::Position;
use parking_lot::RwLock;
use roaring::RoaringBitmap;

use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Durability, Store};
use crate::table::Table;
use crate::tables::meta;

pub use gathered::{BitmapRow, Gathered, load_bitmaps};

const CHUNK_BITS: u32 = 16;
const VALUE_BYTES_MAX: usize = 64;

/// A field and the value that it must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(Vec<u8>);

impl Term {
    /// Creates a term from a field, which the caller numbers, and a value.
    pub fn new(field: u8, value: &str) -> Self {
        let mut key = Vec::with_capacity(value.len() + 11);
        write_term(&mut key, field, value);
        Self(key)
    }

    fn chunk(&self, chunk: u64) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.0.len() + 8);
        key.extend_from_slice(&self.0);
        key.extend_from_slice(&chunk.to_be_bytes());
        key
    }
}

fn write_term(key: &mut Vec<u8>, field: u8, value: &str) {
    key.push(b't');
    key.push(field);
    if value.len() <= VALUE_BYTES_MAX {
        key.extend_from_slice(value.as_bytes());
    } else {
        key.push(1);
        key.extend_from_slice(blake3::hash(value.as_bytes()).to_hex().as_bytes());
    }
    key.push(0);
}

/// A set of numbers by chunk, in order. No chunk is empty.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    chunks: BTreeMap<u64, RoaringBitmap>,
}

impl Selection {
    /// Returns how many numbers the set has.
    pub fn len(&self) -> u64 {
        self.chunks.values().map(RoaringBitmap::len).sum()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns whether the set contains `number`.
    pub fn contains(&self, number: u64) -> bool {
        let (chunk, low) = split(number);
        self.chunks.get(&chunk).is_some_and(|bits| bits.contains(low))
    }

    /// Adds `number`.
    pub fn insert(&mut self, number: u64) {
        let (chunk, low) = split(number);
        self.chunks.entry(chunk).or_default().insert(low);
    }

    /// Removes `number`.
    pub fn remove(&mut self, number: u64) {
        let (chunk, low) = split(number);
        if let Some(bits) = self.chunks.get_mut(&chunk) {
            bits.remove(low);
            if bits.is_empty() {
                self.chunks.remove(&chunk);
            }
        }
    }

    /// Keeps only numbers that are in both sets.
    pub fn intersect(&mut self, other: &Self) {
        self.chunks.retain(|chunk, bits| match other.chunks.get(chunk) {
            None => false,
            Some(others) => {
                *bits &= others;
                !bits.is_empty()
            }
        });
    }

    /// Adds all numbers of `other`.
    pub fn unite(&mut self, other: Self) {
        for (chunk, bits) in other.chunks {
            *self.chunks.entry(chunk).or_default() |= bits;
        }
    }

    /// Returns up to `most` numbers in order after skipping `skip` of them.
    pub fn page(&self, skip: u64, most: usize, descending: bool) -> Vec<u64> {
        let mut skip = skip;
        let mut numbers = Vec::with_capacity(most.min(1_024));
        let mut visit = |(chunk, bits): (&u64, &RoaringBitmap)| {
            if skip >= bits.len() {
                skip -= bits.len();
                return numbers.len() < most;
            }
            let base = chunk << CHUNK_BITS;
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
            skip = 0;
            let wanted = most - numbers.len();
            let number = |low: u32| base | u64::from(low);
            if descending {
                numbers.extend(bits.iter().rev().skip(skipped).take(wanted).map(number));
            } else {
                numbers.extend(bits.iter().skip(skipped).take(wanted).map(number));
            }
            numbers.len() < most
        };
        if descending {
            let _ = self.chunks.iter().rev().all(&mut visit);
        } else {
            let _ = self.chunks.iter().all(&mut visit);
        }
        numbers
    }

    /// Returns how many numbers are below `number`.
    pub fn rank(&self, number: u64) -> u64 {
        let (chunk, low) = split(number);
        let whole: u64 = self.chunks.range(..chunk).map(|(_, bits)| bits.len()).sum();
        let part = match (self.chunks.get(&chunk), low.checked_sub(1)) {
            (Some(bits), Some(below)) => bits.rank(below),
            _ => 0,
        };
        whole + part
    }

    /// Keeps only numbers from `from` up to, but not including, `until`.
    pub fn keep_range(&mut self, from: u64, until: u64) {
        self.chunks.retain(|chunk, bits| {
            let base = chunk << CHUNK_BITS;
            let end = base + (1 << CHUNK_BITS);
            if from > base || until < end {
                let low =
                    |number: u64| u32::try_from(number.clamp(base, end) - base).unwrap_or(u32::MAX);
                bits.remove_range(..low(from));
                bits.remove_range(low(until)..);
            }
            !bits.is_empty()
        });
    }
}

fn split(number: u64) -> (u64, u32) {
    let (chunk, low) = split_low(number);
    (chunk, u32::from(low))
}

fn split_low(number: u64) -> (u64, u16) {
    (number >> CHUNK_BITS, u16::try_from(number & 0xffff).unwrap_or(0))
}

/// The bitmaps of one generation of a read model: rows on disk, and newer ones in memory.
#[derive(Debug)]
pub struct Postings {
    store: Arc<Store>,
    table: Table,
    changed: RwLock<Changed>,
}

/// Bitmaps that differ from the rows on disk.
#[derive(Debug, Default)]
struct Changed {
    terms: HashMap<Term, BTreeMap<u64, RoaringBitmap>>,
    rows: usize,
}

/// Changes to bitmaps under one lock.
#[derive(Debug)]
pub struct Changes<'a> {
    postings: &'a Postings,
    changed: parking_lot::RwLockWriteGuard<'a, Changed>,
}

impl Changes<'_> {
    /// Adds `number` to a term.
    pub fn insert(&mut self, term: &Term, number: u64) -> Result<(), ReadError> {
        self.change(term, number, RoaringBitmap::insert)
    }

    /// Removes `number` from a term.
    pub fn remove(&mut self, term: &Term, number: u64) -> Result<(), ReadError> {
        self.change(term, number, RoaringBitmap::remove)
    }

    fn change(
        &mut self,
        term: &Term,
        number: u64,
        change: impl FnOnce(&mut RoaringBitmap, u32) -> bool,
    ) -> Result<(), ReadError> {
        let (chunk, low) = split(number);
        let known = self.changed.terms.get_mut(term).and_then(|chunks| chunks.get_mut(&chunk));
        if let Some(bits) = known {
            change(bits, low);
            return Ok(());
        }
        let mut bits = self.postings.stored(&term.chunk(chunk))?.unwrap_or_default();
        change(&mut bits, low);
        self.changed.terms.entry(term.clone()).or_default().insert(chunk, bits);
        self.changed.rows += 1;
        Ok(())
    }

    /// Returns how many rows differ from those on disk.
    pub fn rows(&self) -> usize {
        self.changed.rows
    }
}

impl Postings {
    /// Opens the bitmaps of a read model's table.
    pub fn new(store: Arc<Store>, table: Table) -> Self {
        Self { store, table, changed: RwLock::default() }
    }

    /// Returns the table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Starts a change of bitmaps. Readers wait until the result is dropped.
    pub fn change(&self) -> Changes<'_> {
        Changes { postings: self, changed: self.changed.write() }
    }

    /// Returns the numbers that match one term of every group, or `None` if there are no groups.
    pub fn select(&self, groups: &[Vec<Term>]) -> Result<Option<Selection>, ReadError> {
        let changed = self.changed.read();
        let mut selected: Option<Selection> = None;
        for group in groups {
            let mut any = Selection::default();
            for term in group {
                any.unite(self.under(&changed, term)?);
            }
            match &mut selected {
                None => selected = Some(any),
                Some(all) => all.intersect(&any),
            }
        }
        Ok(selected)
    }

    fn under(&self, changed: &Changed, term: &Term) -> Result<Selection, ReadError> {
        let changed = changed.terms.get(term);
        let mut selection = Selection::default();
        for row in self.store.scan(&self.table, &term.0) {
            let (key, value) = row?;
            let Some(chunk) = key.strip_prefix(term.0.as_slice()).and_then(chunk_number) else {
                break;
            };
            if !changed.is_some_and(|chunks| chunks.contains_key(&chunk)) {
                selection.chunks.insert(chunk, self.decode(&value)?);
            }
        }
        for (chunk, bits) in changed.into_iter().flatten() {
            if !bits.is_empty() {
                selection.chunks.insert(*chunk, bits.clone());
            }
        }
        Ok(selection)
    }

    fn stored(&self, key: &[u8]) -> Result<Option<RoaringBitmap>, ReadError> {
        let bytes = self.store.get(&self.table, key)?;
        bytes.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Writes all changed rows with the checkpoint `position`.
    pub fn flush(&self, position: Position) -> Result<(), AppendError> {
        let mut changed = self.changed.write();
        let mut batch = Batch::new();
        for (term, chunks) in &changed.terms {
            for (chunk, bits) in chunks {
                let key = term.chunk(*chunk);
                if bits.is_empty() {
                    batch.delete(&self.store, &self.table, &key);
                } else {
                    batch.put(&self.store, &self.table, &key, &bits::encode(bits));
                }
            }
        }
        meta::put_checkpoint(&mut batch, &self.store, &self.table, position);
        self.store.commit(batch, Durability::Buffered)?;
        *changed = Changed::default();
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<RoaringBitmap, ReadError> {
        bits::decode(bytes).ok_or_else(|| corrupt(&self.table, "a bitmap"))
    }
}

fn chunk_number(rest: &[u8]) -> Option<u64> {
    rest.try_into().ok().map(u64::from_be_bytes)
}
