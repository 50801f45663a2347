//! Retires former generations when their end has come: the deadline has passed, or every consumer
//! has confirmed the current one. Each retirement is an event by the ledger itself.

use std::collections::BTreeSet;

use ledger_domain::connection::Retirement;
use ledger_domain::{
    Command, Connection, ConnectionId, Consumers, FieldName, Micros, confirmed_fields,
};

use crate::access::Caller;
use crate::agenda::{Agenda, Looked, Watched};
use crate::engine::{Engine, Shared};
use crate::errors::ExecuteError;
use crate::writer::{Answer, Work};

/// The actor of the events.
const ACTOR: &str = "system:rotation";

/// What the thread watches that retires former generations.
pub(crate) const OVERLAPS: Watched = Watched {
    thread: "ledger-overlaps",
    yields: false,
    agenda: |shared| &shared.agenda,
    before: |_| (),
    look,
    failed: "cannot retire a former generation yet",
};

/// Takes a change to a connection into account.
pub(crate) fn follow(agenda: &Agenda, before: Option<&Connection>, after: &Connection) {
    let end = after.next_former_end();
    if end.is_none() && before.and_then(Connection::next_former_end).is_none() {
        return;
    }
    let waits = after
        .secrets
        .values()
        .any(|secret| secret.former.as_ref().is_some_and(|former| former.end.once_confirmed));
    if waits {
        agenda.plan_now(after.id);
    } else {
        agenda.plan(after.id, end);
    }
}

fn look(engine: &Engine, id: ConnectionId) -> Result<Looked, ExecuteError> {
    let shared = &engine.shared;
    let models = shared.models.load();
    let Some(row) = models.row(id)? else { return Ok(Looked::Nothing) };
    let (connection, now) = (row.connection, shared.ports.now());
    let Some(end) = connection.next_former_end() else { return Ok(Looked::Nothing) };
    if end <= now {
        return retire(engine, &connection, Retirement::Overdue(now)).map(Looked::Sent);
    }
    let consumers = models.consumers(id)?;
    if !confirmed(shared, &connection, &consumers, now).is_empty() {
        return retire(engine, &connection, Retirement::Confirmed).map(Looked::Sent);
    }
    Ok(Looked::Again(end.min(next_gone(shared, id, &consumers, now).unwrap_or(end))))
}

fn retire(
    engine: &Engine,
    connection: &Connection,
    when: Retirement,
) -> Result<Answer, ExecuteError> {
    let (id, workspace) = (connection.id, connection.workspace.clone());
    let command = Command::RetireFormer { fields: BTreeSet::new(), when };
    let work = Work::Connection { id, command: Box::new(command), new_key: None };
    engine.submit_own(Caller::system(ACTOR), workspace, work)
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
