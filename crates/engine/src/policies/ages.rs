//! When secrets become overdue. Only the next day is in memory; a walk through all rows finds what
//! becomes overdue in it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ledger_domain::{Connection, Micros};

use crate::agenda::Agenda;
use crate::engine::Shared;

/// How far ahead a walk looks, in microseconds: longer than the time between two.
const AHEAD_MICROS: i64 = 25 * 3_600 * 1_000_000;
/// The time between two walks, in microseconds.
const BETWEEN_WALKS_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// The time between a walk that failed and the next, in microseconds.
const AFTER_FAILURE_MICROS: i64 = 60 * 1_000_000;

/// The connections with a secret that becomes overdue soon.
#[derive(Debug)]
pub(crate) struct Ages {
    pub(super) agenda: Agenda,
    /// The time up to which the agenda is complete, once the walk has ended that set it.
    until: AtomicI64,
    /// Whether policies have changed since the last walk.
    stale: AtomicBool,
}

impl Default for Ages {
    fn default() -> Self {
        let until = AtomicI64::new(i64::MIN);
        Self { agenda: Agenda::default(), until, stale: AtomicBool::new(true) }
    }
}

impl Ages {
    /// Takes a change to a connection into account.
    pub(crate) fn follow(&self, shared: &Shared, after: &Connection) {
        if self.until.load(Ordering::SeqCst) == i64::MIN {
            return;
        }
        let next = shared.policies.now().next_overdue(&shared.catalogue, after);
        self.agenda.plan(after.id, next.filter(|at| self.is_soon(*at)));
    }

    /// Has all connections looked through, because policies have changed.
    pub(crate) fn look_through_all(&self) {
        self.stale.store(true, Ordering::SeqCst);
        self.agenda.wake();
    }

    /// Returns whether a time is one of the next day.
    pub(super) fn is_soon(&self, at: Micros) -> bool {
        at.get() < self.until.load(Ordering::SeqCst)
    }

    /// Returns whether it is time for a walk.
    pub(super) fn needs_walk(&self, now: Micros) -> bool {
        let until = self.until.load(Ordering::SeqCst);
        let walked_at = until.saturating_sub(AHEAD_MICROS);
        let is_long_ago = now.get().saturating_sub(walked_at) >= BETWEEN_WALKS_MICROS;
        self.stale.load(Ordering::SeqCst) || (until != i64::MIN && is_long_ago)
    }

    /// Begins a walk, unless no policy limits ages, so that there is nothing to follow. Changes
    /// that come during it are followed; policies that change from now on have it begin anew.
    /// Returns whether to walk.
    pub(super) fn begin_walk(&self, now: Micros, limits_ages: impl FnOnce() -> bool) -> bool {
        self.stale.store(false, Ordering::SeqCst);
        let limits_ages = limits_ages();
        let until = now.get().saturating_add(AHEAD_MICROS);
        self.until.store(if limits_ages { until } else { i64::MIN }, Ordering::SeqCst);
        limits_ages
    }

    /// Returns whether a walk has to begin anew.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::SeqCst)
    }

    /// Notes that a walk did not come to its end, and has the next begin in a minute.
    pub(super) fn give_up_walk(&self, now: Micros) {
        let walked_at = now.get().saturating_sub(BETWEEN_WALKS_MICROS - AFTER_FAILURE_MICROS);
        self.until.store(walked_at.saturating_add(AHEAD_MICROS), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_due_at_the_start_each_day_and_after_a_change() {
        let hour = |hour: i64| Micros::new(hour * 3_600 * 1_000_000);
        let ages = Ages::default();
        assert!(ages.needs_walk(hour(0)));
        assert!(!ages.begin_walk(hour(0), || false));
        assert!(!ages.needs_walk(hour(1_000)), "nothing limits ages");
        ages.look_through_all();
        assert!(ages.needs_walk(hour(1_000)));
        assert!(ages.begin_walk(hour(1_000), || true));
        assert!(ages.is_soon(hour(1_024)) && !ages.is_soon(hour(1_025)));
        assert!(!ages.needs_walk(hour(1_023)) && ages.needs_walk(hour(1_024)));
        assert!(!ages.needs_walk(hour(900)), "a clock that went back has nothing walked again");
        ages.give_up_walk(hour(1_000));
        assert!(!ages.needs_walk(hour(1_000)), "a damaged table is not read again and again");
        assert!(ages.needs_walk(hour(1_001)));
    }
}
