//! When each key was last used: noted in memory at every request, written to the store now and
//! then. It is no event: a request that only looks must not write.

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

use crate::engine::Shared;
use crate::errors::{Fault, chain};

/// Between two times at which last uses are written out; what `kill -9` can take away.
pub(crate) const LAST_USE_INTERVAL: Duration = Duration::from_mins(1);
/// How exactly the last use of a key is remembered, in microseconds.
const LAST_USE_MICROS: i64 = 60_000_000;

/// The last use of every key.
#[derive(Debug, Default)]
pub(crate) struct Uses(RwLock<Noted>);

#[derive(Debug, Default)]
struct Noted {
    last: HashMap<ApiKeyId, Micros>,
    /// Keys whose last use the store does not have.
    unwritten: HashSet<ApiKeyId>,
}

impl Uses {
    /// Reads what was written before.
    pub(crate) fn load(store: &Store) -> Result<Self, ReadError> {
        let last = uses::all(store).collect::<Result<_, _>>()?;
        Ok(Self(RwLock::new(Noted { last, unwritten: HashSet::new() })))
    }

    /// Notes that a key is used, unless that was noted within a minute.
    pub(crate) fn note(&self, id: &ApiKeyId, now: Micros) {
        let known = self.0.read().last.get(id).copied();
        if known.is_some_and(|last| now.get().saturating_sub(last.get()) < LAST_USE_MICROS) {
            return;
        }
        let mut noted = self.0.write();
        noted.last.insert(id.clone(), now);
        noted.unwritten.insert(id.clone());
    }

    /// Returns when a key was last used, to the minute.
    pub(crate) fn last(&self, id: &ApiKeyId) -> Option<Micros> {
        self.0.read().last.get(id).copied()
    }

    /// Writes out what the store does not have, and forgets keys that are not `kept`.
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
        // A failed write stops all writing until a restart, so nothing is kept to be tried again.
        if batch.is_empty() { Ok(()) } else { store.commit(batch, Durability::Buffered) }
    }
}

/// The thread that writes last uses out, until it is dropped; then it does so a last time.
#[derive(Debug)]
pub(crate) struct UseKeeper {
    /// Dropped to say that it is time to end.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl UseKeeper {
    /// Starts the thread.
    pub(crate) fn start(shared: &Arc<Shared>, interval: Duration) -> Result<Self, Fault> {
        let (stop, stopped) = bounded::<()>(0);
        let shared = Arc::clone(shared);
        let keep = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                write(&shared);
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
            tracing::error!("the thread of last uses ended in a panic");
        }
    }
}

fn write(shared: &Shared) {
    if shared.store.is_poisoned() {
        return;
    }
    if let Err(error) = shared.directory.write_uses(&shared.store) {
        tracing::error!(error = %chain(&error), "cannot write when keys were last used");
    }
}
