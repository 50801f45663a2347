//! Decides commands to the ledger itself, and stores data keys that were wrapped anew.

use std::sync::Arc;

use ledger_contract::records::{self, StreamId};
use ledger_domain::{ConnectionId, LedgerCommand, Micros, Version, WorkspaceName, decide_ledger};
use ledger_store::tables::{StreamKey, keys, meta};
use ledger_vault::{OpenError as UnsealError, Scope, WrappedDataKey, master_key_of};

use super::decider::Decider;
use super::{Effect, Envelope, LedgerWork, Rewrapped, TellWritten};
use crate::errors::{ExecuteError, Fault, MasterKeysError, Unavailable};
use crate::master_keys::LedgerSecrets;

impl Decider {
    /// Decides a command to the ledger itself.
    pub(super) fn change_ledger(
        &mut self,
        envelope: Envelope,
        work: LedgerWork,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        // What is read to be wrapped anew has to be what is stored.
        self.drain();
        let held = self.shared.master_keys.ring();
        let command = match &work {
            LedgerWork::Rotate(given) => {
                if let Some(key) = held.clash(given) {
                    return Err(MasterKeysError::Differs(key).into());
                }
                let held = given.key_ids().collect();
                LedgerCommand::RotateMasterKey { to: given.active_id(), held }
            }
            LedgerWork::NoteRewrapped => LedgerCommand::NoteRewrapped,
            LedgerWork::Retire(key) => {
                LedgerCommand::RetireMasterKey { key: *key, is_held: held.holds(*key) }
            }
        };
        let event = decide_ledger(&self.state.ledger, envelope.expected, command)?;
        let retired = &self.state.ledger.retired;
        let keys = match work {
            LedgerWork::Rotate(given) => Some(given.without(|key| retired.contains(&key))),
            LedgerWork::NoteRewrapped => None,
            LedgerWork::Retire(key) => Some(held.without(|other| other == key)),
        };
        let id = self.shared.identity.ledger;
        let store = &self.shared.store;
        if let Some(keys) = &keys
            && keys.active_id() != self.state.ledger.active
        {
            let secrets = LedgerSecrets::rewrapped(store, keys, id, &self.shared.ports)?;
            secrets.put(&mut self.group.batch, store);
        }
        let version = self.state.ledger.version.next();
        let metadata = self.metadata(envelope, StreamId::Ledger(id), version, at);
        self.record.clear();
        records::encode_ledger(&mut self.record, &metadata, &event);
        self.state.ledger.evolve(&event, version);
        let effect = Effect::Ledger(Arc::new(self.state.ledger.clone()));
        self.append(metadata, StreamKey::ledger(id), event.type_name(), effect);
        // If the event does not become durable, nothing else does.
        if let Some(keys) = keys {
            self.shared.master_keys.use_ring(keys);
        }
        Ok(version)
    }

    /// Returns the data key of a new connection wrapped under the active key. It was wrapped under
    /// a former one if that was rotated while the command waited.
    pub(super) fn under_active(
        &self,
        workspace: &WorkspaceName,
        id: ConnectionId,
        stored: Vec<u8>,
    ) -> Result<Vec<u8>, ExecuteError> {
        if master_key_of(&stored).map_err(Fault::from)? == self.state.ledger.active {
            return Ok(stored);
        }
        let scope = Scope { workspace, connection: id };
        let wrapped = WrappedDataKey::from_bytes(&stored).map_err(Fault::from)?;
        let ring = self.shared.master_keys.ring();
        match ring.rewrap(&mut self.shared.ports.rng(), scope, &wrapped) {
            Ok(rewrapped) => Ok(rewrapped.to_bytes()),
            // The former key was retired meanwhile. A repeat begins with a new data key.
            Err(UnsealError::UnknownKey { .. }) => Err(ExecuteError::Busy),
            Err(error) => Err(Fault::from(error).into()),
        }
    }

    /// Adds data keys that were wrapped anew to the group. One that is not stored any more as it
    /// was read, or that is under a key which has been left behind since, is left out.
    pub(super) fn put_rewrapped(&mut self, rows: Vec<Rewrapped>, tell: TellWritten) {
        let refused = match self.shared.store.poisoned_by() {
            Some(poison) => Err(Unavailable::from(poison)),
            None => self.shared.fence.check(),
        };
        if refused.is_err() {
            // Who does not listen any more is stopping.
            let (Ok(()) | Err(_)) = tell.send(refused);
            return;
        }
        let active = self.state.ledger.active;
        for Rewrapped { id, before, after } in rows {
            let store = &self.shared.store;
            let is_as_read = keys::get(store, id).is_ok_and(|now| now.as_deref() == Some(&*before));
            if let (true, Ok(former)) = (is_as_read, master_key_of(&before))
                && after.master_key_id() == active
            {
                keys::put(&mut self.group.batch, store, id, &after.to_bytes());
                self.state.count_data_key(Some(former), Some(active));
            }
        }
        self.group.written.push(tell);
    }

    /// Adds to the group how many data keys are wrapped under the master keys of which that has
    /// changed.
    pub(super) fn put_counts(&mut self) {
        for key in std::mem::take(&mut self.state.counted) {
            let count = self.state.ledger.under_key(key);
            meta::put_data_keys(&mut self.group.batch, &self.shared.store, key, count);
        }
    }
}
