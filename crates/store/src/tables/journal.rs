//! The audit journal: what was refused and what was read, beside the log. No event and no read
//! model depends on it.
//!
//! ```text
//! number u64 BE   ->   entry, JSON
//! ```
//!
//! Numbers have no gaps, from the oldest entry that is kept to the newest.

use super::{JOURNAL, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::{Row, Store};

/// An entry as it is stored, with its number.
pub type Entry = (u64, Box<[u8]>);

/// Stores an entry, or replaces it.
pub fn put(batch: &mut Batch, store: &Store, number: u64, entry: &[u8]) {
    batch.put(store, &fixed(JOURNAL), &number.to_be_bytes(), entry);
}

/// Removes an entry.
pub fn delete(batch: &mut Batch, store: &Store, number: u64) {
    batch.delete(store, &fixed(JOURNAL), &number.to_be_bytes());
}

/// Returns an entry.
pub fn get(store: &Store, number: u64) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(JOURNAL), &number.to_be_bytes())
}

/// Iterates over the entries from a number upwards.
pub fn scan(store: &Store, from: u64) -> impl Iterator<Item = Result<Entry, ReadError>> {
    store.scan(&fixed(JOURNAL), &from.to_be_bytes()).map(|row| decode(row?))
}

/// Iterates over the entries from a number downwards.
pub fn scan_back(store: &Store, from: u64) -> impl Iterator<Item = Result<Entry, ReadError>> {
    store.scan_back(&fixed(JOURNAL), &from.to_be_bytes()).map(|row| decode(row?))
}

/// Iterates over all entries without filling the cache.
pub fn all(store: &Store) -> impl Iterator<Item = Result<Entry, ReadError>> {
    store.scan_all(&fixed(JOURNAL), &[]).map(|row| decode(row?))
}

fn decode((key, value): Row) -> Result<Entry, ReadError> {
    let number =
        u64_from(&key).ok_or_else(|| corrupt(&fixed(JOURNAL), "the number of an entry"))?;
    Ok((number, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;

    #[test]
    fn entries_are_read_both_ways_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let mut batch = Batch::new();
        for number in [1, 2, 255, 256, 70_000] {
            put(&mut batch, &store, number, b"{}");
        }
        delete(&mut batch, &store, 2);
        store.commit(batch, Durability::Buffered).unwrap();
        let number = |entry: Result<Entry, ReadError>| entry.unwrap().0;
        assert_eq!(scan(&store, 2).map(number).collect::<Vec<_>>(), [255, 256, 70_000]);
        assert_eq!(scan_back(&store, 300).map(number).collect::<Vec<_>>(), [256, 255, 1]);
        assert_eq!(all(&store).map(number).collect::<Vec<_>>(), [1, 255, 256, 70_000]);
        assert!(decode((b"short".as_slice().into(), b"{}".as_slice().into())).is_err());
    }
}
