//! Watches the clock, because times in the log never decrease: what is recorded while it is ahead
//! dates everything after it.

use std::time::{Duration, Instant};

use ledger_contract::time;
use ledger_domain::Micros;

/// A clock may be set by this much without a word.
const TOLERATED: Duration = Duration::from_secs(1);
/// Beyond this, a step ahead is none that a running time service makes.
const STEP: Duration = Duration::from_mins(1);

/// What was seen of the clock.
#[derive(Debug)]
pub(super) struct ClockWatch {
    /// What it said last, and when that was on a clock that is never set, but stands still while
    /// the machine is suspended.
    last: (Micros, Instant),
    /// Whether it is behind the latest event.
    is_behind: bool,
}

/// What is wrong with the clock, or no longer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It went ahead by much more than the time that has passed while the machine ran.
    WentAhead(Duration),
    /// It is behind the latest event.
    IsBehind(Duration),
    /// It has caught up with the latest event.
    CaughtUp,
}

impl ClockWatch {
    pub(super) fn new(now: Micros, moment: Instant) -> Self {
        Self { last: (now, moment), is_behind: false }
    }

    /// Compares the clock with the latest event and with the time that has passed, and logs once
    /// what is new.
    pub(super) fn look(&mut self, now: Micros, moment: Instant, latest: Micros) {
        let latest_event_at = || time::format(latest);
        match self.find(now, moment, latest) {
            None => {}
            Some(Finding::WentAhead(by)) => tracing::warn!(
                seconds = by.as_secs(),
                clock = time::format(now),
                "the clock went ahead, because it was set or the machine was suspended; if it is set \
                 back, events keep the later time, and what it says stands beside it"
            ),
            Some(Finding::IsBehind(by)) => tracing::warn!(
                seconds = by.as_secs(),
                clock = time::format(now),
                latest_event_at = latest_event_at(),
                "the clock is behind the latest event; until it has caught up, events have the \
                 time of that event, and what the clock says stands beside it"
            ),
            Some(Finding::CaughtUp) => {
                let latest_event_at = latest_event_at();
                tracing::info!(latest_event_at, "the clock has caught up with the latest event");
            }
        }
    }

    fn find(&mut self, now: Micros, moment: Instant, latest: Micros) -> Option<Finding> {
        let (before, since) = std::mem::replace(&mut self.last, (now, moment));
        let passed = moment.saturating_duration_since(since);
        let ahead = between(before, now).saturating_sub(passed);
        let behind = between(now, latest);
        let was_behind = std::mem::replace(&mut self.is_behind, behind > TOLERATED);
        if ahead > STEP {
            return Some(Finding::WentAhead(ahead));
        }
        match (was_behind, self.is_behind) {
            (false, true) => Some(Finding::IsBehind(behind)),
            (true, false) => Some(Finding::CaughtUp),
            _ => None,
        }
    }
}

/// Returns the time from one moment to a later one; nothing if it is not later.
fn between(earlier: Micros, later: Micros) -> Duration {
    let micros = later.get().saturating_sub(earlier.get());
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    #[test]
    fn a_clock_that_is_ahead_for_a_moment_is_told_of_once_each_way() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let at = |seconds: u64| Micros::new(i64::try_from(seconds * 1_000_000).unwrap());
        let mut watch = ClockWatch::new(at(0), start);
        assert_eq!(watch.find(at(10), after(10), at(0)), None);
        assert_eq!(watch.find(at(HOUR), after(HOUR), at(10)), None, "an hour has passed");
        let ahead = Finding::WentAhead(Duration::from_secs(9 * HOUR - 1));
        assert_eq!(watch.find(at(10 * HOUR), after(HOUR + 1), at(HOUR)), Some(ahead));
        let behind = Finding::IsBehind(Duration::from_secs(9 * HOUR - 2));
        assert_eq!(watch.find(at(HOUR + 2), after(HOUR + 2), at(10 * HOUR)), Some(behind));
        assert_eq!(watch.find(at(HOUR + 3), after(HOUR + 3), at(10 * HOUR)), None, "once");
        let caught_up = watch.find(at(10 * HOUR), after(10 * HOUR), at(10 * HOUR));
        assert_eq!(caught_up, Some(Finding::CaughtUp));
    }

    #[test]
    fn small_corrections_are_not_told() {
        let start = Instant::now();
        let mut watch = ClockWatch::new(Micros::new(0), start);
        let half = Micros::new(500_000);
        assert_eq!(watch.find(half, start, Micros::new(0)), None);
        assert_eq!(watch.find(Micros::new(0), start, half), None);
    }
}
