//! Moments on a clock that also runs while the machine is suspended.
//!
//! A lease runs out while its holder sleeps. [`std::time::Instant`] stands still during that time
//! on Linux, so the holder would believe in its right after it has woken up.

use std::ops::Add;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
/// Elsewhere the monotonic clock runs during a suspension.
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// A moment, as the time since the machine's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// Returns the current moment.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(CLOCK).expect("every supported system has this clock");
        Self(time.into())
    }

    /// Returns the time since `earlier`, or zero if that is later.
    pub(super) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ordered_and_apart_by_their_difference() {
        let first = Moment::now();
        let later = first + Duration::from_secs(2);
        assert!(Moment::now() >= first && Moment::now() < later);
        assert_eq!(later.since(first), Duration::from_secs(2));
        assert_eq!(first.since(later), Duration::ZERO);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_counts_the_time_since_the_start_of_the_machine_with_suspensions() {
        let before = Moment::now();
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime = text.split(' ').next().unwrap().parse::<f64>().unwrap();
        let uptime = Moment(Duration::from_secs_f64(uptime));
        assert!(uptime.since(before) < Duration::from_secs(1), "{uptime:?} {before:?}");
        assert!(before.since(uptime) < Duration::from_secs(1), "{uptime:?} {before:?}");
    }
}
