//! Which connections were erased, and when that was carried out in the files of this directory.
//!
//! ```text
//! position u64 BE   ->   connection id (16) | time i64 BE, 0 until it is carried out
//! ```
//!
//! Positions and ids follow from the log. The times do not, and are in no copy of the ledger: what
//! was carried out here is carried out anew in the files of another directory.

use ledger_domain::{ConnectionId, Micros, Position};

use super::{ERASURES, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::{Row, Store};

const BYTES: usize = 24;

/// One erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The position of its event.
    pub position: Position,
    /// The connection.
    pub connection: ConnectionId,
    /// When nothing was left of it in the files; none until then.
    pub completed_at: Option<Micros>,
}

/// Stores an erasure.
pub fn put(batch: &mut Batch, store: &Store, erasure: &Erasure) {
    let key = erasure.position.get().to_be_bytes();
    batch.put(store, &fixed(ERASURES), &key, &erasure.encode());
}

/// Returns the erasure at a position.
pub fn get(store: &Store, position: Position) -> Result<Option<Erasure>, ReadError> {
    let key = position.get().to_be_bytes();
    let Some(value) = store.get(&fixed(ERASURES), &key)? else { return Ok(None) };
    decode((key.into(), value.into())).map(Some)
}

/// Iterates over all erasures in the order of their positions.
pub fn all(store: &Store) -> impl Iterator<Item = Result<Erasure, ReadError>> + '_ {
    store.scan_all(&fixed(ERASURES), &[]).map(|row| decode(row?))
}

/// Removes all erasures. Nobody may read or write the table meanwhile.
pub fn clear(store: &Store) -> Result<(), AppendError> {
    store.empty_table(&fixed(ERASURES))
}

impl Erasure {
    fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (id, time) = bytes.split_at_mut(16);
        id.copy_from_slice(&self.connection.to_bytes());
        time.copy_from_slice(&self.completed_at.map_or(0, Micros::get).to_be_bytes());
        bytes
    }
}

fn decode((key, value): Row) -> Result<Erasure, ReadError> {
    let wrong = || corrupt(&fixed(ERASURES), "an erasure");
    let position = Position::new(u64_from(&key).ok_or_else(wrong)?);
    let (id, time) = value.split_first_chunk::<16>().ok_or_else(wrong)?;
    let time = i64::from_be_bytes(time.try_into().map_err(|_| wrong())?);
    let completed_at = (time != 0).then_some(Micros::new(time));
    Ok(Erasure { position, connection: ConnectionId::from_bytes(*id), completed_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;

    #[test]
    fn erasures_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        let connection = ConnectionId::from_bytes([7; 16]);
        let erasure =
            |at, completed_at| Erasure { position: Position::new(at), connection, completed_at };
        let written = [erasure(2, Some(Micros::new(9))), erasure(300, None)];
        let mut batch = Batch::new();
        for erasure in &written {
            put(&mut batch, &store, erasure);
        }
        store.commit(batch, Durability::Buffered).unwrap();
        assert_eq!(all(&store).collect::<Result<Vec<_>, _>>().unwrap(), written);
        assert_eq!(get(&store, Position::new(300)).unwrap(), Some(written[1]));
        assert_eq!(get(&store, Position::new(3)).unwrap(), None);
    }
}
