//! Which tests are being made.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_domain::ConnectionId;
use parking_lot::{Mutex, RwLock};

use super::SendTest;
use super::reports::Reports;
use super::scheduled::ScheduledTests;
use crate::errors::ExecuteError;

/// Most tests at once that somebody asked for.
const RUNNING_MAX: usize = 16;

/// What tests are made with, and those that are being made.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    sender: RwLock<Option<Arc<dyn SendTest>>>,
    running: Arc<Mutex<AllRunning>>,
    pub(crate) scheduled: ScheduledTests,
    pub(super) reports: Reports,
}

#[derive(Debug, Default)]
struct AllRunning {
    connections: BTreeSet<ConnectionId>,
    /// How many of them somebody asked for.
    asked_for: usize,
}

impl Trials {
    pub(super) fn set_sender(&self, sender: Arc<dyn SendTest>) {
        *self.sender.write() = Some(sender);
    }

    pub(crate) fn sender(&self) -> Option<Arc<dyn SendTest>> {
        self.sender.read().clone()
    }

    /// Begins a test. It ends when the result is dropped.
    ///
    /// Errors: `test_running`, `busy`.
    pub(super) fn begin(&self, connection: ConnectionId) -> Result<Running, ExecuteError> {
        let mut running = self.running.lock();
        if running.connections.contains(&connection) {
            return Err(ExecuteError::TestRunning);
        }
        if running.asked_for >= RUNNING_MAX {
            return Err(ExecuteError::Busy);
        }
        running.connections.insert(connection);
        running.asked_for += 1;
        drop(running);
        Ok(Running { connection, is_asked_for: true, all: Arc::clone(&self.running) })
    }

    /// Begins a test of the schedule, which has limits of its own.
    ///
    /// Errors: `test_running`.
    pub(super) fn begin_scheduled(
        &self,
        connection: ConnectionId,
    ) -> Result<Running, ExecuteError> {
        if !self.running.lock().connections.insert(connection) {
            return Err(ExecuteError::TestRunning);
        }
        Ok(Running { connection, is_asked_for: false, all: Arc::clone(&self.running) })
    }
}

/// A test that is being made.
#[derive(Debug)]
pub(super) struct Running {
    connection: ConnectionId,
    is_asked_for: bool,
    all: Arc<Mutex<AllRunning>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        all.connections.remove(&self.connection);
        if self.is_asked_for {
            all.asked_for = all.asked_for.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ConnectionId {
        ConnectionId::new(Uuid::from_u128(number))
    }

    #[test]
    fn a_connection_is_tested_once_at_a_time_and_only_so_many_are() {
        let trials = Trials::default();
        let first = trials.begin(id(0)).expect("the first");
        assert!(matches!(trials.begin(id(0)), Err(ExecuteError::TestRunning)));
        let others: Vec<_> = (1..16).map(|number| trials.begin(id(number))).collect();
        assert!(others.iter().all(Result::is_ok));
        assert!(matches!(trials.begin(id(99)), Err(ExecuteError::Busy)));
        let scheduled = trials.begin_scheduled(id(99)).expect("it has limits of its own");
        assert!(matches!(trials.begin_scheduled(id(0)), Err(ExecuteError::TestRunning)));
        assert!(matches!(trials.begin_scheduled(id(99)), Err(ExecuteError::TestRunning)));
        drop(scheduled);
        assert!(matches!(trials.begin(id(99)), Err(ExecuteError::Busy)));
        drop(first);
        assert!(trials.begin(id(0)).is_ok());
    }
}
