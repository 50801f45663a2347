//! The log itself.
//!
//! ```text
//! position u64 BE   ->   record, JSON text
//! ```

use ledger_domain::Position;

use super::{LOG, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::{Store, Walk};

/// Adds a record.
pub fn put(batch: &mut Batch, store: &Store, position: Position, record: &[u8]) {
    batch.put(store, &fixed(LOG), &position.get().to_be_bytes(), record);
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
    /// Starts at `from` without filling the cache, for scans of much of the log.
    pub fn walk(store: &Store, from: Position) -> Records<'_> {
        Records(store.walk_all(&fixed(LOG), &from.get().to_be_bytes()))
    }

    /// Starts at `from`, for a short stretch of the log. Fills the cache.
    pub fn walk_some(store: &Store, from: Position) -> Records<'_> {
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

fn record(row: Result<crate::store::Row, ReadError>) -> Result<(Position, Box<[u8]>), ReadError> {
    let (key, value) = row?;
    Ok((read_key(&key)?, value))
}

fn read_key(key: &[u8]) -> Result<Position, ReadError> {
    let position = u64_from(key).ok_or_else(|| corrupt(&fixed(LOG), "a key of wrong length"))?;
    Ok(Position::new(position))
}
