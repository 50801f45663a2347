//! How many secrets are due or overdue, which only a look at their rows tells.

use std::time::{Duration, Instant};

use ledger_domain::{AgeState, Micros};
use ledger_store::tables::lists;
use parking_lot::Mutex;

use crate::engine::Shared;
use crate::errors::{QueryError, chain};
use crate::projections::filters;
use crate::projections::secret_ages::{self, older_than};
use crate::queries::ordinals_of;

/// The time between two counts, unless counting takes long.
pub(crate) const CENSUS_INTERVAL: Duration = Duration::from_secs(30);
/// Counting takes at most this part of the time.
const PART_MAX: u32 = 20;

/// The latest count.
#[derive(Debug, Default)]
pub(crate) struct Census(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    latest: Option<Counted>,
    not_before: Option<Instant>,
}

/// Secrets of active connections whose age a policy limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) due: u64,
    pub(crate) overdue: u64,
}

impl Census {
    /// Returns what was counted last, unless nothing was counted yet.
    pub(crate) fn latest(&self) -> Option<Counted> {
        self.0.lock().latest
    }
}

/// Counts: what a keeper does at intervals.
pub(crate) fn take_census(shared: &Shared) {
    let started = Instant::now();
    if shared.census.0.lock().not_before.is_some_and(|not_before| started < not_before) {
        return;
    }
    let counted = match count(shared) {
        Ok(counted) => Some(counted),
        Err(QueryError::Rebuilding { .. }) => return,
        Err(error) => {
            tracing::debug!(error = %chain(&error), "the ages of secrets are not counted");
            None
        }
    };
    let mut state = shared.census.0.lock();
    state.latest = counted;
    state.not_before = Some(Instant::now() + started.elapsed() * PART_MAX);
}

fn count(shared: &Shared) -> Result<Counted, QueryError> {
    let (policies, now) = (shared.policies.now(), shared.ports.now());
    let Some(due_micros) = policies.due_after(None) else { return Ok(Counted::default()) };
    shared.rebuilding.expect_complete(lists::MODEL)?;
    let models = shared.models.load();
    let active = models.lists.select(&[filters::active()])?.unwrap_or_default();
    let terms: Vec<_> = secret_ages::terms().collect();
    // The digits are whole seconds.
    let set_before = now.get().saturating_sub(due_micros).saturating_add(1_000_000);
    let old = older_than(&models.lists.freeze(&terms), &active, Micros::new(set_before))?;
    let mut counted = Counted::default();
    for ordinal in ordinals_of(&old) {
        let Some((connection, _)) = models.authentic(ordinal)? else { continue };
        for age in policies.ages(&shared.catalogue, &connection, now).values() {
            match age.state {
                AgeState::Fresh => {}
                AgeState::Due => counted.due += 1,
                AgeState::Overdue => counted.overdue += 1,
            }
        }
    }
    Ok(counted)
}
