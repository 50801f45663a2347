//! The lockout of sources that guess keys.

use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::generations::Generations;

/// Number of failures within [`FAILURE_WINDOW`] that lock a source out.
pub(crate) const FAILURES_MAX: usize = 10;
/// How long a failure counts towards a lockout.
pub(crate) const FAILURE_WINDOW: Duration = Duration::from_mins(1);
/// The duration of the first lockout; each further failure doubles it.
pub(crate) const LOCKOUT_MIN: Duration = Duration::from_secs(1);
/// The longest lockout.
pub(crate) const LOCKOUT_MAX: Duration = Duration::from_mins(5);
/// Time without a failure after which the failures of a source are forgotten.
pub(crate) const FORGIVEN_AFTER: Duration = Duration::from_mins(10);
/// Most sources whose failures are remembered.
const SOURCES_MAX: usize = 100_000;

/// Tracks failures by source.
#[derive(Debug)]
pub(crate) struct Lockout<Source> {
    clock: Clock,
    failures: Mutex<Generations<Source, Failures>>,
}

/// The failures of one source.
#[derive(Debug, Default)]
struct Failures {
    /// The times of the latest failures, at most as many as cause a lockout.
    times: Vec<Duration>,
    lockouts: u32,
    locked_until: Duration,
}

impl Failures {
    fn last(&self) -> Duration {
        self.times.last().copied().unwrap_or_default()
    }

    fn forgiven(&self, now: Duration) -> bool {
        now >= self.last().max(self.locked_until) + FORGIVEN_AFTER
    }
}

impl<Source: Clone + Eq + Hash> Lockout<Source> {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, failures: Mutex::new(Generations::new(SOURCES_MAX)) }
    }

    /// Returns for how long unknown keys from this source are refused, if they are.
    pub(crate) fn locked_for(&self, source: &Source) -> Option<Duration> {
        let now = self.clock.now();
        let mut failures = self.failures.lock();
        let left = failures.get_mut(source)?.locked_until.checked_sub(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// Counts a key that was not accepted. Returns the lockout that this failure starts, if any.
    pub(crate) fn failed(&self, source: &Source) -> Option<Duration> {
        let now = self.clock.now();
        let mut all = self.failures.lock();
        if all.get_mut(source).is_none_or(|found| found.forgiven(now)) {
            all.put(source.clone(), Failures::default());
        }
        let found = all.get_mut(source)?;
        found.times.retain(|time| now < *time + FAILURE_WINDOW);
        if found.times.len() == FAILURES_MAX {
            found.times.remove(0);
        }
        found.times.push(now);
        if found.times.len() < FAILURES_MAX && found.lockouts == 0 {
            return None;
        }
        let doubled = LOCKOUT_MIN.saturating_mul(2_u32.saturating_pow(found.lockouts));
        let time = doubled.min(LOCKOUT_MAX);
        found.lockouts = found.lockouts.saturating_add(1);
        found.locked_until = now + time;
        Some(time)
    }

    /// Frees the memory of sources whose failures are forgotten.
    pub(crate) fn shrink(&self) {
        let now = self.clock.now();
        self.failures.lock().retain(|found| !found.forgiven(now));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const HOME: &str = "home";

    struct Time(Arc<Mutex<Duration>>);

    impl Time {
        fn pass(&self, time: Duration) {
            *self.0.lock() += time;
        }
    }

    fn lockout() -> (Lockout<&'static str>, Time) {
        let time = Arc::new(Mutex::new(Duration::ZERO));
        let shown = Arc::clone(&time);
        (Lockout::new(Clock::new(move || *shown.lock())), Time(time))
    }

    #[test]
    fn ten_failures_within_a_minute_lock_out_and_each_further_one_doubles_the_time() {
        let (lockout, time) = lockout();
        for _ in 1..FAILURES_MAX {
            assert_eq!(lockout.failed(&HOME), None);
        }
        let mut expected = LOCKOUT_MIN;
        for _ in 0..12 {
            assert_eq!(lockout.failed(&HOME), Some(expected));
            assert_eq!(lockout.locked_for(&HOME), Some(expected));
            time.pass(expected);
            assert_eq!(lockout.locked_for(&HOME), None, "after {expected:?}");
            expected = (expected * 2).min(LOCKOUT_MAX);
        }
        assert_eq!(expected, LOCKOUT_MAX);
        time.pass(FORGIVEN_AFTER);
        assert_eq!(lockout.failed(&HOME), None, "it starts anew");
    }

    #[test]
    fn slow_failures_cause_no_lockout() {
        let (lockout, time) = lockout();
        for _ in 0..100 {
            assert_eq!(lockout.failed(&HOME), None);
            time.pass(FAILURE_WINDOW / 8);
        }
    }

    #[test]
    fn a_lockout_concerns_one_source_and_is_forgotten() {
        let (lockout, time) = lockout();
        for _ in 0..FAILURES_MAX {
            lockout.failed(&HOME);
        }
        assert_eq!(lockout.locked_for(&"elsewhere"), None);
        time.pass(LOCKOUT_MIN);
        lockout.shrink();
        assert_eq!(lockout.failed(&HOME), Some(LOCKOUT_MIN * 2), "not forgotten too early");
        time.pass(LOCKOUT_MIN * 2 + FORGIVEN_AFTER);
        lockout.shrink();
        assert_eq!(lockout.failures.lock().len(), 0);
    }
}
