//! What the portable form says of erased connections.

use ledger_domain::{ConnectionId, Position, Version};
use ledger_store::tables::{StreamKey, erasures, meta, streams};

use super::Portable;
use crate::errors::Fault;

/// An erased connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasedConnection {
    /// Its id.
    pub connection: ConnectionId,
    /// The position of the event that erased it.
    pub position: Position,
    /// Whether its events have been emptied.
    pub is_emptied: bool,
}

impl Portable {
    /// Returns the connections that the events erase, in that order.
    pub fn erased(&self) -> Result<Vec<ErasedConnection>, Fault> {
        let mut erased = Vec::new();
        for erasure in erasures::all(&self.store) {
            let erasure = erasure?;
            if erasure.position > self.position {
                break;
            }
            erased.push(ErasedConnection {
                connection: erasure.connection,
                position: erasure.position,
                is_emptied: erasure.completed_at.is_some(),
            });
        }
        Ok(erased)
    }

    /// Returns whether a connection is there, and neither erased nor about to be erased again.
    pub fn is_kept(&self, connection: ConnectionId) -> Result<bool, Fault> {
        let events = self.events_of(connection)?;
        let Some(last) = events.last() else { return Ok(false) };
        let is_erased = erasures::get(&self.store, *last)?.is_some();
        Ok(!is_erased && !meta::erase_again(&self.store)?.contains(&connection))
    }

    /// Returns the positions of a connection's events.
    pub fn events_of(&self, connection: ConnectionId) -> Result<Vec<Position>, Fault> {
        let stream = StreamKey::connection(connection);
        let positions = streams::scan(&self.store, stream, Version::new(1));
        Ok(positions.collect::<Result<_, _>>()?)
    }
}
