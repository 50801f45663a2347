//! The names of a ledger and of its history.

use ledger_domain::{Incarnation, LedgerId};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability, Store};
use rand::RngCore as _;
use uuid::{Builder, Uuid};

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
    /// Begins the next epoch of a ledger, and names its history if no earlier program did. What it
    /// returns is durable.
    pub(crate) fn begin(store: &Store, ledger: LedgerId) -> Result<Self, Fault> {
        let mut batch = Batch::new();
        let found = meta::incarnation(store)?;
        let incarnation = found.unwrap_or_else(|| first_incarnation(ledger));
        if found.is_none() {
            meta::put_incarnation(&mut batch, store, incarnation);
        }
        let epoch = meta::epoch(store)? + 1;
        meta::put_epoch(&mut batch, store, epoch);
        store.commit(batch, Durability::Synced)?;
        Ok(Self { ledger, incarnation, epoch })
    }
}

impl Engine {
    /// Begins another history of the ledger with the next start: somebody else went on with this
    /// one, so positions after the head may have other meanings elsewhere. What it wrote is
    /// durable. Blocks.
    pub fn begin_history(&self) -> Result<(), Fault> {
        let shared = &self.shared;
        let mut random = [0; 16];
        shared.ports.rng().fill_bytes(&mut random);
        let incarnation = Incarnation::new(Builder::from_random_bytes(random).into_uuid());
        let mut batch = Batch::new();
        meta::put_incarnation(&mut batch, &shared.store, incarnation);
        shared.store.commit(batch, Durability::Synced).map_err(Fault::from)
    }
}

/// Returns the name of a ledger's first history. It follows from the ledger's id, so that copies of
/// a directory without a name get the same one.
fn first_incarnation(ledger: LedgerId) -> Incarnation {
    Incarnation::new(Uuid::new_v5(&ledger.uuid(), FIRST_HISTORY))
}
