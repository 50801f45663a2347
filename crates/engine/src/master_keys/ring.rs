//! Which of the given master keys are used, and where they are read again.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::records::{Happened, Record};
use ledger_domain::{Ledger, MasterKeyId, Rejection, Version};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, meta, streams};
use ledger_vault::{KeySource, Keyring, OpenError as UnsealError};

use super::gate::{Gate, KeyUse};
use super::held_shares::HeldShares;
use super::rewrapping::Rewrapping;
use super::{in_use, is_rewrap_due};
use crate::errors::{Fault, MasterKeysError, OpenError};
use crate::founding::Founding;
use crate::history;

/// The master keys of an open ledger, unless it is sealed.
#[derive(Debug)]
pub(crate) struct MasterKeys {
    gate: Arc<Gate>,
    source: Option<Arc<dyn KeySource>>,
    /// Shares that were given to unseal the ledger.
    pub(crate) shares: HeldShares,
    pub(crate) rewrapping: Rewrapping,
}

/// Chooses from the given keys those that the ledger uses.
///
/// Errors: `OpenError::MasterKey` if one is missing under which something is wrapped.
pub(crate) fn choose(given: &Keyring, ledger: &Ledger) -> Result<Keyring, OpenError> {
    if let Some(key) = in_use(ledger).into_iter().find(|key| !given.holds(*key)) {
        let held = given.key_ids().collect();
        return Err(OpenError::MasterKey(UnsealError::UnknownKey { key, held }));
    }
    let first = given.active_id();
    if first != ledger.active && !ledger.retired.contains(&first) {
        tracing::warn!(
            first = %first, active = %ledger.active,
            "the first of the master keys is not the active one of this ledger; \
             `connledger keys rotate` makes it so"
        );
    }
    of_ledger(given, ledger).map_err(OpenError::MasterKey)
}

/// Returns the given keys as the ledger uses them.
///
/// Errors: the active one is missing.
pub(crate) fn of_ledger(given: &Keyring, ledger: &Ledger) -> Result<Keyring, UnsealError> {
    Ok(given.with_active(ledger.active)?.without(|key| ledger.retired.contains(&key)))
}

impl MasterKeys {
    /// Uses the chosen keys. A sealed ledger drops them.
    pub(crate) fn open(
        chosen: Keyring,
        source: Option<Arc<dyn KeySource>>,
        ledger: &Ledger,
    ) -> Self {
        let keys = Self {
            gate: Gate::new((!ledger.is_sealed).then_some(chosen)),
            source,
            shares: HeldShares::default(),
            rewrapping: Rewrapping::new(is_rewrap_due(ledger)),
        };
        if ledger.is_sealed {
            keys.tell_sealed();
        }
        keys
    }

    /// Lends the keys.
    ///
    /// Errors: `Rejection::Sealed`.
    pub(crate) fn enter(&self) -> Result<KeyUse, Rejection> {
        self.gate.enter()
    }

    /// Returns whether there are keys, because the ledger is not sealed.
    pub(crate) fn are_there(&self) -> bool {
        self.gate.is_open()
    }

    /// Returns the ids of the keys, the active one first; none if the ledger is sealed.
    pub(crate) fn key_ids(&self) -> Vec<MasterKeyId> {
        self.gate.key_ids()
    }

    /// Uses other keys from now on.
    pub(crate) fn use_ring(&self, ring: Keyring) {
        self.gate.set(Some(ring));
    }

    /// Drops the keys that a ledger has retired.
    pub(crate) fn drop_retired(&self, ledger: &Ledger) {
        if self.key_ids().iter().any(|key| ledger.retired.contains(key))
            && let Ok(held) = self.enter()
        {
            self.use_ring(held.ring().without(|key| ledger.retired.contains(&key)));
        }
    }

    /// Uses no keys from now on. They are wiped when the last of those who use them is done.
    pub(crate) fn drop_all(&self) {
        self.gate.set(None);
    }

    /// Waits until nobody uses keys any more. Returns how many still do after that time. Blocks.
    pub(crate) fn wait_until_unused(&self, longest: Duration) -> usize {
        self.gate.wait_until_unused(longest)
    }

    /// Tells in the log that the ledger is sealed.
    pub(crate) fn tell_sealed(&self) {
        tracing::warn!("the ledger is sealed: no secret is opened or stored before it is unsealed");
        if self.source.as_ref().is_some_and(|source| source.stays_in_memory()) {
            tracing::error!(
                "the master keys stay in the environment of this process: start it with another \
                 source of the keys"
            );
        }
    }

    /// Names where the keys come from, if they can be read again.
    pub(crate) fn source_name(&self) -> Option<String> {
        self.source.as_ref().map(|source| source.name())
    }

    /// Reads the keys again where they come from. Blocks.
    pub(crate) fn read_source(&self) -> Result<Keyring, MasterKeysError> {
        let source = self.source.as_ref().ok_or(MasterKeysError::NoSource)?;
        let source_name = source.name();
        source.read().map_err(|source| MasterKeysError::Unreadable { source_name, source })
    }
}

/// Returns the ledger itself: its state after its own events, and what it has wrapped under which
/// key. The key under which it wraps is not taken from its events: a ledger that was restored up to
/// an earlier position has its secrets wrapped as they were later.
pub(crate) fn load(store: &Store, founding: &Founding) -> Result<Ledger, Fault> {
    let mut ledger = Ledger::under(founding.active);
    let stream = StreamKey::ledger(founding.ledger_id);
    for position in streams::scan(store, stream, Version::new(1)) {
        let Record { metadata, happened } = history::record(store, position?)?;
        let Happened::Ledger(event) = happened else {
            let at = metadata.position;
            return Err(Fault::Damaged(format!("event {at} is none of the ledger itself")));
        };
        ledger.evolve(&event, metadata.version);
    }
    let mut ledger =
        Ledger { active: founding.active, data_keys: meta::data_keys(store)?, ..ledger };
    // After a restore to before a rotation, too.
    ledger.is_rewrapping |= ledger.left_behind() > 0;
    Ok(ledger)
}
