//! How far the messages of each alert are. An alert is known by the position of the event that
//! created it.
//!
//! ```text
//! alert u64 BE | 'p'                    ->   up to where its events were looked at, JSON
//! alert u64 BE | 'h' | position u64 BE  ->   an event that was not taken yet, JSON
//! alert u64 BE | 'd' | position u64 BE  ->   a dead letter, JSON
//! ```
//!
//! It is no read model: an export has only positions, from which on messages are sent again.

use ledger_domain::Position;

use super::{ALERTS, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::Store;

const PROGRESS: u8 = b'p';
const HELD: u8 = b'h';
const DEAD: u8 = b'd';

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertRow {
    /// Up to where its events were looked at.
    Progress,
    /// The event at a position, which was not taken yet.
    Held(Position),
    /// The event at a position, which is not sent any more.
    Dead(Position),
}

impl AlertRow {
    fn key(self, alert: Position) -> Vec<u8> {
        let (kind, position) = match self {
            Self::Progress => (PROGRESS, None),
            Self::Held(position) => (HELD, Some(position)),
            Self::Dead(position) => (DEAD, Some(position)),
        };
        let mut key = alert.get().to_be_bytes().to_vec();
        key.push(kind);
        key.extend(position.into_iter().flat_map(|position| position.get().to_be_bytes()));
        key
    }

    fn read(key: &[u8]) -> Option<(Position, Self)> {
        let (alert, rest) = key.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first()?;
        let row = match (*kind, rest) {
            (PROGRESS, []) => Self::Progress,
            (HELD, position) => Self::Held(Position::new(u64_from(position)?)),
            (DEAD, position) => Self::Dead(Position::new(u64_from(position)?)),
            _ => return None,
        };
        Some((Position::new(u64::from_be_bytes(*alert)), row))
    }
}

/// Stores a row of an alert.
pub fn put(batch: &mut Batch, store: &Store, alert: Position, row: AlertRow, value: &[u8]) {
    batch.put(store, &fixed(ALERTS), &row.key(alert), value);
}

/// Removes a row of an alert.
pub fn delete(batch: &mut Batch, store: &Store, alert: Position, row: AlertRow) {
    batch.delete(store, &fixed(ALERTS), &row.key(alert));
}

/// Iterates over all rows as they are now, alert by alert.
pub fn all(
    store: &Store,
) -> impl Iterator<Item = Result<(Position, AlertRow, Box<[u8]>), ReadError>> + '_ {
    store.scan_all(&fixed(ALERTS), &[]).map(|row| {
        let (key, value) = row?;
        let read = AlertRow::read(&key);
        let (alert, row) = read.ok_or_else(|| corrupt(&fixed(ALERTS), "a row of an alert"))?;
        Ok((alert, row, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;

    #[test]
    fn rows_are_read_as_they_were_written_and_other_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let (alert, at) = (Position::new(7), Position::new(300));
        let rows = [AlertRow::Dead(at), AlertRow::Held(at), AlertRow::Progress];
        let mut batch = Batch::new();
        for row in rows {
            put(&mut batch, &store, alert, row, b"{}");
        }
        put(&mut batch, &store, Position::new(8), AlertRow::Progress, b"{}");
        delete(&mut batch, &store, Position::new(8), AlertRow::Progress);
        store.commit(batch, Durability::Buffered).unwrap();
        let read: Vec<_> =
            all(&store).map(|row| row.map(|(of, row, _)| (of, row)).unwrap()).collect();
        assert_eq!(read, rows.map(|row| (alert, row)));
        for wrong in [&b""[..], b"1234567", b"12345678", b"12345678x", b"12345678p1", b"12345678h1"]
        {
            assert_eq!(AlertRow::read(wrong), None, "{wrong:?}");
        }
    }
}
