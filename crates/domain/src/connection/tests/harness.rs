//! Given, when, then: events before, a command, and its expected result.

use uuid::Uuid;

use crate::connection::{Command, Connection, Event, EventFacts, Rejection, decide, evolve};
use crate::ids::{Actor, ConnectionId, EventId, Expected, Micros, Position, Version};

/// A connection's history.
#[derive(Clone, Debug)]
pub(super) struct Given {
    history: Vec<Event>,
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct Outcome {
    before: Given,
    answer: Result<Event, Rejection>,
}

/// Starts from a history.
pub(super) fn given(history: impl IntoIterator<Item = Event>) -> Given {
    Given { history: history.into_iter().collect() }
}

impl Given {
    /// Returns the state after the history.
    pub(super) fn state(&self) -> Option<Connection> {
        fold(&self.history)
    }

    /// Sends a command, whatever the version of the connection.
    pub(super) fn when(self, command: Command) -> Outcome {
        self.when_expecting(Expected::Any, command)
    }

    /// Sends a command. The earlier state of a revert is looked up in the history.
    pub(super) fn when_expecting(self, expected: Expected, command: Command) -> Outcome {
        let command = match command {
            Command::Revert { to, then: None, detach_secrets } => {
                Command::Revert { to, then: self.state_at(to).map(Box::new), detach_secrets }
            }
            command => command,
        };
        let answer = decide(self.state().as_ref(), expected, command);
        Outcome { before: self, answer }
    }

    fn state_at(&self, version: Version) -> Option<Connection> {
        let length = usize::try_from(version.get()).ok()?;
        fold(self.history.get(..length)?)
    }
}

impl Outcome {
    /// Asserts that the result is this event.
    #[track_caller]
    pub(super) fn then(self, event: Event) -> Self {
        assert_eq!(self.answer, Ok(event));
        self
    }

    /// Asserts that the result is this refusal.
    #[track_caller]
    pub(super) fn then_refused(self, rejection: Rejection) {
        assert_eq!(self.answer, Err(rejection));
    }

    /// Asserts that the refusal is about this field.
    #[track_caller]
    pub(super) fn then_invalid(self, field: &str) {
        match self.answer {
            Err(Rejection::Invalid(invalid)) => assert_eq!(invalid.field, field),
            other => panic!("expected {field} to be invalid, got {other:?}"),
        }
    }

    /// Returns the result.
    pub(super) fn answer(self) -> Result<Event, Rejection> {
        self.answer
    }

    /// Asserts that the result is an event, and returns the history with it.
    #[track_caller]
    pub(super) fn accepted(self) -> Given {
        let mut history = self.before.history;
        history.push(self.answer.unwrap());
        Given { history }
    }

    /// Asserts that the result is an event, and returns the state after it.
    #[track_caller]
    pub(super) fn state(self) -> Connection {
        self.accepted().state().unwrap()
    }
}

/// Folds a whole history.
pub(super) fn fold(events: &[Event]) -> Option<Connection> {
    fold_from(None, events, 1)
}

/// Applies events to a state; the first has the number `first`.
pub(super) fn fold_from(
    state: Option<Connection>,
    events: &[Event],
    first: u64,
) -> Option<Connection> {
    (first..)
        .zip(events)
        .fold(state, |state, (number, event)| evolve(state, event.clone(), &facts(number)))
}

/// Returns the metadata of the event with that number, in which every value is unique.
pub(super) fn facts(number: u64) -> EventFacts {
    EventFacts {
        connection: ConnectionId::new(Uuid::from_u128(7)),
        event_id: EventId::new(Uuid::from_u128(u128::from(number) + 1_000)),
        version: Version::new(number),
        position: Position::new(number * 10),
        recorded_at: Micros::new(i64::try_from(number).unwrap() * 1_000),
        actor: Actor::new(format!("key:{number}")),
    }
}
