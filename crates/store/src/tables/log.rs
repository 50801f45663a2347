//! The log itself.
//!
//! ```text
//! position u64 BE   ->   record, JSON text
//! ```

use ledger_domain::Position;
use ledger_vault::MacKey;

use super::{LOG, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Store, Walk};

/// Adds a record.
pub fn put(batch: &mut Batch, store: &Store, position: Position, record: &[u8]) {
    batch.put(store, &fixed(LOG), &position.get().to_be_bytes(), record);
}

/// Adds many records in one load, durably, in ascending order of their positions. Nobody else may
/// use the log meanwhile.
pub fn load<'a>(
    store: &Store,
    records: impl IntoIterator<Item = (Position, &'a [u8])>,
) -> Result<(), AppendError> {
    let table = fixed(LOG);
    let mut file = store.sorted_file(&table);
    for (position, record) in records {
        file.put(&position.get().to_be_bytes(), record)?;
    }
    file.finish()
}

/// Returns a record.
pub fn get(store: &Store, position: Position) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(LOG), &position.get().to_be_bytes())
}

/// Returns the last position written.
pub fn head(store: &Store) -> Result<Position, ReadError> {
    let table = fixed(LOG);
    match store.last(&table)? {
        None => Ok(Position::ZERO),
        Some((key, _)) => read_key(&key),
    }
}

/// Returns the size of the log in bytes, without its newest records.
pub fn bytes(store: &Store) -> Result<u64, ReadError> {
    store.table_bytes(&fixed(LOG))
}

/// Iterates over records from `from` on.
pub fn scan(
    store: &Store,
    from: Position,
) -> impl Iterator<Item = Result<(Position, Box<[u8]>), ReadError>> + '_ {
    store.scan(&fixed(LOG), &from.get().to_be_bytes()).map(record)
}

/// Iterates over records from `from` on without filling the cache, for scans of much of the log.
pub fn scan_all(
    store: &Store,
    from: Position,
) -> impl Iterator<Item = Result<(Position, Box<[u8]>), ReadError>> + '_ {
    store.scan_all(&fixed(LOG), &from.get().to_be_bytes()).map(record)
}

/// An iterator that borrows each record.
#[derive(Debug)]
pub struct Records<'a>(Walk<'a>);

impl Records<'_> {
    /// Starts at `from`, for a short stretch of the log. Fills the cache.
    pub fn walk(store: &Store, from: Position) -> Records<'_> {
        Records(store.walk(&fixed(LOG), &from.get().to_be_bytes()))
    }

    /// Returns the next record.
    pub fn next_record(&mut self) -> Result<Option<(Position, &[u8])>, ReadError> {
        match self.0.next_row()? {
            Some((key, record)) => Ok(Some((read_key(key)?, record))),
            None => Ok(None),
        }
    }
}

/// An iterator that borrows each record and leaves its check to the caller, who may do it on
/// another thread.
#[derive(Debug)]
pub struct StoredRecords<'a>(Walk<'a>);

impl StoredRecords<'_> {
    /// Starts at `from` without filling the cache, for scans of much of the log.
    pub fn walk_all(store: &Store, from: Position) -> StoredRecords<'_> {
        StoredRecords(store.walk_all(&fixed(LOG), &from.get().to_be_bytes()))
    }

    /// Returns the next record.
    pub fn next_record(&mut self) -> Result<Option<(Position, Stored<'_>)>, ReadError> {
        match self.0.next_stored()? {
            Some((key, stored)) => Ok(Some((read_key(key)?, Stored(stored)))),
            None => Ok(None),
        }
    }
}

/// A record as it is stored: with its MAC, which nobody has checked.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a>(&'a [u8]);

impl<'a> Stored<'a> {
    /// Returns what [`Self::bytes`] returned.
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns all bytes.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the record, which somebody may have altered.
    pub fn unchecked(self) -> &'a [u8] {
        let length = self.0.len().saturating_sub(MacKey::MAC_BYTES);
        self.0.get(..length).unwrap_or_default()
    }

    /// Returns the record if it is what the ledger wrote at this position.
    pub fn check(self, store: &Store, position: Position) -> Result<&'a [u8], ReadError> {
        let key = position.get().to_be_bytes();
        let length = store.macs().check(&fixed(LOG), &key, self.0)?;
        Ok(self.0.get(..length).unwrap_or_default())
    }
}

fn record(row: Result<crate::store::Row, ReadError>) -> Result<(Position, Box<[u8]>), ReadError> {
    let (key, value) = row?;
    Ok((read_key(&key)?, value))
}

fn read_key(key: &[u8]) -> Result<Position, ReadError> {
    let position = u64_from(key).ok_or_else(|| corrupt(&fixed(LOG), "a key of wrong length"))?;
    Ok(Position::new(position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;

    #[test]
    fn a_stored_record_is_checked_against_its_position() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let mut batch = Batch::new();
        for (number, record) in [(1, b"first".as_slice()), (2, b"other")] {
            put(&mut batch, &store, Position::new(number), record);
        }
        store.commit(batch, Durability::Synced).unwrap();
        let mut records = StoredRecords::walk_all(&store, Position::new(1));
        let (position, stored) = records.next_record().unwrap().unwrap();
        assert_eq!((position, stored.unchecked()), (Position::new(1), b"first".as_slice()));
        assert_eq!(stored.check(&store, position).unwrap(), b"first");
        assert!(stored.check(&store, Position::new(2)).is_err(), "moved");
        let mut altered = stored.bytes().to_vec();
        altered[0] ^= 1;
        let altered = Stored::from_bytes(&altered);
        assert!(altered.check(&store, position).is_err());
        assert!(Stored::from_bytes(b"short").check(&store, position).is_err());
        assert_eq!(Stored::from_bytes(b"short").unchecked(), b"");
        assert_eq!(records.next_record().unwrap().unwrap().1.unchecked(), b"other");
        assert!(records.next_record().unwrap().is_none());
    }
}
