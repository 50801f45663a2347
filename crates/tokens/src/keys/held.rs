//! The newest keys that were fetched, and when it is time for newer ones.

use std::sync::Arc;
use std::time::Duration;

use ledger_domain::Micros;
use ledger_engine::{AuthenticateError, Clock};
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use super::KeySet;
use crate::options::Timings;

/// What everybody who checks a token shares with the task that fetches keys.
#[derive(Debug)]
pub(crate) struct Held {
    state: RwLock<State>,
    wanted: Notify,
    /// How many looks at the issuer have ended.
    looks: watch::Sender<u64>,
    timings: Timings,
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    set: Option<Arc<KeySet>>,
    /// When the set was fetched, or found to be the same still.
    fetched_at: Micros,
    look: Look,
}

/// The last look at the issuer.
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

    /// Returns the keys to check with. Fails when there are none, or none that still hold.
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

    /// Says what is to be told about a token whose key is not in the set: with a set that was
    /// fetched a moment ago, that there is no such key, otherwise that nobody can tell yet.
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

    /// Asks for newer keys, unless that was tried a moment ago.
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

    /// Notes that a look begins.
    pub(crate) fn begins(&self) {
        self.state.write().look = Look::UnderWay(self.clock.now());
    }

    /// Takes what a look found. Returns whether it is another set than before.
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

    /// Notes that a look found nothing. Returns for how long the keys there are will hold.
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

    /// Waits until it is time for the next look: someone wants newer keys, or the time has come.
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
                    // It may have been left from before the last look.
                    if self.is_due() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until a first look at the issuer has ended, whatever it found.
    pub(crate) async fn looked(&self) {
        // The sender is `self`, so it cannot be gone.
        drop(self.looks.subscribe().wait_for(|looks| *looks > 0).await);
    }
}
