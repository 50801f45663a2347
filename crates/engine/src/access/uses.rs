//! Records when each key was last used: in memory on every request, in the store periodically. A
//! last use is not an event, because requests that only read must not write to the log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use ledger_domain::Micros;
use ledger_domain::principal::ApiKeyId;
use ledger_store::tables::uses;
use ledger_store::{AppendError, Batch, Durability, ReadError, Store};
use parking_lot::RwLock;

use super::endings::Endings;
use crate::engine::Shared;
use crate::errors::{Fault, chain};

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

/// The thread that writes last uses to the store, and warns of keys that expire soon. Dropping it
/// writes once more and ends the thread.
#[derive(Debug)]
pub(crate) struct UseKeeper {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl UseKeeper {
    /// Starts the thread.
    pub(crate) fn start(shared: &Arc<Shared>, interval: Duration) -> Result<Self, Fault> {
        let (stop, stopped) = bounded::<()>(0);
        let shared = Arc::clone(shared);
        let mut endings = Endings::default();
        let mut warn = {
            let shared = Arc::clone(&shared);
            move || endings.warn(&shared.directory, shared.ports.now())
        };
        let keep = move || {
            warn();
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                write(&shared);
                warn();
            }
            write(&shared);
        };
        let thread = std::thread::Builder::new().name("ledger-uses".to_owned()).spawn(keep);
        let thread = thread.map_err(Fault::Thread)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for UseKeeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that records last uses of keys panicked");
        }
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
