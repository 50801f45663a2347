//! One pass: carries out a number of erasures.

use ledger_contract::records::{self, RecordError};
use ledger_domain::{ConnectionId, Position, Version};
use ledger_store::tables::erasures::{self, Erasure};
use ledger_store::tables::{Receipt, StreamKey, receipts, snapshots, streams};
use ledger_store::{AppendError, Forgotten, ReadError};
use ring::digest::{SHA256, digest};

use crate::engine::{Engine, Shared};
use crate::errors::{Fault, Unavailable, chain};
use crate::history;
use crate::replay::{Due, Entry, NO_FINGERPRINT};
use crate::replication::data_key_name;
use crate::writer::Removal;

/// Connections of one pass. Rewriting files is most of the work, and is done once for all of them.
const CONNECTIONS_MAX: usize = 1_024;
/// Changes in a batch. Storing them delays a command that arrives at this moment by about a sync.
const BATCH: usize = 256;
/// Attempts to destroy a data key beside the log, before the eraser rests.
const DESTROY_ATTEMPTS: usize = 20;
/// Bytes of records in a batch.
const BATCH_BYTES: usize = 256 * 1024;

/// Why a pass ended early.
pub(super) enum Stopped {
    /// The ledger is stopping.
    Stopping,
    /// Something failed, and is tried again.
    Failed(Fault),
}

/// Lets `?` make a failure of what fails below.
macro_rules! failures {
    ($($error:ty),+) => {$(
        impl From<$error> for Stopped {
            fn from(error: $error) -> Self {
                Self::Failed(error.into())
            }
        }
    )+};
}

failures!(Fault, ReadError, AppendError, RecordError);

/// Destroys the data key of a connection beside the log that the nodes of a cluster share, if there
/// is one. NATS servers that choose a leader are waited for.
fn destroy_beside(shared: &Shared, id: ConnectionId) -> Result<(), Stopped> {
    let name = data_key_name(id);
    for _ in 1..DESTROY_ATTEMPTS {
        match shared.log.destroy(&name) {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::debug!(error, "a data key beside the log is not destroyed yet, retrying");
            }
        }
        if shared.erasing.wait() {
            return Err(Stopped::Stopping);
        }
    }
    shared.log.destroy(&name).map_err(|error| Stopped::Failed(Fault::Shared(error)))
}

/// What a pass has done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ran {
    pub(super) carried_out: usize,
    pub(super) failed: usize,
}

pub(super) struct Pass<'a> {
    engine: &'a Engine,
    /// Changes that the writer does not have yet.
    batch: Vec<Removal>,
    bytes: usize,
    forgotten: Forgotten,
}

impl<'a> Pass<'a> {
    /// Carries out the oldest erasures that are left. One whose records are damaged keeps no other
    /// from being carried out.
    pub(super) fn run(engine: &'a Engine) -> Result<Ran, Stopped> {
        let shared = &engine.shared;
        let due = || {
            let all = erasures::all(&shared.store);
            let left = all.filter(|one| one.as_ref().map_or(true, |it| it.completed_at.is_none()));
            left.take(CONNECTIONS_MAX).collect::<Result<Vec<_>, _>>()
        };
        if due()?.is_empty() {
            return Ok(Ran::default());
        }
        // States that are folded from emptied events are others. What begins later folds no state
        // of these connections but the last.
        let emptying = loop {
            if let Some(emptying) = shared.emptying.try_lock()
                && shared.rebuilding.status().is_none()
            {
                break emptying;
            }
            if shared.erasing.wait() {
                return Err(Stopped::Stopping);
            }
        };
        let due = due()?;
        let models = shared.models.load();
        // The next start must not derive from emptied events what lists show of the states before.
        engine.pause(|| models.flush(engine.head())).map_err(|_| Stopped::Stopping)??;
        let forgotten = Forgotten::of(&models.connections, models.lists.table());
        let mut pass = Pass { engine, batch: Vec::new(), bytes: 0, forgotten };
        let mut ran = Ran::default();
        let mut emptied = Vec::with_capacity(due.len());
        for erasure in due {
            match pass.empty(&erasure) {
                Ok(()) => emptied.push(erasure),
                Err(Stopped::Stopping) => return Err(Stopped::Stopping),
                Err(Stopped::Failed(error)) => {
                    let (id, error) = (erasure.connection, chain(&error));
                    tracing::error!(
                        ledger.connection.id = %id, %error,
                        "an erasure cannot be carried out"
                    );
                    ran.failed += 1;
                }
            }
        }
        pass.write()?;
        drop(emptying);
        let forgotten = pass.forgotten;
        forget(engine, &forgotten)?;
        for erasure in &emptied {
            destroy_beside(shared, erasure.connection)?;
        }
        let mut pass =
            Pass { forgotten: Forgotten::default(), batch: Vec::new(), bytes: 0, engine };
        let now = Some(shared.ports.now());
        for erasure in &emptied {
            pass.add(Removal::Completed(Erasure { completed_at: now, ..*erasure }), 0)?;
        }
        pass.write()?;
        ran.carried_out = emptied.len();
        Ok(ran)
    }

