//! The thread that wraps data keys anew, a few at a time.

use std::sync::Arc;
use std::thread::JoinHandle;

use ledger_contract::master_keys::RewrapStatus;
use ledger_contract::operations::Progress;
use ledger_contract::subjects;
use ledger_domain::{ConnectionId, MasterKeyId, Rejection};
use ledger_store::ReadError;
use ledger_store::tables::keys;
use ledger_vault::{Keyring, Scope, WrappedDataKey, master_key_of};

use super::rewrapping::Stopped;
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, Unavailable, chain};
use crate::readers::lower_priority;
use crate::replication::data_key_name;
use crate::writer::{LedgerWork, Rewrapped, Work};

/// Data keys in a batch. Storing them delays a command that arrives at this moment by less than a
/// sync.
const BATCH: usize = 128;
/// Rows that are looked through for one.
const LOOKED_THROUGH: usize = 8_192;
/// The actor of the event that says that all is done.
const ACTOR: &str = "system:rewrap";

/// The thread. Dropping it ends its work after the batch that is under way.
#[derive(Debug)]
pub(crate) struct Rewrapper {
    engine: Engine,
    thread: Option<JoinHandle<()>>,
}

impl Rewrapper {
    /// Starts the thread. `engine` must not own the rewrapper.
    pub(crate) fn start(engine: Engine) -> Result<Self, Fault> {
        let of_thread = engine.clone();
        let thread = std::thread::Builder::new()
            .name("ledger-rewrap".to_owned())
            .spawn(move || run(&of_thread))
            .map_err(Fault::Thread)?;
        Ok(Self { engine, thread: Some(thread) })
    }
}

impl Drop for Rewrapper {
    fn drop(&mut self) {
        self.engine.shared.master_keys.rewrapping.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that wraps data keys anew panicked");
        }
    }
}

fn run(engine: &Engine) {
    if let Err(error) = lower_priority() {
        tracing::debug!(%error, "data keys are wrapped anew at the priority of commands");
    }
    let rewrapping = &engine.shared.master_keys.rewrapping;
    while rewrapping.begin() {
        let mut pass = Pass { engine, done: 0, total: 0, failed: 0 };
        let ended = pass.run();
        match &ended {
            Ok(()) if pass.failed == 0 => {
                tracing::info!(data_keys = pass.done, "data keys are wrapped under the active key");
            }
            Ok(()) => tracing::error!(
                failed = pass.failed,
                "some data keys cannot be opened, and stay under a former master key"
            ),
            Err(Stopped::Sealed(_)) => {
                tracing::info!("wrapping anew goes on when the ledger is unsealed");
            }
            Err(error) => tracing::warn!(error = %chain(error), "wrapping anew has stopped"),
        }
        rewrapping.end(ended.map(|()| pass.failed));
    }
}

/// One pass over all data keys.
struct Pass<'a> {
    engine: &'a Engine,
    done: u64,
    total: u64,
    /// Data keys that could not be opened.
    failed: u64,
}

/// A few data keys, wrapped anew.
struct Batch {
    rows: Vec<Rewrapped>,
    /// Where the next one begins; none at the end of the table.
    next: Option<ConnectionId>,
}

