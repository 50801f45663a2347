//! What the portable form says of erased connections.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_domain::{ConnectionId, Position, Version};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, erasures, meta, streams};

use super::Portable;
use crate::errors::Fault;
use crate::models::Models;

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

    /// Returns those of some connections that are there, and neither erased nor about to be erased
    /// again. One whose events were emptied is erased, even if the event that says so is not in
    /// this history.
    pub fn kept(
        &self,
        connections: impl IntoIterator<Item = ConnectionId>,
    ) -> Result<BTreeSet<ConnectionId>, Fault> {
        let mut kept = not_erased(&self.store, connections)?;
        for marked in meta::erase_again(&self.store)? {
            kept.remove(&marked);
        }
        Ok(kept)
    }

    /// Returns the positions of a connection's events.
    pub fn events_of(&self, connection: ConnectionId) -> Result<Vec<Position>, Fault> {
        let stream = StreamKey::connection(connection);
        let positions = streams::scan(&self.store, stream, Version::new(1));
        Ok(positions.collect::<Result<_, _>>()?)
    }
}

/// Returns those of some connections that are there and not erased.
pub(super) fn not_erased(
    store: &Arc<Store>,
    connections: impl IntoIterator<Item = ConnectionId>,
) -> Result<BTreeSet<ConnectionId>, Fault> {
    let models = Models::at(store, Models::live_generations(store)?);
    let mut there = BTreeSet::new();
    for id in connections {
        let row = models.row(id)?;
        if row.is_some_and(|row| !row.connection.lifecycle.is_erased()) {
            there.insert(id);
        }
    }
    Ok(there)
}
