//! When the next backup is due.

use std::time::Duration;

/// The first repetition after a failure.
const RETRY_MIN: Duration = Duration::from_secs(30);
/// The longest wait for a repetition, unless the schedule is closer.
const RETRY_MAX: Duration = Duration::from_mins(30);
/// Which part of a wait chance may add, so that many ledgers do not use one target at once.
const JITTER_DIVISOR: u32 = 10;

/// Backups at an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    every: Duration,
}

impl Schedule {
    /// A backup in each interval.
    pub const fn new(every: Duration) -> Self {
        Self { every }
    }

    /// Returns the interval.
    pub const fn every(self) -> Duration {
        self.every
    }

    /// Returns how long to wait from now on: until the interval has passed since the latest good
    /// backup, of this `age`; after failures, for a time that doubles with each of them. `chance`
    /// is between 0 and 1.
    pub(super) fn wait(self, age: Option<Duration>, failures: u32, chance: f64) -> Duration {
        let (wait, jitter) = if let Some(repeated) = failures.checked_sub(1) {
            let doubled = RETRY_MIN.saturating_mul(1 << repeated.min(16));
            let wait = doubled.min(RETRY_MAX).min(self.every);
            (wait, wait / JITTER_DIVISOR)
        } else {
            let wait = age.map_or(Duration::ZERO, |age| self.every.saturating_sub(age));
            (wait, self.every.min(RETRY_MAX) / JITTER_DIVISOR)
        };
        // The first backup of a ledger is made at once.
        if age.is_none() && failures == 0 { wait } else { wait + jitter.mul_f64(chance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: Schedule = Schedule::new(Duration::from_hours(1));

    fn minutes(number: u64) -> Duration {
        Duration::from_mins(number)
    }

    #[test]
    fn a_backup_is_due_when_the_interval_has_passed_since_the_latest_good_one() {
        assert_eq!(HOURLY.wait(None, 0, 1.0), Duration::ZERO);
        assert_eq!(HOURLY.wait(Some(minutes(0)), 0, 0.0), minutes(60));
        assert_eq!(HOURLY.wait(Some(minutes(20)), 0, 0.0), minutes(40));
        assert_eq!(HOURLY.wait(Some(minutes(90)), 0, 0.0), Duration::ZERO);
    }

    #[test]
    fn a_failed_one_is_tried_again_sooner_and_less_and_less_often() {
        let waits: Vec<_> = (1..=9).map(|failures| HOURLY.wait(None, failures, 0.0)).collect();
        assert_eq!(waits[0], Duration::from_secs(30));
        assert!(waits.is_sorted() && waits[8] == minutes(30), "{waits:?}");
        assert!(HOURLY.wait(None, u32::MAX, 1.0) <= minutes(33));
        let often = Schedule::new(Duration::from_secs(10));
        assert_eq!(often.wait(None, 5, 0.0), Duration::from_secs(10));
    }

    #[test]
    fn chance_adds_a_part_of_the_wait() {
        assert_eq!(HOURLY.wait(Some(minutes(0)), 0, 1.0), minutes(63));
        let daily = Schedule::new(Duration::from_hours(24));
        assert_eq!(daily.wait(Some(minutes(0)), 0, 1.0), minutes(24 * 60 + 3));
        assert_eq!(HOURLY.wait(None, 1, 1.0), Duration::from_secs(33));
    }
}