impl Pass<'_> {
    fn run(&mut self) -> Result<(), Stopped> {
        if self.left()? == 0 && !self.engine.shared.ledger.read().is_rewrapping {
            return Ok(());
        }
        let active = loop {
            let active = self.engine.shared.ledger.read().active;
            let left = self.left()?;
            self.total = self.done + left;
            self.failed = 0;
            self.tell(None);
            // Also if none should be left: the end is recorded only after a look at each.
            self.walk(active)?;
            // Another rotation leaves behind what was wrapped before it.
            if self.engine.shared.ledger.read().active == active {
                break active;
            }
        };
        let left = self.left()?;
        if left > self.failed {
            return Ok(());
        }
        // A data key that cannot be opened does not keep the former wraps of others in the files.
        let store = &self.engine.shared.store;
        store.forget_former_keys().map_err(|error| failed(&error))?;
        if self.walk_beside(active)? && self.failed == 0 { self.note(active) } else { Ok(()) }
    }

    fn left(&self) -> Result<u64, Stopped> {
        let ledger = self.engine.shared.ledger_now().map_err(|error| failed(&error))?;
        Ok(ledger.left_behind())
    }

    /// Goes through all data keys, and wraps anew those that are not under the active key.
    fn walk(&mut self, active: MasterKeyId) -> Result<(), Stopped> {
        let mut from = Some(ConnectionId::from_bytes([0; 16]));
        while let Some(place) = from {
            if self.engine.shared.master_keys.rewrapping.is_stopping() {
                return Err(Unavailable::ShuttingDown.into());
            }
            let failed_before = self.failed;
            let keys = self.engine.shared.master_keys.enter()?;
            let Batch { rows, next } =
                self.batch(place, active, keys.ring()).map_err(|error| failed(&error))?;
            drop(keys);
            let count = u64::try_from(rows.len()).unwrap_or_default();
            if count > 0 {
                if !self.put(rows)? {
                    self.failed = failed_before;
                    continue;
                }
                self.done += count;
                self.tell(None);
            }
            from = next;
        }
        Ok(())
    }

    /// Goes through the data keys beside the log of a cluster, if this node is its writer. Returns
    /// false if another node is, which does it then, and notes the end.
    fn walk_beside(&mut self, active: MasterKeyId) -> Result<bool, Stopped> {
        let shared = Arc::clone(&self.engine.shared);
        if !shared.log.is_set() {
            return Ok(true);
        }
        let mut place = Some(ConnectionId::from_bytes([0; 16]));
        while let Some(from) = place {
            if shared.master_keys.rewrapping.is_stopping() {
                return Err(Unavailable::ShuttingDown.into());
            }
            if self.is_led_elsewhere() {
                return Ok(false);
            }
            let next = self.beside(from, active)?;
            if next == place {
                shared.master_keys.rewrapping.wait();
            }
            place = next;
        }
        Ok(true)
    }

    /// Returns whether another node of a cluster is its writer, or none is.
    fn is_led_elsewhere(&self) -> bool {
        let log = &self.engine.shared.log;
        log.is_set() && !log.leads()
    }

    /// Wraps the next data keys beside the log anew. Returns where the ones after them begin, and
    /// the same place if the log cannot be used now.
    fn beside(
        &mut self,
        from: ConnectionId,
        active: MasterKeyId,
    ) -> Result<Option<ConnectionId>, Stopped> {
        let shared = Arc::clone(&self.engine.shared);
        let ids = keys::scan(&shared.store, from).filter_map(|row| match row {
            Ok((id, _)) => Some(Ok(id)),
            Err(ReadError::Altered { .. }) => None,
            Err(error) => Some(Err(error)),
        });
        let ids = ids.take(BATCH).collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        let names: Vec<String> = ids.iter().map(|id| data_key_name(*id)).collect();
        let (mut failed, mut is_sealed) = (0, false);
        let mut anew = |place: usize, before: &[u8]| -> Option<Vec<u8>> {
            if master_key_of(before).ok() == Some(active) {
                return None;
            }
            let id = *ids.get(place)?;
            // The keys are not held while the servers are waited for.
            let Ok(keys) = shared.master_keys.enter() else {
                is_sealed = true;
                return None;
            };
            match self.rewrapped(id, before.into(), keys.ring()) {
                Ok(row) => Some(row.after.to_bytes()),
                Err(error) => {
                    failed += 1;
                    cannot(&id.to_string(), &error);
                    None
                }
            }
        };
        let replaced = shared.log.replace(&names, &mut anew);
        if is_sealed {
            return Err(Rejection::Sealed.into());
        }
        match replaced {
            Ok(()) => {
                self.failed += failed;
                let is_last = ids.len() < BATCH;
                Ok(ids.last().filter(|_| !is_last).copied().and_then(successor))
            }
            Err(Unavailable::NotOwner(why)) => {
                self.tell(Some(why));
                Ok(Some(from))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the next data keys that are not under the active key, and wraps them anew.
    fn batch(
        &mut self,
        from: ConnectionId,
        active: MasterKeyId,
        ring: &Keyring,
    ) -> Result<Batch, ReadError> {
        let mut rows = Vec::with_capacity(BATCH);
        for (looked_through, row) in keys::scan(&self.engine.shared.store, from).enumerate() {
            let id = match row {
                Ok((id, before)) => {
                    if master_key_of(&before).ok() != Some(active) {
                        match self.rewrapped(id, before, ring) {
                            Ok(row) => rows.push(row),
                            Err(error) => self.fail(&id.to_string(), &error),
                        }
                    }
                    id
                }
                Err(error @ ReadError::Altered { .. }) => {
                    self.fail("an unknown one", &error.into());
                    continue;
                }
                Err(error) => return Err(error),
            };
            if rows.len() == BATCH || looked_through >= LOOKED_THROUGH {
                return Ok(Batch { rows, next: successor(id) });
            }
        }
        Ok(Batch { rows, next: None })
    }

    fn rewrapped(
        &self,
        id: ConnectionId,
        before: Box<[u8]>,
        ring: &Keyring,
    ) -> Result<Rewrapped, Fault> {
        let shared = &self.engine.shared;
        let row = shared.models.load().row(id)?;
        let row = row.ok_or_else(|| Fault::Damaged(format!("there is no connection {id}")))?;
        let scope = Scope { workspace: &row.connection.workspace, connection: id };
        let wrapped = WrappedDataKey::from_bytes(&before)?;
        let after = ring.rewrap(&mut shared.ports.rng(), scope, &wrapped)?;
        Ok(Rewrapped { id, before, after })
    }

    fn fail(&mut self, connection: &str, error: &Fault) {
        self.failed += 1;
        cannot(connection, error);
    }

    /// Has the writer store a batch. Returns false if it may not write now, after a while.
    fn put(&self, rows: Vec<Rewrapped>) -> Result<bool, Stopped> {
        let written = self.engine.put_rewrapped(rows)?;
        match written.recv().unwrap_or(Err(Unavailable::ShuttingDown)) {
            Ok(()) => Ok(true),
            Err(Unavailable::NotOwner(refusal)) => {
                self.tell(Some(refusal));
                self.engine.shared.master_keys.rewrapping.wait();
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records that everything is wrapped under a key, unless another one is active by now.
    fn note(&self, active: MasterKeyId) -> Result<(), Stopped> {
        loop {
            if self.is_led_elsewhere() {
                return Ok(());
            }
            match self.try_note(active) {
                Err(ExecuteError::Unavailable(Unavailable::NotOwner(refusal))) => {
                    self.tell(Some(refusal));
                    self.engine.shared.master_keys.rewrapping.wait();
                }
                Err(ExecuteError::Busy) => self.engine.shared.master_keys.rewrapping.wait(),
                Err(ExecuteError::Unavailable(error)) => return Err(error.into()),
                // It is noted already, or another rotation came meanwhile.
                Ok(()) | Err(ExecuteError::Rejected(_)) => return Ok(()),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "cannot note the end of wrapping anew");
                    return Ok(());
                }
            }
            if self.engine.shared.master_keys.rewrapping.is_stopping() {
                return Err(Unavailable::ShuttingDown.into());
            }
        }
    }

    fn try_note(&self, active: MasterKeyId) -> Result<(), ExecuteError> {
        let work = Work::Ledger(LedgerWork::NoteRewrapped(active));
        self.engine.do_own(Caller::system(ACTOR), subjects::ledger_workspace(), work)
    }

    fn tell(&self, waiting: Option<String>) {
        let progress = Progress { done: self.done, total: self.total.max(self.done) };
        let status = RewrapStatus { progress, failed: self.failed, waiting };
        self.engine.shared.master_keys.rewrapping.tell(status);
    }
}

fn cannot(connection: &str, error: &Fault) {
    tracing::error!(
        ledger.connection.id = connection, error = %chain(error),
        "the data key of a connection cannot be wrapped anew"
    );
}

fn successor(id: ConnectionId) -> Option<ConnectionId> {
    let next = u128::from_be_bytes(id.to_bytes()).checked_add(1)?;
    Some(ConnectionId::from_bytes(next.to_be_bytes()))
}

/// Returns the reason to stop when the store fails; it says more in the log.
fn failed(error: &dyn std::error::Error) -> Stopped {
    tracing::error!(error = %chain(error), "cannot read or rewrite the data keys");
    Stopped::Store
}
