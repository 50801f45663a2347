//! Stores what an erasure removes. These are not events: nothing new happened.

use ledger_domain::{ConnectionId, MasterKeyId, Position, Version};
use ledger_store::ReadError;
use ledger_store::tables::erasures::{self, Erasure};
use ledger_store::tables::{Receipt, keys, log, meta, receipts, snapshots};
use ledger_vault::master_key_of;

use super::TellWritten;
use super::decider::Decider;
use crate::errors::{Fault, Unavailable};

/// A change that an erasure makes.
#[derive(Clone, Debug)]
pub(crate) enum Removal {
    /// A snapshot is deleted.
    Snapshot(ConnectionId, Version),
    /// A record is replaced by what is left of it.
    Record {
        /// Its position.
        position: Position,
        /// What is left.
        record: Vec<u8>,
        /// The receipt of its command without its fingerprint, and the key of it, if there is one.
        receipt: Option<(Vec<u8>, Receipt)>,
    },
    /// The erasure is carried out.
    Completed(Erasure),
    /// A connection has been erased that was to be erased again.
    EraseAgain(ConnectionId),
}

impl Decider {
    /// Adds changes to the group.
    pub(super) fn remove(&mut self, removals: Vec<Removal>, tell: TellWritten) {
        let Some(tell) = self.begin_local(tell) else { return };
        let (batch, store) = (&mut self.group.batch, &self.shared.store);
        for removal in removals {
            match removal {
                Removal::Snapshot(id, version) => snapshots::delete(batch, store, id, version),
                Removal::Record { position, record, receipt } => {
                    log::put(batch, store, position, &record);
                    if let Some((key, receipt)) = receipt {
                        receipts::put(batch, store, &key, &receipt);
                        self.state.set_receipt(key, receipt);
                    }
                }
                Removal::Completed(erasure) => erasures::put(batch, store, &erasure),
                Removal::EraseAgain(id) => meta::delete_erase_again(batch, store, id),
            }
        }
        self.end_local(tell);
    }

    /// Returns who waits for something without an event, unless nothing may be written, of which
    /// they are told.
    pub(super) fn if_writable(&self, tell: TellWritten) -> Option<TellWritten> {
        unless(self.refusal(false), tell)
    }

    /// Begins what each node of a cluster does in its own data directory, such as to carry an
    /// erasure out: in groups of their own, which follow nothing that the log may not have. Returns
    /// who waits for it, unless nothing may be written, of which they are told.
    pub(super) fn begin_local(&mut self, tell: TellWritten) -> Option<TellWritten> {
        let is_shared = self.shared.log.is_set();
        if is_shared {
            self.drain();
        }
        let mut is_dropped = None;
        if self.shared.log.has_failed() {
            // What is left is durable, so that nothing has to be forgotten a second time.
            match self.begin_again() {
                Ok(()) => self.shared.log.follow(),
                Err(failed) => is_dropped = Some(failed),
            }
        }
        unless(is_dropped.or_else(|| self.refusal(is_shared)), tell)
    }

    /// Ends it.
    pub(super) fn end_local(&mut self, tell: TellWritten) {
        self.group.written.push(tell);
        if self.shared.log.is_set() {
            self.drain();
        }
    }

    /// Returns why nothing may be written, or nothing that only this data directory has.
    fn refusal(&self, only_here: bool) -> Option<Unavailable> {
        match self.shared.store.poisoned_by() {
            Some(poison) => Some(Unavailable::from(poison)),
            None if only_here => None,
            None => self.shared.may_write().err(),
        }
    }

    /// Returns the master key under which the data key of a connection is wrapped, if it has one
    /// that counts. Must come before anything of the command is in the group, which may be
    /// committed.
    pub(super) fn wrapping_key(&mut self, id: ConnectionId) -> Result<Option<MasterKeyId>, Fault> {
        // What is in the group or on its way may be the key of a new connection, or the same key
        // wrapped anew.
        let is_missing = |found: Option<Vec<u8>>| found.is_none();
        if self.state.ledger.is_rewrapping
            || keys::get(&self.shared.store, id).is_ok_and(is_missing)
        {
            self.drain();
        }
        let stored = match keys::get(&self.shared.store, id) {
            // One that was altered is counted under no key.
            Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => None,
            stored => stored?,
        };
        Ok(stored.and_then(|wrapped| master_key_of(&wrapped).ok()))
    }

    /// Adds to the group that a connection's data key is destroyed and its erasure is to be carried
    /// out.
    pub(super) fn destroy_key(
        &mut self,
        id: ConnectionId,
        under: Option<MasterKeyId>,
        position: Position,
    ) {
        let (batch, store) = (&mut self.group.batch, &self.shared.store);
        keys::delete(batch, store, id);
        erasures::put(batch, store, &Erasure { position, connection: id, completed_at: None });
        self.state.count_data_key(under, None);
        self.state.set_destroyed(id);
    }
}

/// Tells a refusal, if there is one; else returns who is to be told.
fn unless(refusal: Option<Unavailable>, tell: TellWritten) -> Option<TellWritten> {
    let Some(refusal) = refusal else { return Some(tell) };
    // Who does not listen any more is stopping.
    let (Ok(()) | Err(_)) = tell.send(Err(refusal));
    None
}
