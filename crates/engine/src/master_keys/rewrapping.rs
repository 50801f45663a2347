//! How far wrapping anew is, between the thread that does it and those who ask for it.

use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::master_keys::RewrapStatus;
use ledger_contract::operations::Progress;
use ledger_domain::Rejection;
use parking_lot::{Condvar, Mutex};

use crate::errors::Unavailable;

/// How long to wait before looking again whether the ledger may write.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why a pass ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// The ledger may not write, or is stopping.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger was sealed.
    #[error(transparent)]
    Sealed(#[from] Rejection),
    /// The store failed, of which the log has more.
    #[error("the data keys cannot be read or rewritten")]
    Store,
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Unavailable(unavailable) => unavailable.into(),
            Stopped::Sealed(rejection) => rejection.into(),
            Stopped::Store => Self::because(Code::RecordCorrupt, stopped.to_string()),
        }
    }
}

/// What is asked for, and what is under way.
#[derive(Debug)]
pub(crate) struct Rewrapping {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a pass is to begin.
    is_asked: bool,
    /// The pass that is under way.
    running: Option<RewrapStatus>,
    /// How many passes have ended.
    ended: u64,
    /// How the last one ended: the number of data keys that could not be opened.
    outcome: Option<Result<u64, Stopped>>,
    /// Whether no further pass begins.
    is_stopping: bool,
}

impl Rewrapping {
    /// Begins, with a pass if one is due.
    pub(crate) fn new(is_due: bool) -> Self {
        let state = Mutex::new(State { is_asked: is_due, ..State::default() });
        Self { state, changed: Condvar::new() }
    }

    /// Asks for a pass. One that is under way already does not see what was left behind since.
    pub(crate) fn ask(&self) {
        self.state.lock().is_asked = true;
        self.changed.notify_all();
    }

    /// Ends the pass that is under way early, and begins no other.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.state.lock().is_stopping
    }

    /// Waits until a pass is asked for, and begins it. Returns false if none will be.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state.lock();
        while !state.is_asked && !state.is_stopping {
            self.changed.wait(&mut state);
        }
        state.is_asked = false;
        if state.is_stopping {
            return false;
        }
        let progress = Progress { done: 0, total: 0 };
        state.running = Some(RewrapStatus { progress, failed: 0, waiting: None });
        true
    }

    /// Tells how far the pass is.
    pub(super) fn tell(&self, status: RewrapStatus) {
        self.state.lock().running = Some(status);
        self.changed.notify_all();
    }

    /// Waits a moment, or until the ledger is stopping.
    pub(super) fn wait(&self) {
        let mut state = self.state.lock();
        if !state.is_stopping {
            self.changed.wait_for(&mut state, LOOK_AGAIN);
        }
    }

    /// Ends the pass.
    pub(super) fn end(&self, outcome: Result<u64, Stopped>) {
        let mut state = self.state.lock();
        state.running = None;
        state.ended += 1;
        state.outcome = Some(outcome);
        drop(state);
        self.changed.notify_all();
    }

    /// Returns the pass that is under way.
    pub(crate) fn status(&self) -> Option<RewrapStatus> {
        self.state.lock().running.clone()
    }

    /// Asks for a pass unless one is under way, and follows it to its end. Returns the number of
    /// data keys that could not be opened. Blocks.
    pub(super) fn follow(&self, progress: &dyn Fn(Progress)) -> Result<u64, Stopped> {
        let mut state = self.state.lock();
        if state.running.is_none() {
            state.is_asked = true;
            self.changed.notify_all();
        }
        let awaited = state.ended + 1;
        while state.ended < awaited {
            if state.is_stopping {
                return Err(Unavailable::ShuttingDown.into());
            }
            if let Some(running) = &state.running {
                progress(running.progress);
            }
            self.changed.wait(&mut state);
        }
        state.outcome.clone().unwrap_or(Ok(0))
    }
}
