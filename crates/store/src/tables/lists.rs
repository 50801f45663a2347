//! Sort orders of the list read model. Its bitmaps are in the same table; see [`crate::Postings`].
//!
//! ```text
//! 'n' | folded name (at most 128 bytes) | 0 | ordinal u32 BE   ->   folded slug | 0 | folded name
//! 'u' | position of last change u64 BE                         ->   ordinal u32 BE
//! ```

use ledger_domain::Position;

use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::sorted::SortedFile;
use crate::store::{Row, Store};
use crate::table::Table;

/// The read model's name.
pub const MODEL: &str = "lists";

const NAME_BYTES_MAX: usize = 128;

/// A sort order of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name, ignoring case.
    Name,
    /// By the position of the last change.
    Updated,
}

impl Order {
    const fn tag(self) -> u8 {
        match self {
            Self::Name => b'n',
            Self::Updated => b'u',
        }
    }
}

/// Returns a connection's key in the name order.
pub fn name_key(folded_name: &str, ordinal: u32) -> Vec<u8> {
    let name = folded_name.as_bytes();
    let kept = name.get(..NAME_BYTES_MAX).unwrap_or(name);
    let mut key = Vec::with_capacity(kept.len() + 6);
    key.push(b'n');
    key.extend_from_slice(kept);
    key.push(0);
    key.extend_from_slice(&ordinal.to_be_bytes());
    key
}

/// Returns a connection's key in the order of changes.
pub fn updated_key(position: Position) -> [u8; 9] {
    let mut key = [b'u'; 9];
    if let Some(rest) = key.get_mut(1..) {
        rest.copy_from_slice(&position.get().to_be_bytes());
    }
    key
}

/// Adds a connection to the name order.
pub fn put_name(batch: &mut Batch, store: &Store, table: &Table, key: &[u8], words: &[u8]) {
    batch.put(store, table, key, words);
}

/// Adds a connection to the order of changes.
pub fn put_updated(
    batch: &mut Batch,
    store: &Store,
    table: &Table,
    position: Position,
    ordinal: u32,
) {
    batch.put(store, table, &updated_key(position), &ordinal.to_be_bytes());
}

/// Adds an entry of the name order to a file. Entries must be sorted by key and precede bitmaps.
pub fn load_name(file: &mut SortedFile<'_>, key: &[u8], words: &[u8]) -> Result<(), AppendError> {
    file.put(key, words)
}

/// Adds an entry of the order of changes to a file. Entries must be sorted by position and follow
/// bitmaps.
pub fn load_updated(
    file: &mut SortedFile<'_>,
    position: Position,
    ordinal: u32,
) -> Result<(), AppendError> {
    file.put(&updated_key(position), &ordinal.to_be_bytes())
}

/// Removes a connection from an order.
pub fn delete(batch: &mut Batch, store: &Store, table: &Table, key: &[u8]) {
    batch.delete(store, table, key);
}

/// An entry of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key, from which a later page can continue.
    pub key: Box<[u8]>,
    /// The connection's ordinal.
    pub ordinal: u32,
    /// In name order: slug, NUL, name, both folded.
    pub words: Box<[u8]>,
}

/// Iterates over an order, after `after` if given.
pub fn walk<'a>(
    store: &'a Store,
    table: &Table,
    order: Order,
    descending: bool,
    after: Option<&[u8]>,
) -> impl Iterator<Item = Result<Entry, ReadError>> + use<'a> {
    let tag = order.tag();
    let start = match (after, descending) {
        (Some(key), _) => key.to_vec(),
        (None, false) => vec![tag],
        (None, true) => vec![tag + 1],
    };
    let rows = if descending { store.scan_back(table, &start) } else { store.scan(table, &start) };
    let after = after.map(<[u8]>::to_vec);
    let table = table.clone();
    rows.skip_while(move |row| {
        row.as_ref().is_ok_and(|(key, _)| {
            after.as_deref() == Some(&**key) || (descending && key.first() != Some(&tag))
        })
    })
    .take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.first() == Some(&tag)))
    .map(move |row| entry(&table, order, row?))
}

fn entry(table: &Table, order: Order, (key, value): Row) -> Result<Entry, ReadError> {
    let ordinal = match order {
        Order::Name => key.last_chunk::<4>().copied(),
        Order::Updated => value.first_chunk::<4>().copied(),
    };
    let ordinal = ordinal.ok_or_else(|| corrupt(table, "an entry of an order"))?;
    let words = if order == Order::Name { value } else { Box::default() };
    Ok(Entry { key, ordinal: u32::from_be_bytes(ordinal), words })
}
