//! Attempts to refresh tokens: those that are being made, and what is known of those that failed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use ledger_contract::reply::Receipt;
use ledger_domain::{Connection, ConnectionId, FieldName, Micros};
use ledger_metrics::Refresh;
use parking_lot::{Condvar, Mutex};

use crate::errors::ExecuteError;

/// An attempt that is being made, for all who wait for its end.
pub(super) type Flight = Shared<BoxFuture<'static, Ended>>;

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// The token was fresh already.
    Fresh,
    /// There is a new one.
    Stored(Receipt),
    /// Somebody else was faster, or changed the connection meanwhile.
    Superseded,
    /// It was about something else: no token was asked for like this.
    NotAsked,
    /// Nothing could be asked.
    Impossible(RefreshImpossible),
    /// There was none.
    Refused(TokenRefusal),
    /// The ledger could not do its part.
    Failed(Arc<ExecuteError>),
}

impl Ended {
    /// Returns as what the attempt is counted.
    pub(super) const fn counted(&self) -> Refresh {
        match self {
            Self::Stored(_) => Refresh::Stored,
            Self::Fresh | Self::Superseded | Self::NotAsked => Refresh::Unneeded,
            Self::Impossible(_) | Self::Refused(_) => Refresh::Refused,
            Self::Failed(_) => Refresh::Failed,
        }
    }
}

/// Why the ledger cannot get a token for a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshImpossible {
    /// Its settings do not say how.
    #[error("{0}")]
    Settings(ledger_oauth::Unusable),
    /// It would take a value of another connection.
    #[error("{0} is a reference to another connection, which no token is asked for with")]
    Refers(FieldName),
    /// Nothing here sends requests.
    #[error("this server sends no requests to token services")]
    NoSender,
}

/// Why a token service gave out no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenRefusal {
    /// What happened, without anything of a secret.
    pub reason: String,
    /// Whether a person must act.
    pub gives_up: bool,
    /// How long to wait before it is tried again.
    pub wait: Option<Duration>,
    /// The code of the service's error, if it is a known one.
    pub code: Option<&'static str>,
}

/// The attempts.
#[derive(Debug, Default)]
pub(super) struct Flights {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<ConnectionId, Flight>,
    failures: HashMap<ConnectionId, Failures>,
    /// When somebody last asked for the token of a connection.
    asked: HashMap<ConnectionId, Micros>,
}

/// Attempts that failed one after the other.
#[derive(Clone, Debug)]
struct Failures {
    number: u32,
    /// The connection with which they were made.
    of: Arc<Connection>,
    not_before: Micros,
    last: TokenRefusal,
}

/// An attempt that is being made. Dropping it ends it for those who come later.
#[derive(Debug)]
pub(super) struct Running {
    flights: Arc<Flights>,
    id: ConnectionId,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.flights.state.lock().running.remove(&self.id);
        self.flights.ended.notify_all();
    }
}

impl Flights {
    /// Returns the attempt that is being made for a connection, or begins one. Returns whether it
    /// began one.
    pub(super) fn join(
        self: &Arc<Self>,
        id: ConnectionId,
        begin: impl FnOnce(Running) -> BoxFuture<'static, Ended>,
    ) -> (Flight, bool) {
        let mut state = self.state.lock();
        if let Some(flight) = state.running.get(&id) {
            return (flight.clone(), false);
        }
        let flight = begin(Running { flights: Arc::clone(self), id }).shared();
        state.running.insert(id, flight.clone());
        (flight, true)
    }

    /// Waits until no attempt is being made, for a time at most. Blocks. Returns whether there is
    /// none.
    pub(super) fn finish(&self, longest: Duration) -> bool {
        let mut state = self.state.lock();
        let is_running = |state: &mut State| !state.running.is_empty();
        !self.ended.wait_while_for(&mut state, is_running, longest).timed_out()
    }

    /// Notes that somebody asked for the token of a connection.
    pub(super) fn note_asked(&self, id: ConnectionId, at: Micros) {
        let mut state = self.state.lock();
        let last = state.asked.entry(id).or_insert(at);
        *last = at.max(*last);
    }

    /// Returns whether somebody asked for the token since a time. If not, nothing is remembered.
    pub(super) fn was_asked(&self, id: ConnectionId, since: Micros) -> bool {
        let mut state = self.state.lock();
        let was_asked = state.asked.get(&id).is_some_and(|last| *last >= since);
        if !was_asked {
            state.asked.remove(&id);
        }
        was_asked
    }

    /// Returns the last failure, and when it may be tried again, if that is later than `now` and
    /// the connection still asks in the same way.
    pub(super) fn blocked(
        &self,
        now: Micros,
        connection: &Connection,
    ) -> Option<(Micros, TokenRefusal)> {
        let mut state = self.state.lock();
        let failures = state.failures.get(&connection.id)?;
        if !connection.asks_for_token_like(&failures.of) {
            state.failures.remove(&connection.id);
            return None;
        }
        if failures.not_before <= now {
            return None;
        }
        let micros = failures.not_before.get().abs_diff(now.get());
        let wait = Some(Duration::from_micros(micros));
        Some((failures.not_before, TokenRefusal { wait, ..failures.last.clone() }))
    }

    /// Notes a failure. `wait` tells how long to wait after how many.
    pub(super) fn note_failure(
        &self,
        of: &Arc<Connection>,
        now: Micros,
        refusal: &TokenRefusal,
        wait: impl FnOnce(u32) -> Duration,
    ) -> Micros {
        let mut state = self.state.lock();
        let before = state.failures.get(&of.id);
        let before = before.filter(|before| of.asks_for_token_like(&before.of));
        let number = before.map_or(0, |before| before.number).saturating_add(1);
        let micros = i64::try_from(wait(number).as_micros()).unwrap_or(i64::MAX);
        let not_before = Micros::new(now.get().saturating_add(micros));
        let failures = Failures { number, of: Arc::clone(of), not_before, last: refusal.clone() };
        state.failures.insert(of.id, failures);
        not_before
    }

    /// Forgets the failures, because there is a token.
    pub(super) fn forget_failures(&self, id: ConnectionId) {
        self.state.lock().failures.remove(&id);
    }
}
