//! A thread that looks at the connections on an agenda when their time has come, and has recorded
//! what it finds. Only the owner of the ledger's name records; what has passed meanwhile, or while
//! the ledger was closed, is found at the first look.

use std::thread::JoinHandle;
use std::time::Duration;

use ledger_domain::{ConnectionId, Micros};

use super::Agenda;
use crate::engine::{Engine, Shared};
use crate::errors::{ExecuteError, Fault, chain};
use crate::readers::lower_priority;
use crate::writer::Answer;

/// Connections that are looked at together, so that their events are committed together and leave
/// room in the queue for the commands of callers.
const TOGETHER: usize = 64;
/// Longest time between two looks at the clock, which may be set.
const TICK: Duration = Duration::from_millis(250);
/// After how long a connection is looked at again for which a command was refused, in microseconds.
const SOON_MICROS: i64 = 100_000;
/// After how long a connection is looked at again after a failure, in microseconds.
const AGAIN_MICROS: i64 = 60_000_000;

/// What a thread watches, and what it does.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Name of the thread.
    pub(crate) thread: &'static str,
    /// Whether the thread leaves the processor to others.
    pub(crate) yields: bool,
    /// The agenda.
    pub(crate) agenda: fn(&Shared) -> &Agenda,
    /// What is done before the agenda is looked at.
    pub(crate) before: fn(&Engine),
    /// Looks at one connection.
    pub(crate) look: fn(&Engine, ConnectionId) -> Result<Looked, ExecuteError>,
    /// What could not be done, for the log.
    pub(crate) failed: &'static str,
}

/// The result of a look.
pub(crate) enum Looked {
    /// A command was sent to the writer.
    Sent(Answer),
    /// Nothing happens before this time.
    Again(Micros),
    /// There is nothing to wait for.
    Nothing,
}

/// The thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct AgendaWatch {
    engine: Engine,
    watched: &'static Watched,
    thread: Option<JoinHandle<()>>,
}

impl AgendaWatch {
    /// Starts the thread. `engine` must not own the watch.
    pub(crate) fn start(engine: Engine, watched: &'static Watched) -> Result<Self, Fault> {
        let of_thread = engine.clone();
        let thread = std::thread::Builder::new()
            .name(watched.thread.to_owned())
            .spawn(move || run(&of_thread, watched))
            .map_err(Fault::Thread)?;
        Ok(Self { engine, watched, thread: Some(thread) })
    }
}

impl Drop for AgendaWatch {
    fn drop(&mut self) {
        (self.watched.agenda)(&self.engine.shared).stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(thread = self.watched.thread, "a thread panicked");
        }
    }
}

fn run(engine: &Engine, watched: &Watched) {
    if watched.yields
        && let Err(error) = lower_priority()
    {
        tracing::debug!(%error, thread = watched.thread, "the thread has normal priority");
    }
    let agenda = (watched.agenda)(&engine.shared);
    loop {
        (watched.before)(engine);
        while engine.ready().is_ok() && !agenda.is_stopped() {
            let due = agenda.take_due(engine.clock().now(), TOGETHER);
            if due.is_empty() {
                break;
            }
            look_at(engine, watched, &due);
        }
        if !agenda.wait(TICK) {
            return;
        }
    }
}

/// Looks at connections, and waits until what there is to record is durable.
fn look_at(engine: &Engine, watched: &Watched, ids: &[ConnectionId]) {
    let agenda = (watched.agenda)(&engine.shared);
    let after = |micros| Micros::new(engine.clock().now().get().saturating_add(micros));
    let (soon, later) = (after(SOON_MICROS), after(AGAIN_MICROS));
    let mut answers: Vec<(ConnectionId, Answer)> = Vec::new();
    for id in ids {
        match (watched.look)(engine, *id) {
            Ok(Looked::Sent(answer)) => answers.push((*id, answer)),
            Ok(Looked::Again(at)) => agenda.look_later(*id, at),
            Ok(Looked::Nothing) => agenda.forget(*id),
            // The queue is full of commands of callers, which go first.
            Err(ExecuteError::Busy) => agenda.look_later(*id, soon),
            Err(error) => {
                log(watched, *id, &error);
                agenda.look_later(*id, later);
            }
        }
    }
    for (id, answer) in answers {
        match answer.blocking_recv() {
            // The change has set the next look.
            Ok(Ok(_)) => {}
            // Something else was decided first, and may not be durable yet.
            Ok(Err(ExecuteError::Rejected(_))) => agenda.look_later(id, soon),
            Ok(Err(error)) => {
                log(watched, id, &error);
                agenda.look_later(id, later);
            }
            Err(_) => return,
        }
    }
}

fn log(watched: &Watched, id: ConnectionId, error: &ExecuteError) {
    let error = chain(error);
    tracing::warn!(%error, ledger.connection.id = %id, "{}", watched.failed);
}
