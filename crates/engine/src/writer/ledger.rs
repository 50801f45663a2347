//! Decides commands to the ledger itself, and stores data keys that were wrapped anew.

use std::sync::Arc;

use ledger_contract::records::{self, Metadata, StreamId};
use ledger_domain::{
    Connection, ConnectionId, Ledger, LedgerCommand, LedgerEvent, MasterKeyId, Micros, Rejection,
    Version, WorkspaceName, decide_ledger,
};
use ledger_store::tables::{StreamKey, founding, keys, meta};
use ledger_vault::{Keyring, OpenError as UnsealError, Scope, WrappedDataKey, master_key_of};

use super::decider::Decider;
use super::{Effect, Envelope, LedgerWork, Rewrapped, TellWritten};
use crate::errors::{ExecuteError, Fault, MasterKeysError, chain};
use crate::master_keys::{self, LedgerSecrets};

/// What becomes of the master keys in memory.
enum Keys {
    Stay,
    Are(Keyring),
    Go,
}

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
        let command = self.ledger_command(&work)?;
        let event = decide_ledger(&self.state.ledger, envelope.expected, command)?;
        let retired = &self.state.ledger.retired;
        // A key that is retired is dropped once that is durable.
        let keys = match work {
            LedgerWork::Rotate(given) => {
                Keys::Are(given.ring.without(|key| retired.contains(&key)))
            }
            LedgerWork::Unseal(given) => {
                let ring = master_keys::of_ledger(&given.ring, &self.state.ledger);
                Keys::Are(ring.map_err(Fault::from)?)
            }
            LedgerWork::NoteRewrapped(_) | LedgerWork::Retire(_) => Keys::Stay,
            LedgerWork::Seal => Keys::Go,
        };
        let id = self.shared.identity.ledger;
        let secrets = self.rewrapped_secrets(&keys)?;
        let version = self.state.ledger.version.next();
        let metadata = self.metadata(envelope, StreamId::Ledger(id), version, at);
        self.record.clear();
        records::encode_ledger(&mut self.record, &metadata, &event);
        self.put_ledger(metadata, &event, secrets, keys);
        Ok(version)
    }

    /// Takes over an event of the ledger itself that another node of the cluster decided, with the
    /// master keys of this one. Everything before it must be durable.
    ///
    /// Errors: `Fault::OwnKeys` if this node does not have the keys, or still needs one.
    pub(super) fn follow_ledger(
        &mut self,
        metadata: Metadata,
        event: &LedgerEvent,
    ) -> Result<(), Fault> {
        let keys = match event {
            LedgerEvent::MasterKeyRotated { to, .. } => Keys::Are(self.own_keys(*to)?),
            LedgerEvent::Unsealed { key, .. } => Keys::Are(self.own_keys(*key)?),
            LedgerEvent::MasterKeyRetired { key } => {
                let data_keys = self.state.ledger.under_key(*key);
                if data_keys > 0 {
                    return Err(Fault::OwnKeys(format!(
                        "{data_keys} data keys are still to be wrapped anew here before the \
                         master key {key} is used no more"
                    )));
                }
                Keys::Stay
            }
            LedgerEvent::DataKeysRewrapped { .. } => Keys::Stay,
            LedgerEvent::Sealed => Keys::Go,
        };
        let secrets = self.rewrapped_secrets(&keys)?;
        self.put_ledger(metadata, event, secrets, keys);
        Ok(())
    }

    /// Returns this node's master keys with an active one, read again where they come from unless
    /// they are in memory.
    fn own_keys(&self, active: MasterKeyId) -> Result<Keyring, Fault> {
        let master_keys = &self.shared.master_keys;
        let lacks = |error: &dyn std::error::Error| {
            Fault::OwnKeys(format!(
                "this node does not have the master key {active}, which is the active one: {}; \
                 give it every master key that the ledger has used since this node's position",
                chain(error)
            ))
        };
        let ledger = Ledger { active, ..self.state.ledger.clone() };
        if let Ok(held) = master_keys.enter()
            && let Ok(ring) = master_keys::of_ledger(held.ring(), &ledger)
        {
            return Ok(ring);
        }
        let read = master_keys.read_source().map_err(|error| lacks(&error))?;
        if active == self.state.ledger.active {
            self.check_key_check(&read).map_err(|error| lacks(&error))?;
        }
        if let Ok(held) = master_keys.enter()
            && let Some(key) = held.ring().clash(&read)
        {
            return Err(lacks(&MasterKeysError::Differs(key)));
        }
        if let Some(key) = master_keys::in_use(&ledger).into_iter().find(|key| !read.holds(*key)) {
            let held = read.key_ids().collect();
            return Err(lacks(&UnsealError::UnknownKey { key, held }));
        }
        master_keys::of_ledger(&read, &ledger).map_err(|error| lacks(&error))
    }

    /// Has the master keys in memory be those of the durable ledger, after a change of them was not
    /// written, or while nobody could read them. Everything that the log has must have been taken
    /// over.
    ///
    /// Errors: `Fault::OwnKeys`.
    pub(super) fn restore_keys(&self) -> Result<(), Fault> {
        let (ledger, master_keys) = (&self.state.ledger, &self.shared.master_keys);
        let held = master_keys.key_ids();
        let needed = master_keys::in_use(ledger);
        let is_so =
            held.first() == Some(&ledger.active) && needed.iter().all(|key| held.contains(key));
        if !ledger.is_sealed && !is_so {
            master_keys.use_ring(self.own_keys(ledger.active)?);
        }
        Ok(())
    }

    /// Returns the secrets of the ledger itself wrapped under the keys that are to come, if the
    /// active one changes.
    fn rewrapped_secrets(&self, keys: &Keys) -> Result<Option<LedgerSecrets>, Fault> {
        match keys {
            Keys::Are(keys) if keys.active_id() != self.state.ledger.active => {
                let (store, id) = (&self.shared.store, self.shared.identity.ledger);
                LedgerSecrets::rewrapped(store, keys, id, &self.shared.ports).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Adds an event of the ledger itself to the group. Without it becoming durable, nothing else
    /// does.
    fn put_ledger(
        &mut self,
        metadata: Metadata,
        event: &LedgerEvent,
        secrets: Option<LedgerSecrets>,
        keys: Keys,
    ) {
        if let Some(secrets) = secrets {
            secrets.put(&mut self.group.batch, &self.shared.store);
        }
        self.state.ledger.evolve(event, metadata.version);
        let effect = Effect::Ledger(Arc::new(self.state.ledger.clone()));
        let key = StreamKey::ledger(self.shared.identity.ledger);
        self.append(metadata, key, event.type_name(), effect);
        match keys {
            Keys::Stay => {}
            Keys::Are(keys) => {
                self.shared.master_keys.use_ring(keys);
                self.shared.master_keys.shares.wipe();
            }
            Keys::Go => self.shared.drop_keys(),
        }
    }

    /// Returns the command that is to be decided, after a look at the given keys.
    fn ledger_command(&self, work: &LedgerWork) -> Result<LedgerCommand, ExecuteError> {
        Ok(match work {
            LedgerWork::Rotate(given) => {
                let held = self.shared.master_keys.enter()?;
                if let Some(key) = held.ring().clash(&given.ring) {
                    return Err(MasterKeysError::Differs(key).into());
                }
                let (to, held) = (given.ring.active_id(), given.ring.key_ids().collect());
                LedgerCommand::RotateMasterKey { to, held }
            }
            LedgerWork::NoteRewrapped(key) => LedgerCommand::NoteRewrapped { key: *key },
            LedgerWork::Retire(key) => {
                let is_held = self.shared.master_keys.key_ids().contains(key);
                LedgerCommand::RetireMasterKey { key: *key, is_held }
            }
            LedgerWork::Seal => LedgerCommand::Seal,
            LedgerWork::Unseal(given) => {
                self.check_key_check(&given.ring)?;
                let held = given.ring.key_ids().collect();
                LedgerCommand::Unseal { held, shares: given.shares }
            }
        })
    }

    /// Checks that the active one among given keys is the ledger's, if there is one with its id.
    fn check_key_check(&self, given: &Keyring) -> Result<(), ExecuteError> {
        let active = self.state.ledger.active;
        let store = &self.shared.store;
        let check = founding::get(store, founding::KEY_CHECK).map_err(Fault::from)?;
        let check =
            check.ok_or_else(|| Fault::Damaged("the ledger has no key check".to_owned()))?;
        if !given.holds(active) || given.open_check(self.shared.identity.ledger, &check).is_ok() {
            return Ok(());
        }
        Err(MasterKeysError::Differs(active).into())
    }

    /// Refuses to give a secret a value while the ledger is sealed. Who sent the command may have
    /// sealed the value before.
    pub(super) fn check_unsealed(
        &self,
        before: Option<&Connection>,
        after: &Connection,
    ) -> Result<(), ExecuteError> {
        // A new connection has a new data key, even without a secret.
        let gives = before.is_none_or(|before| {
            after.secrets.iter().any(|(field, now)| {
                before.secrets.get(field).is_none_or(|then| then.held != now.held)
            })
        });
        if self.state.ledger.is_sealed && gives {
            return Err(Rejection::Sealed.into());
        }
        Ok(())
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
        let keys = self.shared.master_keys.enter()?;
        match keys.ring().rewrap(&mut self.shared.ports.rng(), scope, &wrapped) {
            Ok(rewrapped) => Ok(rewrapped.to_bytes()),
            // The former key was retired meanwhile. A repeat begins with a new data key.
            Err(UnsealError::UnknownKey { .. }) => Err(ExecuteError::Busy),
            Err(error) => Err(Fault::from(error).into()),
        }
    }

    /// Adds data keys that were wrapped anew to the group. One that is not stored any more as it
    /// was read, that is under a key which has been left behind since, or whose connection is
    /// erased, is left out.
    pub(super) fn put_rewrapped(&mut self, rows: Vec<Rewrapped>, tell: TellWritten) {
        let Some(tell) = self.begin_local(tell) else { return };
        let active = self.state.ledger.active;
        for Rewrapped { id, before, after } in rows {
            // The row is gone from the store only with the group of the erasure.
            if self.state.is_destroyed(id) {
                continue;
            }
            let store = &self.shared.store;
            let is_as_read = keys::get(store, id).is_ok_and(|now| now.as_deref() == Some(&*before));
            if let (true, Ok(former)) = (is_as_read, master_key_of(&before))
                && after.master_key_id() == active
            {
                keys::put(&mut self.group.batch, store, id, &after.to_bytes());
                self.state.count_data_key(Some(former), Some(active));
            }
        }
        self.end_local(tell);
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
