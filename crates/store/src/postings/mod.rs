//! Bitmaps of numbers by term, such as the connections of a provider or the events of an actor.
//!
//! Numbers (ordinals or positions) are divided into chunks of 65,536; each chunk of each term is
//! one row. Changes are kept in memory and written periodically with a checkpoint, so a single
//! change costs no write. After a crash, the changes since the checkpoint are derived from the log
//! again.
//!
//! Nobody waits for the disk of another. A reader takes a snapshot of the table together with the
//! bitmaps in memory, which are shared and copied when they change, and reads without a lock. A
//! writer reads the rows that it changes before it takes the lock. A flush writes what it found
//! and then forgets those bitmaps that have not changed since.
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
mod changes;
mod flush;
mod frozen;
mod gathered;
mod selection;

use std::sync::Arc;

use ledger_domain::Position;
use parking_lot::{Mutex, RwLock};

use crate::error::{AppendError, ReadError};
use crate::store::Store;
use crate::table::Table;

use changes::Changed;

pub use changes::Changes;
pub use frozen::Frozen;
pub use gathered::{BitmapRow, Gathered, load_bitmaps};
pub use selection::Selection;

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
    /// Bitmaps that differ from the rows on disk. Nothing is read or written while it is locked.
    changed: RwLock<Changed>,
    /// Held by whoever adds or forgets bitmaps in memory.
    changing: Mutex<()>,
    /// Held while bitmaps are written.
    flushing: Mutex<()>,
}

impl Postings {
    /// Opens the bitmaps of a read model's table.
    pub fn new(store: Arc<Store>, table: Table) -> Self {
        let changed = RwLock::default();
        Self { store, table, changed, changing: Mutex::default(), flushing: Mutex::default() }
    }

    /// Returns the table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Makes changes visible, all at once. Returns how many rows differ from those on disk.
    pub fn apply(&self, changes: Changes) -> Result<usize, ReadError> {
        changes::apply(self, changes)
    }

    /// Freezes some terms as they are now, to be read while changes go on.
    pub fn freeze<'t>(&self, terms: impl IntoIterator<Item = &'t Term>) -> Frozen<'_> {
        Frozen::of(self, terms)
    }

    /// Returns the numbers that match one term of every group, or `None` if there are no groups.
    pub fn select(&self, groups: &[Vec<Term>]) -> Result<Option<Selection>, ReadError> {
        self.freeze(groups.iter().flatten()).select(None, groups)
    }

    /// Writes all changed rows with the checkpoint `position`, which all changes so far must have
    /// reached and none exceeded. Changes that come while rows are written stay in memory.
    pub fn flush(&self, position: Position) -> Result<(), AppendError> {
        let _one = self.flushing.lock();
        flush::Flush::of(self).write(position)
    }
}

#[cfg(test)]
mod tests;
