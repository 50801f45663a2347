//! Reads like a story: given these events, when this is asked, then that happens.

use uuid::Uuid;

use crate::connection::{Command, Connection, Event, EventFacts, Rejection, decide, evolve};
use crate::ids::{Actor, ConnectionId, EventId, Expected, Micros, Position, Version};

/// A connection's history.
#[derive(Clone, Debug)]
pub(super) struct Given {
    history: Vec<Event>,
}

/// What came of a command.
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
    /// Returns the state the history leads to.
    pub(super) fn state(&self) -> Option<Connection> {
        fold(&self.history)
    }

    /// Asks for a change, whatever version the connection is at.
    pub(super) fn when(self, command: Command) -> Outcome {
        self.when_expecting(Expected::Any, command)
    }

    /// Asks for a change. A revert finds the state it goes back to in the history.
    pub(super) fn when_expecting(self, expected: Expected, command: Command) -> Outcome {
        let command = match command {
            Command::Revert { to, then: None } => {
                Command::Revert { to, then: self.state_at(to).map(Box::new) }
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
    /// Demands this event.
    #[track_caller]
    pub(super) fn then(self, event: Event) -> Self {
        assert_eq!(self.answer, Ok(event));
        self
    }

    /// Demands this refusal.
    #[track_caller]
    pub(super) fn then_refused(self, rejection: Rejection) {
        assert_eq!(self.answer, Err(rejection));
    }

    /// Demands that the refusal is about this field.
    #[track_caller]
    pub(super) fn then_invalid(self, field: &str) {
        match self.answer {
            Err(Rejection::Invalid(invalid)) => assert_eq!(invalid.field, field),
            other => panic!("expected {field} to be invalid, got {other:?}"),
        }
    }

    /// Returns the bare answer.
    pub(super) fn answer(self) -> Result<Event, Rejection> {
        self.answer
    }

    /// Demands an event and returns the history with it.
    #[track_caller]
    pub(super) fn accepted(self) -> Given {
        let mut history = self.before.history;
        history.push(self.answer.unwrap());
        Given { history }
    }

    /// Demands an event and returns the state after it.
    #[track_caller]
    pub(super) fn state(self) -> Connection {
        self.accepted().state().unwrap()
    }
}

/// Folds a whole history.
pub(super) fn fold(events: &[Event]) -> Option<Connection> {
    fold_from(None, events, 1)
}

/// Folds more events, the first of which has number `first`, into a state.
pub(super) fn fold_from(
    state: Option<Connection>,
    events: &[Event],
    first: u64,
) -> Option<Connection> {
    (first..)
        .zip(events)
        .fold(state, |state, (number, event)| evolve(state, event.clone(), &facts(number)))
}

/// Returns the facts of the stream's event of that number; every part tells it from the others.
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
