//! Records which secrets have become older than their policies permit, each generation once.

use ledger_contract::records::ConnectionRow;
use ledger_domain::{ConnectionId, Micros};
use ledger_store::ReadError;
use ledger_store::tables::connections;

use crate::access::Caller;
use crate::agenda::{Looked, Watched};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};
use crate::writer::Work;

/// The actor of the events.
const ACTOR: &str = "system:policy";
/// Rows between two looks whether the walk is to end.
const ROWS_BETWEEN_LOOKS: usize = 256;

/// What the thread watches that records overdue secrets.
pub(crate) const AGES: Watched = Watched {
    thread: "ledger-ages",
    yields: true,
    agenda: |shared| &shared.ages.agenda,
    before: walk_when_due,
    look,
    failed: "cannot record yet that a secret is overdue",
};

fn look(engine: &Engine, id: ConnectionId) -> Result<Looked, ExecuteError> {
    let shared = &engine.shared;
    let Some(row) = shared.models.load().row(id)? else { return Ok(Looked::Nothing) };
    let connection = row.connection;
    let (policies, now) = (shared.policies.now(), engine.clock().now());
    if policies.overdue(&shared.catalogue, &connection, now).is_empty() {
        let next = policies.next_overdue(&shared.catalogue, &connection);
        let soon = next.filter(|at| shared.ages.is_soon(*at));
        return Ok(soon.map_or(Looked::Nothing, Looked::Again));
    }
    let answer =
        engine.submit_own(Caller::system(ACTOR), connection.workspace, Work::Overdue(id))?;
    Ok(Looked::Sent(answer))
}

/// Looks through all connections for those with a secret that becomes overdue in the next day.
fn walk_when_due(engine: &Engine) {
    let (shared, now) = (&engine.shared, engine.clock().now());
    let ages = &shared.ages;
    if !ages.needs_walk(now) {
        return;
    }
    if !ages.begin_walk(now, || shared.policies.now().limit_ages()) {
        return;
    }
    if let Err(error) = walk(engine) {
        ages.give_up_walk(now);
        tracing::warn!(error = %chain(&error), "cannot look through all secrets for their age");
    }
}

fn walk(engine: &Engine) -> Result<(), Fault> {
    let shared = &engine.shared;
    let (ages, models, policies) = (&shared.ages, shared.models.load(), shared.policies.now());
    for (number, row) in connections::scan(&shared.store, &models.connections).enumerate() {
        if number % ROWS_BETWEEN_LOOKS == 0 && (ages.agenda.is_stopped() || ages.is_stale()) {
            return Ok(());
        }
        let row = match row {
            Err(error @ ReadError::Altered { .. }) => {
                tracing::error!(
                    error = %chain(&error), "the age of a connection's secrets is not known"
                );
                continue;
            }
            row => ConnectionRow::decode(&row?),
        };
        let row = row.map_err(|source| Fault::Row { of: "a connection".to_owned(), source })?;
        let next: Option<Micros> = policies.next_overdue(&shared.catalogue, &row.connection);
        if let Some(at) = next.filter(|at| ages.is_soon(*at)) {
            ages.agenda.plan_by(row.connection.id, || at);
        }
    }
    Ok(())
}
