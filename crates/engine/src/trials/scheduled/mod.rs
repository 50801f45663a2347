//! Tests that nobody asks for, at the times of a schedule.
//!
//! Each connection has times of its own, spread by its id, so that neither a start nor a minute has
//! more tests than another, and a test that takes long moves none after it. Values are opened under
//! one reveal a day for each connection, and a result is recorded only if it is news, or once a
//! day.

mod places;
mod run;
mod schedule;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ledger_contract::queries::ScheduledTestsStatus;
use ledger_domain::connection::TestOutcome;
use ledger_domain::{Connection, ConnectionId, EventId, FieldName, Generation, Micros};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;

use self::places::Places;
use crate::agenda::Agenda;
use crate::engine::{Engine, Shared};

pub(super) use places::Place;
pub(super) use run::test;
pub use schedule::{Scheduled, TestSchedule, TestScheduleRule};
pub(crate) use watch::TESTS;

/// How long one reveal covers the tests of a connection, and after how long a result is recorded
/// although it is no news, in microseconds.
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Most tests of one provider at once, without a schedule that says it.
const PER_PROVIDER: usize = 16;

/// The tests that a schedule asks for.
#[derive(Debug, Default)]
pub(crate) struct ScheduledTests {
    pub(super) agenda: Arc<Agenda>,
    plan: RwLock<Option<Arc<Plan>>>,
    /// Whether all connections are to be looked through for those that the schedule is about.
    stale: AtomicBool,
    places: Places,
    known: Mutex<HashMap<ConnectionId, Known>>,
    made: Mutex<BTreeMap<TestOutcome, u64>>,
    /// Tests that could not be made.
    not_made: AtomicU64,
    /// Tests that were left out, because the one before had not ended.
    skipped: AtomicU64,
}

/// A schedule, and where its tests run.
#[derive(Debug)]
struct Plan {
    schedule: TestSchedule,
    runtime: Handle,
}

/// What is known of a connection's tests since the start.
#[derive(Clone, Debug)]
struct Known {
    /// The event under which its values are opened.
    reveal: EventId,
    /// What that event is of.
    generations: BTreeMap<FieldName, Generation>,
    /// A digest of what decides where the values are sent.
    sent_to: blake3::Hash,
    revealed_at: Micros,
    outcome: Option<TestOutcome>,
    /// When a result was last recorded, or would have been if it had been news.
    recorded_at: Micros,
}

impl ScheduledTests {
    /// Returns how many tests of one provider may be made at once.
    fn per_provider(&self) -> usize {
        self.plan().map_or(PER_PROVIDER, |plan| plan.schedule.per_provider)
    }

    fn plan(&self) -> Option<Arc<Plan>> {
        self.plan.read().clone()
    }

    /// Takes a change to a connection into account.
    pub(crate) fn follow(&self, shared: &Shared, after: &Connection) {
        let Some(plan) = self.plan() else { return };
        match plan.every(shared, after) {
            // A test that is due already stays so: one that changes all the time is tested, too.
            Some(every) => self
                .agenda
                .plan_by(after.id, || schedule::next_time(after.id, every, shared.ports.now())),
            None => self.agenda.plan(after.id, None),
        }
    }

    /// Returns the right to make a test of a provider, unless as many are being made as may be.
    pub(super) fn enter(&self, provider: &str) -> Option<Place> {
        self.places.take(provider, self.per_provider(), &self.agenda, None)
    }

    fn forget(&self, id: ConnectionId) {
        self.known.lock().remove(&id);
    }

    fn count(&self, outcome: TestOutcome) {
        *self.made.lock().entry(outcome).or_default() += 1;
    }

    /// Returns what the status says, unless there is no schedule.
    pub(crate) fn status(&self) -> Option<ScheduledTestsStatus> {
        self.plan()?;
        let made = self.made.lock();
        let count = |number| u64::try_from(number).unwrap_or(u64::MAX);
        Some(ScheduledTestsStatus {
            connections: count(self.agenda.len()),
            running: count(self.places.taken()),
            made: made.iter().map(|(outcome, n)| (outcome.as_str().to_owned(), *n)).collect(),
            not_made: self.not_made.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        })
    }
}

impl Engine {
    /// Tests connections by a schedule from now on, on the runtime that this is called on. A
    /// schedule without rules ends it.
    pub fn set_test_schedule(&self, schedule: TestSchedule) {
        let scheduled = &self.shared.trials.scheduled;
        let plan = Plan { schedule, runtime: Handle::current() };
        let has_rules = !plan.schedule.rules.is_empty();
        *scheduled.plan.write() = has_rules.then(|| Arc::new(plan));
        scheduled.stale.store(has_rules, Ordering::SeqCst);
        scheduled.agenda.wake();
    }

    /// Returns when a connection is tested next by the schedule, and how often, in seconds.
    pub(crate) fn next_scheduled_test(&self, connection: &Connection) -> Option<(Micros, u64)> {
        let plan = self.shared.trials.scheduled.plan()?;
        let every = plan.every(&self.shared, connection)?;
        let next = schedule::next_time(connection.id, every, self.clock().now());
        Some((next, every.as_secs()))
    }
}

/// Returns whether a connection has a secret that is a field of another connection.
pub(super) fn refers_elsewhere(connection: &Connection) -> bool {
    connection.secrets.values().any(|secret| secret.held.is_of_another_connection())
}

impl Plan {
    /// Returns how often a connection is tested. One that gateways may not use, that cannot be
    /// tested, or that takes values of other connections, is tested only when somebody asks.
    fn every(&self, shared: &Shared, connection: &Connection) -> Option<std::time::Duration> {
        let every = self.schedule.every(&shared.catalogue, connection)?;
        let may = connection.lifecycle.check_active().is_ok()
            && connection.enabled
            && !refers_elsewhere(connection)
            && super::can_be_tested(&shared.catalogue, connection);
        may.then_some(every)
    }
}
