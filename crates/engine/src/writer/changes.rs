//! The changes of an event to a connection, whoever decided it.

use std::sync::Arc;

use ledger_contract::records::Metadata;
use ledger_domain::{Connection, ConnectionId, Event, MasterKeyId, evolve};
use ledger_store::Batch;
use ledger_store::tables::{StreamKey, claims, keys};
use ledger_vault::master_key_of;

use super::decider::{Decider, left_no_state};
use super::state::Head;
use super::{AcceptedChange, Effect};
use crate::errors::{ExecuteError, Fault};
use crate::history;
use crate::models::Change;
use crate::projections::claims::claim;

/// A change to a connection, as its rows need it.
pub(super) struct Changed {
    pub(super) ordinal: u32,
    pub(super) before: Option<Arc<Connection>>,
    pub(super) after: Connection,
    /// The bytes of the row of `after`.
    pub(super) row: Vec<u8>,
    pub(super) is_urgent: bool,
    pub(super) key: KeyChange,
}

/// What becomes of a connection's data key.
pub(super) enum KeyChange {
    Stays,
    /// It is made, and this is its wrapped form.
    IsMade(Vec<u8>),
    /// It is destroyed, and was wrapped under this master key.
    IsDestroyed(Option<MasterKeyId>),
}

impl Decider {
    /// Adds an event of a connection and what follows from it to the group.
    pub(super) fn put_change(
        &mut self,
        metadata: Metadata,
        type_name: &'static str,
        changed: Changed,
    ) {
        let Changed { ordinal, before, after, row, is_urgent, key } = changed;
        let id = after.id;
        match key {
            KeyChange::Stays => {}
            KeyChange::IsMade(wrapped) => {
                keys::put(&mut self.group.batch, &self.shared.store, id, &wrapped);
                let under = master_key_of(&wrapped).unwrap_or(self.state.ledger.active);
                self.state.count_data_key(None, Some(under));
                // A follower takes over many groups in one batch, the erasure among them.
                if self.shared.log.is_set() {
                    self.state.set_made_key(id, under);
                }
            }
            KeyChange::IsDestroyed(under) => self.destroy_key(id, under, metadata.position),
        }
        if before.is_none() {
            self.state.next_ordinal += 1;
        }
        let change = Change { ordinal, before: before.as_deref(), after: &after };
        self.shared.models.load().write_encoded(&mut self.group.batch, &change, &row);
        history::put_snapshot(&mut self.group.batch, &self.shared.store, &after);
        let (after, row_bytes) = (Arc::new(after), row.len());
        self.state.set_head(id, Head { ordinal, connection: after.clone(), row_bytes });
        let change = AcceptedChange { ordinal, before, after, row_bytes, is_urgent };
        let effect = Effect::Connection(change);
        self.append(metadata, StreamKey::connection(id), type_name, effect);
    }

    /// Keeps slugs unique among the active connections of a workspace.
    pub(super) fn move_claim(
        &mut self,
        before: Option<&Connection>,
        after: &Connection,
    ) -> Result<(), ExecuteError> {
        // A connection never leaves its workspace.
        if before
            .is_some_and(|before| before.slug == after.slug && before.lifecycle == after.lifecycle)
        {
            return Ok(());
        }
        let (old, new) = (before.and_then(claim), claim(after));
        if let Some(key) = &new
            && self.state.claimed(key)?.is_some_and(|holder| holder != after.id)
        {
            return Err(ExecuteError::SlugTaken(after.slug.clone()));
        }
        let (store, batch): (_, &mut Batch) = (&self.shared.store, &mut self.group.batch);
        if let Some(key) = old {
            claims::delete(batch, store, &key);
            self.state.set_claim(key, None);
        }
        if let Some(key) = new {
            claims::put(batch, store, &key, after.id);
            self.state.set_claim(key, Some(after.id));
        }
        Ok(())
    }
}

/// Returns the state of a connection after an event.
pub(super) fn evolved(
    before: Option<&Connection>,
    event: Event,
    metadata: &Metadata,
    id: ConnectionId,
) -> Result<Connection, Fault> {
    let after = evolve(before.cloned(), event, &metadata.facts(id));
    after.ok_or_else(|| left_no_state(metadata))
}
