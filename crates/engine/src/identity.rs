//! The names of a ledger and of its history.

use ledger_domain::{Incarnation, LedgerId, Position};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability, Store};
use uuid::Uuid;

use crate::engine::Engine;
use crate::errors::Fault;

/// From which, with the ledger's id, the name of its first history is made.
const FIRST_HISTORY: &[u8] = b"first history";

/// The names of a ledger and of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Id of the ledger, which never changes.
    pub ledger: LedgerId,
    /// Name of this history of the ledger; copies of its data directory share it.
    pub incarnation: Incarnation,
    /// Number of times the ledger was opened for writing, this time included.
    pub epoch: u64,
}

impl Identity {
    /// Returns the names of a ledger that is not opened for writing.
    pub(crate) fn of(store: &Store, ledger: LedgerId) -> Result<Self, Fault> {
        let incarnation = meta::incarnation(store)?.unwrap_or_else(|| first_incarnation(ledger));
        Ok(Self { ledger, incarnation, epoch: meta::epoch(store)? })
    }

    /// Begins the next epoch of a ledger, and names its history if no earlier program did. What it
    /// returns is durable.
    pub(crate) fn begin(store: &Store, ledger: LedgerId) -> Result<Self, Fault> {
        let identity = Self::of(store, ledger)?;
        let identity = Self { epoch: identity.epoch + 1, ..identity };
        let mut batch = Batch::new();
        meta::put_incarnation(&mut batch, store, identity.incarnation);
        meta::put_epoch(&mut batch, store, identity.epoch);
        store.commit(batch, Durability::Synced)?;
        Ok(identity)
    }
}

/// The history that a ledger was restored from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub incarnation: Incarnation,
    /// The last position that both histories have. Up to it they are the same.
    pub position: Position,
}

impl Engine {
    /// Returns the history that this one was restored from, or `None` if the ledger was never
    /// restored.
    pub fn origin(&self) -> Result<Option<Origin>, Fault> {
        let origin = meta::origin(&self.shared.store)?;
        Ok(origin.map(|(incarnation, position)| Origin { incarnation, position }))
    }

    /// Begins another history of the ledger with the next start: somebody else went on with this
    /// one, so positions after the head may have other meanings elsewhere. What it wrote is
    /// durable. Blocks.
    pub fn begin_history(&self) -> Result<(), Fault> {
        let shared = &self.shared;
        let mut batch = Batch::new();
        meta::put_incarnation(&mut batch, &shared.store, shared.ports.incarnation());
        meta::put_origin(&mut batch, &shared.store, shared.identity.incarnation, self.head());
        shared.store.commit(batch, Durability::Synced).map_err(Fault::from)
    }
}

/// Returns the name of a ledger's first history. It follows from the ledger's id, so that copies of
/// a directory without a name get the same one.
fn first_incarnation(ledger: LedgerId) -> Incarnation {
    Incarnation::new(Uuid::new_v5(&ledger.uuid(), FIRST_HISTORY))
}
