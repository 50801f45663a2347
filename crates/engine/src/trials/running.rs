//! Which tests are being made.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_domain::ConnectionId;
use parking_lot::{Mutex, RwLock};

use super::SendTest;
use crate::errors::ExecuteError;

/// Most tests at once.
const RUNNING_MAX: usize = 16;

/// What tests are made with, and those that are being made.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    sender: RwLock<Option<Arc<dyn SendTest>>>,
    running: Arc<Mutex<BTreeSet<ConnectionId>>>,
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
        if running.contains(&connection) {
            return Err(ExecuteError::TestRunning);
        }
        if running.len() >= RUNNING_MAX {
            return Err(ExecuteError::Busy);
        }
        running.insert(connection);
        Ok(Running { connection, all: Arc::clone(&self.running) })
    }
}

/// A test that is being made.
#[derive(Debug)]
pub(super) struct Running {
    connection: ConnectionId,
    all: Arc<Mutex<BTreeSet<ConnectionId>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.all.lock().remove(&self.connection);
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
        drop(first);
        assert!(trials.begin(id(0)).is_ok());
    }
}
