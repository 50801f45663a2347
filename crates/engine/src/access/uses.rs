//! Records when each key was last used: in memory on every request, in the store periodically. A
//! last use is not an event, because requests that only read must not write to the log.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ledger_domain::Micros;
use ledger_domain::principal::ApiKeyId;
use ledger_store::tables::uses;
use ledger_store::{AppendError, Batch, Durability, ReadError, Store};
use parking_lot::RwLock;

use super::endings::Endings;
use crate::engine::Shared;
use crate::errors::chain;

/// Interval at which last uses are written to the store; `kill -9` loses at most this much.
pub(crate) const LAST_USE_INTERVAL: Duration = Duration::from_mins(1);
/// Resolution of last uses, in microseconds.
const LAST_USE_MICROS: i64 = 60_000_000;

/// The last use of every key.
#[derive(Debug, Default)]
pub(crate) struct Uses(RwLock<Noted>);

#[derive(Debug, Default)]
struct Noted {
    last: HashMap<ApiKeyId, Micros>,
    /// Keys whose last use is not in the store yet.
    unwritten: HashSet<ApiKeyId>,
}

impl Uses {
    /// Loads stored last uses.
    pub(crate) fn load(store: &Store) -> Result<Self, ReadError> {
        let last = uses::all(store).collect::<Result<_, _>>()?;
        Ok(Self(RwLock::new(Noted { last, unwritten: HashSet::new() })))
    }

    /// Records that a key was used, unless a use within the last minute is recorded.
    pub(crate) fn note(&self, id: &ApiKeyId, now: Micros) {
        let known = self.0.read().last.get(id).copied();
        if known.is_some_and(|last| now.get().saturating_sub(last.get()) < LAST_USE_MICROS) {
            return;
        }
        let mut noted = self.0.write();
        noted.last.insert(id.clone(), now);
        noted.unwritten.insert(id.clone());
    }

    /// Returns when a key was last used, with a resolution of one minute.
    pub(crate) fn last(&self, id: &ApiKeyId) -> Option<Micros> {
        self.0.read().last.get(id).copied()
    }

    /// Writes pending last uses to the store and removes keys that are not in `kept`.
    pub(crate) fn write(
        &self,
        store: &Store,
        kept: impl Fn(&ApiKeyId) -> bool,
    ) -> Result<(), AppendError> {
        let mut batch = Batch::new();
        {
            let mut noted = self.0.write();
            let Noted { last, unwritten } = &mut *noted;
            last.retain(|id, _| {
                let keep = kept(id);
                if !keep {
                    uses::delete(&mut batch, store, id);
                }
                keep
            });
            for id in unwritten.drain() {
                if let Some(at) = last.get(&id) {
                    uses::put(&mut batch, store, &id, *at);
                }
            }
        }
        // A failed write stops all writing until a restart, so pending uses are not kept for a
        // retry.
        if batch.is_empty() { Ok(()) } else { store.commit(batch, Durability::Buffered) }
    }
}

/// Warns of keys that expire soon, and returns what the keeper does: write pending last uses, and
/// warn again.
pub(crate) fn keep_uses(shared: &Shared) -> impl FnMut(&Shared) + use<> {
    let mut endings = Endings::default();
    endings.warn(&shared.directory, shared.ports.now());
    move |shared| {
        write(shared);
        endings.warn(&shared.directory, shared.ports.now());
    }
}

fn write(shared: &Shared) {
    if shared.store.is_poisoned() {
        return;
    }
    if let Err(error) = shared.directory.write_uses(&shared.store) {
        tracing::error!(error = %chain(&error), "cannot store the last uses of API keys");
    }
}
