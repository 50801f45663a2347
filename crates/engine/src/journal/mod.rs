//! The audit journal: refusals that matter, and readings of history, beside the log.
//!
//! ```text
//! request ──count──> lines in memory ──keeper, each second──> table `journal`
//! ```
//!
//! Counting never waits for the disk and cannot fail, so it delays neither the refusal nor the
//! commands of others. A thread stores what has changed, a batch each second and without a sync of
//! its own, unless no command has synced the disk within the next second. `kill -9` loses at most
//! the last second. If nothing can be written any more, refusals stand and are counted in memory.

mod attempt;
mod folds;
mod options;
mod rows;

pub use attempt::Attempt;
pub use options::JournalOptions;

use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_contract::journal::{READING, is_recorded};
use ledger_domain::Micros;
use ledger_store::Store;
use parking_lot::Mutex;

use crate::engine::{Engine, Shared};
use crate::errors::{Fault, chain};
use folds::Folds;
use rows::JournalRows;

/// How often the journal is stored.
pub(crate) const STORE_INTERVAL: Duration = Duration::from_secs(1);
/// Rows in one batch.
const BATCH_ROWS_MAX: usize = 512;

/// The journal of one ledger.
#[derive(Debug)]
pub(crate) struct Journal {
    folds: Mutex<Folds>,
    /// Also held by whoever writes, so that one does at a time.
    rows: Mutex<JournalRows>,
}

impl Journal {
    pub(crate) fn new(options: JournalOptions) -> Self {
        Self { folds: Mutex::default(), rows: Mutex::new(JournalRows::new(options)) }
    }

    fn count(&self, kind: &'static str, attempt: &Attempt, now: Micros) {
        self.folds.lock().count(kind, attempt, now);
    }

    /// Stores a batch of what has changed, and removes what is too old or too much. Returns whether
    /// anything is left. A poisoned store stores nothing.
    fn store_some(&self, store: &Store, now: Micros) -> Result<bool, Fault> {
        if store.is_poisoned() {
            return Ok(false);
        }
        let mut rows = self.rows.lock();
        let mut changed = self.folds.lock().take_changed(BATCH_ROWS_MAX);
        // Numbers follow the time of the first request.
        changed.sort_by_key(|(_, line)| line.first);
        let stored = rows.store(store, &changed, now)?;
        let mut folds = self.folds.lock();
        for ((key, _), row) in changed.iter().zip(&stored) {
            folds.stored(key, *row);
        }
        folds.end_old(now);
        Ok(changed.len() == BATCH_ROWS_MAX)
    }

    /// Stores everything that has been counted so far.
    pub(crate) fn store_all(&self, store: &Store, now: Micros) -> Result<(), Fault> {
        while self.store_some(store, now)? {}
        Ok(())
    }
}

/// Stores the journal: what the keeper does each second.
pub(crate) fn keep(shared: &Shared) {
    let done = shared.journal.store_some(&shared.store, shared.ports.now());
    if let Err(error) = done {
        tracing::error!(error = %chain(&error), "cannot store the audit journal");
    }
}

impl Engine {
    /// Counts a refusal that happened before the request reached the engine, and records it in the
    /// audit journal if it matters.
    pub fn refused(&self, code: Code, attempt: &Attempt) {
        self.count_refusal(code);
        self.record_refusal(code, attempt);
    }

    /// Records a refusal in the audit journal if it matters.
    pub fn record_refusal(&self, code: Code, attempt: &Attempt) {
        if is_recorded(code, attempt.operation()) {
            self.shared.journal.count(code.as_str(), attempt, self.clock().now());
        }
    }

    /// Records in the audit journal that somebody reads the history.
    pub fn note_reading(&self, attempt: &Attempt) {
        self.shared.journal.count(READING, attempt, self.clock().now());
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::Via;
    use ledger_store::tables::journal;
    use ledger_vault::Keyring;

    use super::*;
    use crate::engine::EngineOptions;

    #[test]
    fn what_cannot_be_stored_is_refused_all_the_same_and_counted_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate(&mut rand::rng());
        let options = EngineOptions::new(folder.path().join("data"), keyring);
        let engine = Engine::open(EngineOptions { create: true, ..options }).unwrap();
        let Shared { journal: of_engine, store, .. } = &*engine.shared;
        store.poison();
        for _ in 0..1_000 {
            engine.refused(Code::Forbidden, &Attempt::new(Via::Http, "list"));
        }
        of_engine.store_all(store, engine.clock().now()).unwrap();
        assert_eq!(journal::all(store).count(), 0);
        let changed = of_engine.folds.lock().take_changed(usize::MAX);
        assert_eq!(changed.iter().map(|(_, line)| line.count).collect::<Vec<_>>(), [1_000]);
        engine.shutdown();
    }
}
