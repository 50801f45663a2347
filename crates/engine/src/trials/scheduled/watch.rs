//! Begins each test of the schedule when its time has come.

use std::sync::atomic::Ordering;

use ledger_contract::records::ConnectionRow;
use ledger_domain::ConnectionId;
use ledger_store::ReadError;
use ledger_store::tables::connections;

use super::{Plan, run, schedule};
use crate::agenda::{Looked, Watched};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};

/// Rows between two looks whether the walk is to end.
const ROWS_BETWEEN_LOOKS: usize = 256;

/// What the thread watches that begins tests.
pub(crate) const TESTS: Watched = Watched {
    thread: "ledger-tests",
    yields: true,
    agenda: |shared| &shared.trials.scheduled.agenda,
    before: walk_when_stale,
    look,
    failed: "cannot begin a test of the schedule",
};

fn look(engine: &Engine, id: ConnectionId) -> Result<Looked, ExecuteError> {
    let begun = begin(engine, id);
    if !matches!(begun, Ok((_, true))) {
        // Another one that waits may have the place that this one was looked at for.
        let scheduled = &engine.shared.trials.scheduled;
        scheduled.places.wake(&scheduled.agenda);
    }
    begun.map(|(looked, _)| looked)
}

/// Begins a test, if there is a place. Returns whether it has.
fn begin(engine: &Engine, id: ConnectionId) -> Result<(Looked, bool), ExecuteError> {
    let shared = &engine.shared;
    let scheduled = &shared.trials.scheduled;
    let row = shared.models.load().row(id)?;
    let planned = scheduled.plan().zip(row).and_then(|(plan, row)| {
        let every = plan.every(shared, &row.connection)?;
        Some((plan, row.connection, every))
    });
    let Some((plan, connection, every)) = planned else {
        scheduled.forget(id);
        return Ok((Looked::Nothing, false));
    };
    let now = engine.clock().now();
    let next = schedule::next_time(id, every, now);
    let Ok(running) = shared.trials.begin_scheduled(id) else {
        scheduled.skipped.fetch_add(1, Ordering::Relaxed);
        return Ok((Looked::Again(next), false));
    };
    let provider = &shared.catalogue.of(connection.details.provider.as_str()).id;
    let most = plan.schedule.per_provider;
    let Some(place) = scheduled.places.take(provider, most, &scheduled.agenda, Some(id)) else {
        return Ok((Looked::Again(next), false));
    };
    let of_task = engine.clone();
    plan.runtime.spawn(async move {
        run::test(&of_task, connection).await;
        drop((running, place));
    });
    Ok((Looked::Again(next), true))
}

/// Looks through all connections for those that the schedule is about, once it was set.
fn walk_when_stale(engine: &Engine) {
    let scheduled = &engine.shared.trials.scheduled;
    if !scheduled.stale.swap(false, Ordering::SeqCst) {
        return;
    }
    let Some(plan) = scheduled.plan() else { return };
    if let Err(error) = walk(engine, &plan) {
        scheduled.stale.store(true, Ordering::SeqCst);
        tracing::warn!(error = %chain(&error), "cannot look through all connections to test them");
    }
}

fn walk(engine: &Engine, plan: &Plan) -> Result<(), Fault> {
    let shared = &engine.shared;
    let scheduled = &shared.trials.scheduled;
    let models = shared.models.load();
    for (number, row) in connections::scan(&shared.store, &models.connections).enumerate() {
        let is_over = || scheduled.agenda.is_stopped() || scheduled.stale.load(Ordering::SeqCst);
        if number % ROWS_BETWEEN_LOOKS == 0 && is_over() {
            return Ok(());
        }
        let row = match row {
            Err(error @ ReadError::Altered { .. }) => {
                tracing::error!(error = %chain(&error), "a connection is not tested");
                continue;
            }
            row => ConnectionRow::decode(&row?),
        };
        let row = row.map_err(|source| Fault::Row { of: "a connection".to_owned(), source })?;
        if let Some(every) = plan.every(shared, &row.connection) {
            let id = row.connection.id;
            let next = || schedule::next_time(id, every, engine.clock().now());
            scheduled.agenda.plan_by(id, next);
        }
    }
    Ok(())
}
