//! Retires former generations when their end has come: the deadline has passed, or every consumer
//! has confirmed the current one. Each retirement is an event by the ledger itself.
//!
//! One thread looks at the connections on the agenda. Only the owner of the ledger's name retires;
//! what has passed meanwhile, or while the ledger was closed, is retired at the first look.

use std::collections::BTreeSet;
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::connection::Retirement;
use ledger_domain::{
    Command, Connection, ConnectionId, Consumers, FieldName, Micros, confirmed_fields,
};

use crate::access::{Caller, Permit};
use crate::engine::{Engine, Shared};
use crate::errors::{ExecuteError, Fault, chain};
use crate::writer::{Answer, Envelope, Prepared, Work};

/// The actor of the events.
const ACTOR: &str = "system:rotation";
/// Connections that are looked at together, so that their events are committed together and leave
/// room in the queue for the commands of callers.
const TOGETHER: usize = 64;
/// Longest time between two looks at the clock, which may be set.
const TICK: Duration = Duration::from_millis(250);
/// After how long a connection is looked at again whose retirement was refused, in microseconds.
const SOON_MICROS: i64 = 100_000;
/// After how long a connection is looked at again after a failure, in microseconds.
const AGAIN_MICROS: i64 = 60_000_000;

/// The thread that retires former generations. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct OverlapWatch {
    engine: Engine,
    thread: Option<JoinHandle<()>>,
}

impl OverlapWatch {
    /// Starts the thread. `engine` must not own the watch.
    pub(crate) fn start(engine: Engine) -> Result<Self, Fault> {
        let of_thread = engine.clone();
        let thread = std::thread::Builder::new()
            .name("ledger-overlaps".to_owned())
            .spawn(move || run(&of_thread))
            .map_err(Fault::Thread)?;
        Ok(Self { engine, thread: Some(thread) })
    }
}

impl Drop for OverlapWatch {
    fn drop(&mut self) {
        self.engine.shared.agenda.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that retires former generations panicked");
        }
    }
}

fn run(engine: &Engine) {
    let agenda = &engine.shared.agenda;
    loop {
        while engine.ready().is_ok() && !agenda.is_stopped() {
            let due = agenda.take_due(engine.clock().now(), TOGETHER);
            if due.is_empty() {
                break;
            }
            look_at(engine, &due);
        }
        if !agenda.wait(TICK) {
            return;
        }
    }
}

/// Looks at connections, and waits until what there is to retire is durable.
fn look_at(engine: &Engine, ids: &[ConnectionId]) {
    let agenda = &engine.shared.agenda;
    let after = |micros| Micros::new(engine.clock().now().get().saturating_add(micros));
    let (soon, later) = (after(SOON_MICROS), after(AGAIN_MICROS));
    let mut answers: Vec<(ConnectionId, Answer)> = Vec::new();
    for id in ids {
        match look(engine, *id) {
            Ok(Next::Retiring(answer)) => answers.push((*id, answer)),
            Ok(Next::LookAt(at)) => agenda.look_later(*id, at),
            Ok(Next::Nothing) => agenda.forget(*id),
            Err(error) => {
                log(*id, &error);
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
                log(id, &error);
                agenda.look_later(id, later);
            }
            Err(_) => return,
        }
    }
}

fn log(id: ConnectionId, error: &ExecuteError) {
    let error = chain(error);
    tracing::warn!(%error, ledger.connection.id = %id, "cannot retire a former generation yet");
}

/// The result of a look.
enum Next {
    /// A retirement was sent to the writer.
    Retiring(Answer),
    /// Nothing happens before this time.
    LookAt(Micros),
    /// No former generation is left.
    Nothing,
}

fn look(engine: &Engine, id: ConnectionId) -> Result<Next, ExecuteError> {
    let shared = &engine.shared;
    let models = shared.models.load();
    let Some(row) = models.row(id)? else { return Ok(Next::Nothing) };
    let (connection, now) = (row.connection, shared.ports.now());
    let Some(end) = connection.next_former_end() else { return Ok(Next::Nothing) };
    if end <= now {
        return retire(engine, &connection, Retirement::Overdue(now)).map(Next::Retiring);
    }
    let consumers = models.consumers(id)?;
    if !confirmed(shared, &connection, &consumers, now).is_empty() {
        return retire(engine, &connection, Retirement::Confirmed).map(Next::Retiring);
    }
    Ok(Next::LookAt(end.min(next_gone(shared, id, &consumers, now).unwrap_or(end))))
}

fn retire(
    engine: &Engine,
    connection: &Connection,
    when: Retirement,
) -> Result<Answer, ExecuteError> {
    let (id, workspace) = (connection.id, connection.workspace.clone());
    let context = engine.context(Caller::system(ACTOR), Via::System, Headers::default());
    let command = Command::RetireFormer { fields: BTreeSet::new(), when };
    let parsed = ParsedCommand::change(ConnectionRef::Id(id), command.clone());
    let permit = Permit::of(context.caller, &workspace, &parsed)?;
    let work = Work::Connection { id, command: Box::new(command), new_key: None };
    let envelope = Envelope {
        workspace,
        fingerprint: None,
        permit,
        expected: context.expected,
        deadline: None,
        provenance: context.provenance,
    };
    engine.submit(Prepared { work, envelope })
}

/// Returns the fields of which every consumer that is not gone has confirmed the current
/// generation, if their former one waits for that.
pub(crate) fn confirmed(
    shared: &Shared,
    connection: &Connection,
    consumers: &Consumers,
    now: Micros,
) -> BTreeSet<FieldName> {
    let seen = &shared.consumers;
    let counts = consumers
        .iter()
        .filter(|(name, consumer)| now < seen.gone_from(connection.id, name, consumer));
    confirmed_fields(connection, &counts.map(|(_, consumer)| consumer).collect::<Vec<_>>())
}

/// Returns when the next consumer counts as gone, if none is seen again.
fn next_gone(
    shared: &Shared,
    id: ConnectionId,
    consumers: &Consumers,
    now: Micros,
) -> Option<Micros> {
    let gone = consumers.iter().map(|(name, one)| shared.consumers.gone_from(id, name, one));
    gone.filter(|from| now < *from).min()
}
