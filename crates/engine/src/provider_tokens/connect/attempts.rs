//! The attempts to connect that this process knows.

use std::collections::HashMap;

use ledger_domain::connection::AuthorizationGrant;
use ledger_domain::{ConnectionId, MessageId, Micros};
use parking_lot::Mutex;

use super::NotConnected;
use super::ticket::Ticket;

/// Most attempts of all connections.
const ATTEMPTS_MAX: usize = 10_000;
/// Most attempts of one connection, those that have ended included.
const PER_CONNECTION_MAX: usize = 32;
/// How long an attempt is known after it expired, in microseconds.
const KEPT_MICROS: i64 = 10 * 60 * 1_000_000;

/// The attempts.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<MessageId, Attempt>>);

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) connection: ConnectionId,
    pub(super) grant: AuthorizationGrant,
    pub(super) expires_at: Micros,
    pub(super) state: AttemptState,
}

/// How an attempt goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AttemptState {
    /// The person has not finished.
    Waiting,
    /// What they permitted is being exchanged for tokens.
    Exchanging,
    /// There are tokens.
    Connected,
    /// There are none.
    Ended(NotConnected),
}

impl AttemptState {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Exchanging => "exchanging",
            Self::Connected => "connected",
            Self::Ended(_) => "ended",
        }
    }
}

/// There are as many attempts as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Attempts {
    /// Adds an attempt that begins now.
    pub(super) fn begin(&self, ticket: &Ticket, now: Micros) -> Result<(), Full> {
        let mut all = self.0.lock();
        add(&mut all, ticket, AttemptState::Waiting, now)
    }

    /// Takes the one answer to an attempt. What began before a restart is added first.
    pub(super) fn take(&self, ticket: &Ticket, now: Micros) -> Result<(), NotConnected> {
        let mut all = self.0.lock();
        match all.get_mut(&ticket.attempt) {
            None => add(&mut all, ticket, AttemptState::Exchanging, now)
                .map_err(|Full| NotConnected::Busy),
            Some(attempt) => match &attempt.state {
                AttemptState::Waiting => {
                    attempt.state = AttemptState::Exchanging;
                    Ok(())
                }
                AttemptState::Ended(why) if why.is_of_ledger() => {
                    attempt.state = AttemptState::Exchanging;
                    Ok(())
                }
                AttemptState::Exchanging | AttemptState::Connected | AttemptState::Ended(_) => {
                    Err(NotConnected::Used)
                }
            },
        }
    }

    /// Notes how an attempt goes on.
    pub(super) fn set(&self, attempt: &MessageId, state: AttemptState) {
        if let Some(attempt) = self.0.lock().get_mut(attempt) {
            attempt.state = state;
        }
    }

    /// Notes that an attempt that nobody has answered leads to nothing any more.
    pub(super) fn end(&self, attempt: &MessageId, why: NotConnected) {
        let mut all = self.0.lock();
        let waiting = all.get_mut(attempt).filter(|one| one.state == AttemptState::Waiting);
        if let Some(waiting) = waiting {
            waiting.state = AttemptState::Ended(why);
        }
    }

    /// Returns the attempts of a connection, the latest to expire first.
    pub(super) fn of(&self, id: ConnectionId, now: Micros) -> Vec<(MessageId, Attempt)> {
        let mut all = self.0.lock();
        forget_old(&mut all, now);
        let own = all.iter().filter(|(_, attempt)| attempt.connection == id);
        let mut own: Vec<_> = own.map(|(id, attempt)| (id.clone(), attempt.clone())).collect();
        own.sort_by_key(|(_, attempt)| std::cmp::Reverse(attempt.expires_at));
        own
    }
}

fn add(
    all: &mut HashMap<MessageId, Attempt>,
    ticket: &Ticket,
    state: AttemptState,
    now: Micros,
) -> Result<(), Full> {
    forget_old(all, now);
    let of_connection = all.values().filter(|one| one.connection == ticket.connection).count();
    if all.len() >= ATTEMPTS_MAX || of_connection >= PER_CONNECTION_MAX {
        return Err(Full);
    }
    let Ticket { connection, grant, expires_at, .. } = *ticket;
    all.insert(ticket.attempt.clone(), Attempt { connection, grant, expires_at, state });
    Ok(())
}

fn forget_old(all: &mut HashMap<MessageId, Attempt>, now: Micros) {
    all.retain(|_, attempt| now.get() < attempt.expires_at.get().saturating_add(KEPT_MICROS));
}
