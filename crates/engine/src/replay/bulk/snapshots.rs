//! Snapshots of earlier states, written or compared while connections are folded.

use ledger_contract::records;
use ledger_domain::Connection;
use ledger_store::tables::snapshots;
use ledger_store::{Batch, Durability, Store};
use parking_lot::Mutex;

use crate::errors::Fault;
use crate::history;

/// Bytes of snapshots that are written at a time.
const BATCH_BYTES: usize = 1024 * 1024;

/// What a worker does with the snapshots that are due.
pub(super) enum SnapshotWork<'a> {
    /// Leaves them alone.
    Nothing,
    /// Writes them. They are what the log says, so readers may see them at once.
    Write(Batch),
    /// Compares those that exist, and reports the first that differs.
    Compare(&'a Mutex<Option<String>>),
}

impl SnapshotWork<'_> {
    /// Treats a state that a change has just produced.
    pub(super) fn take(&mut self, store: &Store, state: &Connection) -> Result<(), Fault> {
        match self {
            Self::Nothing => Ok(()),
            Self::Write(batch) => {
                history::put_snapshot(batch, store, state);
                if batch.size_bytes() < BATCH_BYTES {
                    return Ok(());
                }
                store.commit(std::mem::take(batch), Durability::Buffered).map_err(Fault::from)
            }
            Self::Compare(difference) => {
                if snapshots::is_due(state.version)
                    && let Some(stored) = snapshots::get(store, state.id, state.version)?
                    && stored != records::encode_snapshot(state)
                {
                    let (id, version) = (state.id, state.version);
                    difference.lock().get_or_insert_with(|| {
                        format!("table snapshots: connection {id} differs at version {version}")
                    });
                }
                Ok(())
            }
        }
    }

    /// Writes what is left.
    pub(super) fn finish(&mut self, store: &Store) -> Result<(), Fault> {
        match self {
            Self::Write(batch) if !batch.is_empty() => {
                store.commit(std::mem::take(batch), Durability::Buffered).map_err(Fault::from)
            }
            _ => Ok(()),
        }
    }
}
