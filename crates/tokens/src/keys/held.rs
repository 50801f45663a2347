//! The latest keys, and when to fetch them again.

use std::sync::Arc;
use std::time::Duration;

use ledger_domain::Micros;
use ledger_engine::{AuthenticateError, Clock};
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use super::KeySet;
use crate::options::Timings;

/// State shared by token checks and the task that fetches keys.
#[derive(Debug)]
pub(crate) struct Held {
    state: RwLock<State>,
    wanted: Notify,
    /// The number of completed fetches.
    looks: watch::Sender<u64>,
    timings: Timings,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    set: Option<Arc<KeySet>>,
    /// When the set was fetched or confirmed.
    fetched_at: Micros,
    look: Look,
}

/// The last fetch.
#[derive(Clone, Copy, Debug, Default)]
enum Look {
    #[default]
    None,
    UnderWay(Micros),
    Failed(Micros),
    Done(Micros),
}

impl Look {
    fn began_at(self) -> Option<Micros> {
        match self {
            Self::None => None,
            Self::UnderWay(at) | Self::Failed(at) | Self::Done(at) => Some(at),
        }
    }
}

impl Held {
    pub(crate) fn new(timings: Timings, clock: Clock) -> Self {
        let looks = watch::Sender::new(0);
        Self { state: RwLock::default(), wanted: Notify::new(), looks, timings, clock }
    }

    /// Returns the current keys. Fails if there are none or they are too old.
    pub(crate) fn current(&self) -> Result<Arc<KeySet>, AuthenticateError> {
        let state = self.state.read();
        match &state.set {
            Some(set) if self.clock.since(state.fetched_at) <= self.timings.stale => {
                Ok(Arc::clone(set))
            }
            _ => {
                drop(state);
                self.want();
                Err(AuthenticateError::TokensUnavailable)
            }
        }
    }

    /// Returns the error for a token whose key is not in the set: directly after a fetch the key
    /// does not exist; otherwise the answer is not known yet.
    pub(crate) fn lacking(&self) -> AuthenticateError {
        let look = self.state.read().look;
        match look {
            Look::Done(at) if self.clock.since(at) < self.timings.refresh_min => {
                AuthenticateError::TokenInvalid
            }
            _ => {
                self.want();
                AuthenticateError::TokensUnavailable
            }
        }
    }

    /// Requests a fetch, unless one was attempted recently.
    fn want(&self) {
        if self.is_due() {
            self.wanted.notify_one();
        }
    }

    fn is_due(&self) -> bool {
        match self.state.read().look {
            Look::UnderWay(_) => false,
            look => {
                look.began_at().is_none_or(|at| self.clock.since(at) >= self.timings.refresh_min)
            }
        }
    }

    /// Records that a fetch has started.
    pub(crate) fn begins(&self) {
        self.state.write().look = Look::UnderWay(self.clock.now());
    }

    /// Stores the result of a fetch. Returns whether the set has changed.
    pub(crate) fn found(&self, set: KeySet) -> bool {
        let mut state = self.state.write();
        let began = state.look.began_at().unwrap_or_default();
        let is_new = state.set.as_ref().is_none_or(|held| held.digest() != set.digest());
        if is_new {
            state.set = Some(Arc::new(set));
        }
        state.fetched_at = self.clock.now();
        state.look = Look::Done(began);
        drop(state);
        self.looks.send_modify(|looks| *looks += 1);
        is_new
    }

    /// Records a failed fetch. Returns how long the current keys remain valid.
    pub(crate) fn failed(&self) -> Option<Duration> {
        let mut state = self.state.write();
        state.look = Look::Failed(state.look.began_at().unwrap_or_default());
        let left = state
            .set
            .as_ref()
            .map(|_| self.timings.stale.saturating_sub(self.clock.since(state.fetched_at)));
        drop(state);
        self.looks.send_modify(|looks| *looks += 1);
        left
    }

    /// Waits until the next fetch is due: on request or after the interval.
    pub(super) async fn next(&self) {
        let rest = match self.state.read().look {
            Look::Failed(_) => self.timings.refresh_min,
            _ => self.timings.refresh_every,
        };
        let rest = tokio::time::sleep(rest);
        tokio::pin!(rest);
        loop {
            tokio::select! {
                () = &mut rest => return,
                () = self.wanted.notified() => {
                    // The request may be older than the last fetch.
                    if self.is_due() {
                        return;
                    }
                }
            }
        }
    }

    /// Returns the number of fetches so far.
    pub(crate) fn looks(&self) -> u64 {
        *self.looks.borrow()
    }

    /// Waits until there were more fetches than that, for at most `patience`.
    pub(crate) async fn next_look(&self, looks: u64, patience: Duration) {
        let mut seen = self.looks.subscribe();
        // `self` holds the sender, so nothing but the time limit ends the wait early.
        drop(tokio::time::timeout(patience, seen.wait_for(|now| *now > looks)).await);
    }

    /// Waits until the first fetch has ended, whatever its result.
    pub(crate) async fn looked(&self) {
        // `self` holds the sender, so it cannot have been dropped.
        drop(self.looks.subscribe().wait_for(|looks| *looks > 0).await);
    }
}
