//! When an event that was not taken is sent again.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::time::Duration;

/// When events are sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The times between the attempts for one event. After the last of them, it is a dead letter.
    pub retries: Vec<Duration>,
    /// The longest time between two attempts while the receiver as a whole takes nothing.
    pub pause_max: Duration,
}

impl Default for Pace {
    /// Those of the Standard Webhooks convention, about 28 hours in all; a receiver that is away is
    /// tried every half hour at least.
    fn default() -> Self {
        let (minute, hour) = (Duration::from_mins(1), Duration::from_hours(1));
        Self {
            retries: vec![
                Duration::from_secs(5),
                5 * minute,
                30 * minute,
                2 * hour,
                5 * hour,
                10 * hour,
                10 * hour,
            ],
            pause_max: 30 * minute,
        }
    }
}

impl Pace {
    /// Returns how long to wait for the next attempt for an event that was sent `attempts` times,
    /// or none if there is none. `of` spreads those of many events.
    pub(crate) fn after(&self, attempts: u32, of: impl std::hash::Hash) -> Option<Duration> {
        let number = usize::try_from(attempts).ok()?.checked_sub(1)?;
        self.retries.get(number).map(|wait| spread(*wait, (attempts, of)))
    }

    /// Returns how long to wait before a receiver is tried again that took nothing `attempts` times
    /// in succession: twice as long each time. `of` spreads those of many alerts.
    pub(crate) fn pause(&self, attempts: u32, of: impl std::hash::Hash) -> Duration {
        let first = self.retries.first().copied().unwrap_or(self.pause_max);
        let doubled = first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        spread(doubled.min(self.pause_max), (attempts, of))
    }
}

/// Makes a time shorter or longer by up to a fifth, always in the same way for the same thing.
fn spread(wait: Duration, of: impl std::hash::Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    let percent = u32::try_from(hasher.finish() % 41).unwrap_or(20) + 80;
    wait.saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a time is another one, give or take a fifth.
    fn is_about(time: Duration, other: Duration) -> bool {
        time >= other * 4 / 5 && time <= other * 6 / 5
    }

    #[test]
    fn an_event_is_sent_again_later_and_later_and_then_no_more() {
        let pace = Pace::default();
        for (number, wait) in (1..).zip(&pace.retries) {
            assert!(is_about(pace.after(number, "event").unwrap(), *wait), "{number}");
        }
        let attempts = u32::try_from(pace.retries.len()).unwrap() + 1;
        assert_eq!(pace.after(attempts, "event"), None);
        let at_once: std::collections::BTreeSet<_> =
            (0..100).map(|event| pace.after(1, event).unwrap()).collect();
        assert!(at_once.len() > 10, "many events do not come back at the same moment");
    }

    #[test]
    fn a_receiver_that_is_away_is_tried_twice_as_late_each_time_up_to_a_limit() {
        let pace = Pace::default();
        for (attempts, seconds) in [(1, 5), (2, 10), (3, 20), (9, 1_280), (10, 1_800), (99, 1_800)]
        {
            let pause = pace.pause(attempts, "alert");
            assert!(is_about(pause, Duration::from_secs(seconds)), "{attempts}: {pause:?}");
        }
    }
}
