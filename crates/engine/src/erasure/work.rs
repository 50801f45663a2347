//! How far erasures are, between the thread that carries them out and those who ask for it.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long to wait before looking again whether something can go on.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long to wait after a failure before trying again.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Erasing {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whether something may be left to carry out.
    is_asked: bool,
    /// Whether no further work begins.
    is_stopping: bool,
}

impl Erasing {
    /// Begins with a look at what earlier processes left.
    pub(crate) fn new() -> Self {
        let state = Mutex::new(State { is_asked: true, is_stopping: false });
        Self { state, changed: Condvar::new() }
    }

    /// Asks for work.
    pub(crate) fn ask(&self) {
        self.state.lock().is_asked = true;
        self.changed.notify_all();
    }

    /// Ends the work that is under way early, and begins no other.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.state.lock().is_stopping
    }

    /// Waits until work is asked for. Returns false if none is to begin any more.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state.lock();
        while !state.is_asked && !state.is_stopping {
            self.changed.wait(&mut state);
        }
        state.is_asked = false;
        !state.is_stopping
    }

    /// Waits for a minute after a failure, or until more work is asked for. Returns whether the
    /// ledger is stopping.
    pub(super) fn rest(&self) -> bool {
        let mut state = self.state.lock();
        if !state.is_asked && !state.is_stopping {
            self.changed.wait_for(&mut state, AFTER_FAILURE);
        }
        state.is_asked = false;
        state.is_stopping
    }

    /// Waits a moment, or until the ledger is stopping. Returns whether it is.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.state.lock();
        if !state.is_stopping {
            self.changed.wait_for(&mut state, LOOK_AGAIN);
        }
        state.is_stopping
    }
}
