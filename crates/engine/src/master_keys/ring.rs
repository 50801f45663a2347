//! Which of the given master keys are used, and where they are read again.

use std::sync::Arc;

use ledger_contract::records::{Happened, Record};
use ledger_domain::{Ledger, Version};
use ledger_store::Store;
use ledger_store::tables::{StreamKey, meta, streams};
use ledger_vault::{KeySource, Keyring, OpenError as UnsealError};
use parking_lot::RwLock;

use super::in_use;
use super::rewrapping::Rewrapping;
use crate::errors::{Fault, MasterKeysError, OpenError};
use crate::founding::Founding;
use crate::history;

/// The master keys of an open ledger.
#[derive(Debug)]
pub(crate) struct MasterKeys {
    ring: RwLock<Keyring>,
    source: Option<Arc<dyn KeySource>>,
    pub(crate) rewrapping: Rewrapping,
}

impl MasterKeys {
    /// Chooses from the given keys those that the ledger uses.
    ///
    /// Errors: `OpenError::MasterKey` if one is missing under which something is wrapped.
    pub(crate) fn open(
        given: &Keyring,
        source: Option<Arc<dyn KeySource>>,
        ledger: &Ledger,
    ) -> Result<Self, OpenError> {
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
        let ring = given.with_active(ledger.active).map_err(OpenError::MasterKey)?;
        let ring = RwLock::new(ring.without(|key| ledger.retired.contains(&key)));
        let is_due = ledger.is_rewrapping || ledger.left_behind() > 0;
        Ok(Self { ring, source, rewrapping: Rewrapping::new(is_due) })
    }

    /// Returns the keys in use.
    pub(crate) fn ring(&self) -> Keyring {
        self.ring.read().clone()
    }

    /// Uses other keys from now on.
    pub(crate) fn use_ring(&self, ring: Keyring) {
        *self.ring.write() = ring;
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
