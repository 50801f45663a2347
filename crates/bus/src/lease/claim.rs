//! Decides when another's lease may be taken over.

use std::time::Duration;

use ledger_contract::lease::Lease;

use super::bucket::Entry;
use super::moment::Moment;

/// What an instance that does not hold the lease has seen of it.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The last revision, when it was first seen, and for how long its holder may rely on it.
    last: Option<(u64, Moment, Duration)>,
    /// Whether a look failed since then, so that a renewal may have been impossible, too.
    is_interrupted: bool,
    /// Whether this process has held the lease.
    was_holder: bool,
}

/// What to do about the lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Take it, if it is still at this revision.
    Take(u64),
    /// Leave it to its holder.
    Leave,
}

impl Watched {
    /// Decides what to do about what was found at `now`, which must be a time after the answer.
    ///
    /// A lease is taken over if it was released, if `lock` proves that its holder has ended, or if
    /// it was seen unchanged, without a failed look in between, for as long as its holder may rely
    /// on it. Only this instance's own clock counts.
    ///
    /// A process that has held the lease no longer trusts `lock`: another that wrote under the
    /// same lock since then is a copy of the whole machine.
    pub(super) fn step(
        &mut self,
        found: &Entry,
        lock: &str,
        own_time: Duration,
        now: Moment,
    ) -> Step {
        let (revision, time) = match found {
            Entry::Released(revision) => {
                self.last = None;
                return Step::Take(*revision);
            }
            Entry::Own(revision) => return Step::Take(*revision),
            Entry::Held(revision, lease) if lease.lock == lock && !self.was_holder => {
                return Step::Take(*revision);
            }
            // The bucket was lost with a holder in it, who may still rely on what it wrote.
            Entry::Absent => match self.last {
                None => return Step::Take(0),
                Some((_, _, time)) => (0, time),
            },
            Entry::Held(revision, lease) => (*revision, time_of(lease).max(own_time)),
            Entry::Foreign(revision) => (*revision, own_time),
        };
        match self.last {
            Some((last, since, time)) if last == revision && !self.is_interrupted => {
                if now.since(since) >= time {
                    return Step::Take(revision);
                }
            }
            _ => self.last = Some((revision, now, time)),
        }
        self.is_interrupted = false;
        Step::Leave
    }

    /// Records that a look failed. The holder has its whole time again after an outage, so that it
    /// keeps the lease if it is still there.
    pub(super) fn interrupted(&mut self) {
        self.is_interrupted = true;
    }

    /// Records that this process holds the lease.
    pub(super) fn taken(&mut self) {
        self.last = None;
        self.was_holder = true;
    }
}

fn time_of(lease: &Lease) -> Duration {
    Duration::from_secs(lease.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn held(revision: u64, lock: &str, seconds: u64) -> Entry {
        let text = String::new;
        let lease = Lease {
            ledger: text(),
            incarnation: text(),
            epoch: 1,
            holder: text(),
            lock: lock.to_owned(),
            seconds,
            renewed_at: text(),
        };
        Entry::Held(revision, lease)
    }

    #[test]
    fn a_lease_is_taken_over_after_its_whole_time_without_a_change() {
        let mut watched = Watched::default();
        let start = Moment::now();
        let mut at = |found: &Entry, seconds: u64| {
            watched.step(found, "mine", TIME, start + Duration::from_secs(seconds))
        };
        assert_eq!(at(&held(5, "theirs", 10), 0), Step::Leave);
        assert_eq!(at(&held(5, "theirs", 10), 9), Step::Leave);
        assert_eq!(at(&held(6, "theirs", 10), 10), Step::Leave, "it was renewed");
        assert_eq!(at(&held(6, "theirs", 10), 19), Step::Leave);
        assert_eq!(at(&held(6, "theirs", 10), 20), Step::Take(6));
    }

    #[test]
    fn after_an_outage_the_whole_time_is_waited_again() {
        let mut watched = Watched::default();
        let start = Moment::now();
        let found = held(5, "theirs", 10);
        let at = |watched: &mut Watched, seconds: u64| {
            watched.step(&found, "mine", TIME, start + Duration::from_secs(seconds))
        };
        assert_eq!(at(&mut watched, 0), Step::Leave);
        watched.interrupted();
        assert_eq!(at(&mut watched, 30), Step::Leave);
        assert_eq!(at(&mut watched, 39), Step::Leave);
        assert_eq!(at(&mut watched, 40), Step::Take(5));
    }

    #[test]
    fn the_longer_of_both_times_counts() {
        let mut watched = Watched::default();
        let start = Moment::now();
        let mut at = |found: &Entry, seconds: u64| {
            watched.step(found, "mine", TIME, start + Duration::from_secs(seconds))
        };
        assert_eq!(at(&held(5, "theirs", 60), 0), Step::Leave);
        assert_eq!(at(&held(5, "theirs", 60), 59), Step::Leave);
        assert_eq!(at(&held(5, "theirs", 60), 60), Step::Take(5));
        assert_eq!(at(&held(6, "theirs", 2), 61), Step::Leave);
        assert_eq!(at(&held(6, "theirs", 2), 70), Step::Leave);
        assert_eq!(at(&held(6, "theirs", 2), 71), Step::Take(6));
    }

    #[test]
    fn what_is_free_is_taken_at_once() {
        let now = Moment::now();
        let step = |found: &Entry| Watched::default().step(found, "mine", TIME, now);
        assert_eq!(step(&Entry::Absent), Step::Take(0));
        assert_eq!(step(&Entry::Released(7)), Step::Take(7));
        assert_eq!(step(&held(7, "mine", 10)), Step::Take(7), "its holder has ended");
        assert_eq!(step(&Entry::Own(7)), Step::Take(7));
        assert_eq!(step(&Entry::Foreign(7)), Step::Leave);
    }

    #[test]
    fn a_copy_of_the_machine_has_the_same_lock_and_its_lease_is_waited_for() {
        let mut watched = Watched::default();
        let start = Moment::now();
        let at = |watched: &mut Watched, found: &Entry, seconds: u64| {
            watched.step(found, "mine", TIME, start + Duration::from_secs(seconds))
        };
        let first = at(&mut watched, &held(5, "mine", 10), 0);
        assert_eq!(first, Step::Take(5), "its holder has ended");
        watched.taken();
        assert_eq!(at(&mut watched, &Entry::Own(6), 3), Step::Take(6));
        assert_eq!(at(&mut watched, &held(7, "mine", 10), 6), Step::Leave);
        assert_eq!(at(&mut watched, &held(7, "mine", 10), 16), Step::Take(7));
    }

    #[test]
    fn a_bucket_that_was_lost_with_its_holder_is_not_free() {
        let mut watched = Watched::default();
        let start = Moment::now();
        let mut at = |found: &Entry, seconds: u64| {
            watched.step(found, "mine", TIME, start + Duration::from_secs(seconds))
        };
        assert_eq!(at(&held(5, "theirs", 10), 0), Step::Leave);
        assert_eq!(at(&Entry::Absent, 1), Step::Leave);
        assert_eq!(at(&Entry::Absent, 10), Step::Leave);
        assert_eq!(at(&Entry::Absent, 11), Step::Take(0));
    }
}
