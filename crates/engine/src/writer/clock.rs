//! A clock that goes back.

use ledger_domain::Micros;

/// How far a clock may be behind before somebody is told. Corrections by NTP are smaller.
const TOLD_US: i64 = 1_000_000;

/// What the clock says while it is behind the time of the last event.
#[derive(Debug, Default)]
pub(super) struct ClockBehind {
    /// What the clock says, if it is behind.
    pub(super) clock: Option<Micros>,
    is_told: bool,
}

impl ClockBehind {
    /// Returns the time of an event that is recorded now: never before the last one. Says once when
    /// the clock has gone back.
    pub(super) fn time_of_event(&mut self, now: Micros, last: Micros) -> Micros {
        let behind_us = last.get().saturating_sub(now.get());
        self.clock = (behind_us > 0).then_some(now);
        let is_far = behind_us >= TOLD_US;
        if is_far && !self.is_told {
            tracing::warn!(
                behind_us,
                "the clock is behind the last event; until it has passed that, every event has the \
                 same time, with the clock's beside it"
            );
        }
        self.is_told = is_far;
        now.max(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_never_go_back_and_the_clock_is_kept_beside_them() {
        let mut behind = ClockBehind::default();
        let (noon, one) = (Micros::new(TOLD_US), Micros::new(2 * TOLD_US));
        assert_eq!(behind.time_of_event(one, noon), one);
        assert_eq!((behind.clock, behind.is_told), (None, false));
        assert_eq!(behind.time_of_event(noon, one), one);
        assert_eq!((behind.clock, behind.is_told), (Some(noon), true));
        let almost = Micros::new(2 * TOLD_US - 1);
        assert_eq!(behind.time_of_event(almost, one), one);
        assert_eq!((behind.clock, behind.is_told), (Some(almost), false), "too little to tell");
    }
}