    /// Removes snapshots of a connection, then what its events say. In this order, no snapshot
    /// contradicts the log at any moment.
    fn empty(&mut self, erasure: &Erasure) -> Result<(), Stopped> {
        let (store, id) = (&self.engine.shared.store, erasure.connection);
        self.forgotten.add_connection(id);
        let last = streams::last_version(store, StreamKey::connection(id))?;
        for version in snapshots::versions(store, id)? {
            if version < last {
                self.add(Removal::Snapshot(id, version), 0)?;
            }
        }
        self.write()?;
        self.empty_records(id)
    }

    fn empty_records(&mut self, id: ConnectionId) -> Result<(), Stopped> {
        let engine = self.engine;
        let store = &engine.shared.store;
        for position in streams::scan(store, StreamKey::connection(id), Version::new(1)) {
            let position = position?;
            let record = history::bytes(store, position)?;
            self.forgotten.add_record(position);
            let sum = digest(&SHA256, &record);
            let sum = sum.as_ref().try_into().map_err(|_| Fault::bug("a digest of SHA-256"))?;
            let receipt = self.receipt(position, &record)?;
            if let Some((key, _)) = &receipt {
                self.forgotten.add_receipt(key.clone());
            }
            let Some(emptied) = records::emptied(position, &record, sum)? else { continue };
            let bytes = emptied.len();
            self.add(Removal::Record { position, record: emptied, receipt }, bytes)?;
        }
        Ok(())
    }

    /// Returns the receipt of an event's command without its fingerprint, by which values could be
    /// guessed. The command itself is still known, and not executed again.
    fn receipt(
        &self,
        position: Position,
        record: &[u8],
    ) -> Result<Option<(Vec<u8>, Receipt)>, Stopped> {
        let entry = Entry::read(position, record)?;
        let (Due::Whole(receipt) | Due::WithoutFingerprint(receipt)) = entry.receipt else {
            return Ok(None);
        };
        let found = receipts::get(&self.engine.shared.store, &entry.key)?;
        let is_it = found.is_some_and(|found| found.position == position);
        let receipt = Receipt { fingerprint: NO_FINGERPRINT, ..receipt };
        Ok(is_it.then_some((entry.key, receipt)))
    }

    /// Has the writer store one change.
    pub(super) fn put(engine: &'a Engine, removal: Removal) -> Result<(), Stopped> {
        let batch = vec![removal];
        Self { engine, batch, bytes: 0, forgotten: Forgotten::default() }.write()
    }

    fn add(&mut self, removal: Removal, bytes: usize) -> Result<(), Stopped> {
        self.batch.push(removal);
        self.bytes += bytes;
        if self.batch.len() < BATCH && self.bytes < BATCH_BYTES { Ok(()) } else { self.write() }
    }

    /// Has the writer store what was added, and waits while it may not.
    fn write(&mut self) -> Result<(), Stopped> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        loop {
            let written = self.engine.remove(batch.clone()).map_err(|_| Stopped::Stopping)?;
            match written.recv().unwrap_or(Err(Unavailable::ShuttingDown)) {
                Ok(()) => return Ok(()),
                Err(Unavailable::NotOwner(_)) if !self.engine.shared.erasing.wait() => {}
                Err(_) => return Err(Stopped::Stopping),
            }
            if self.engine.shared.erasing.is_stopping() {
                return Err(Stopped::Stopping);
            }
        }
    }
}

/// Rewrites the files that may have what is to be forgotten, and waits until those of before are
/// gone from the disk.
fn forget(engine: &Engine, forgotten: &Forgotten) -> Result<(), Stopped> {
    let Shared { store, erasing, .. } = &*engine.shared;
    let mut former = None;
    loop {
        former = match former {
            Some(former) if !store.uses(&former)? => Some(former),
            _ => store.forget(forgotten)?,
        };
        if former.as_ref().map_or(Ok(false), |former| store.are_gone(former))? {
            return Ok(());
        }
        if erasing.wait() {
            return Err(Stopped::Stopping);
        }
    }
}
