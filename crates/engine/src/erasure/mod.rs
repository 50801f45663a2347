//! Carries out what an accepted `erase` promises.
//!
//! The batch of the event destroys the data key's row, and the decider refuses every later command
//! to the connection, so that none of its secrets is opened or replaced once `erase` is answered.
//! What its earlier events said follows in the background, on a thread of low priority:
//!
//! ```text
//! event + key deleted ──> flush bitmaps ─> delete snapshots ─> empty records, oldest first
//!                                                                   │ batches of the one writer
//!                  note the time <─ rewrite files until nothing is left on the disk
//! ```
//!
//! Each step may be repeated, and a kill loses nothing: what is not noted as carried out is walked
//! through again, past what is done. Replays wait meanwhile, because a state that is folded from
//! emptied events is another.

mod again;
mod eraser;
mod pass;
mod work;

pub(crate) use eraser::Eraser;
pub(crate) use work::Erasing;

use ledger_domain::{Connection, ConnectionId};
use ledger_store::tables::erasures::{self, Erasure};

use crate::engine::Shared;
use crate::errors::Fault;

impl Shared {
    /// Makes sure that no secret of a connection is opened any more, and lets its data key go.
    /// Comes after its erasure is durable and before that is answered.
    pub(crate) fn close(&self, id: ConnectionId) {
        // Whoever opens secrets now was let in before, and is done when this is had.
        drop(self.opening.write());
        self.data_keys.lock().take(&id);
        self.erasing.ask();
    }

    /// Returns whether a connection is durably erased.
    pub(crate) fn is_erased(&self, id: ConnectionId) -> Result<bool, Fault> {
        let row = self.models.load().row(id)?;
        Ok(row.is_some_and(|row| row.connection.lifecycle.is_erased()))
    }

    /// Returns the erasure of an erased connection, whose event is its last one. There is none if
    /// the ledger was restored to before that event from a copy that was made after it.
    pub(crate) fn erasure(&self, connection: &Connection) -> Result<Option<Erasure>, Fault> {
        Ok(erasures::get(&self.store, connection.position)?)
    }
}
