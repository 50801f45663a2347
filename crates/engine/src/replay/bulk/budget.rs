//! Keeps the states of a pass within a number of bytes.
//!
//! Each worker reports the size of its states after each pack. It adds the size of every change, so
//! a state that changes often seems larger than it is. When the sum is too large, all workers first
//! measure their states. If they really take most of what is permitted, the newer half of the
//! connections is left to a later pass.

use std::ops::Range;

use parking_lot::Mutex;

/// What a state takes in addition to the bytes of its row.
pub(super) const STATE_BYTES: u64 = 2 * 1_024;

/// What the workers are to do, once each, when the round is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// The number of the round, from 0.
    pub(super) number: u32,
    pub(super) task: Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Measure the states.
    Measure,
    /// Drop the states of this ordinal and those after it.
    DropFrom(u32),
}

/// The budget of one pass, shared by its workers.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_max: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    round: Round,
    /// Workers that have not done their part of the round.
    waiting: usize,
    /// The size of each worker's states.
    parts: Vec<u64>,
    /// The ordinals of the connections in this pass, as far as they have been created.
    created: Range<u32>,
    /// The ordinal at which the pass ends.
    end: u32,
}

impl Budget {
    /// Starts with no states, for a number of workers.
    pub(super) fn new(bytes_max: u64, ordinals: &Range<u32>, workers: usize) -> Self {
        let Range { start, end } = *ordinals;
        let round = Round { number: 0, task: Task::DropFrom(end) };
        let parts = vec![0; workers];
        let inner = Inner { round, waiting: 0, parts, created: start..start, end };
        Self { bytes_max, inner: Mutex::new(inner) }
    }

    /// Returns the ordinal at which the pass ends. It only ever falls.
    pub(super) fn end(&self) -> u32 {
        self.inner.lock().end
    }

    /// Takes the size of a worker's states, and the ordinal after that of its newest connection.
    /// Returns the present round.
    pub(super) fn report(&self, worker: usize, bytes: u64, created: u32) -> Round {
        let mut inner = self.inner.lock();
        inner.set(worker, bytes);
        inner.created.end = inner.created.end.max(created);
        if inner.waiting == 0 && inner.bytes() > self.bytes_max {
            inner.begin(Task::Measure);
        }
        inner.round
    }

    /// Notes that a worker has done its part of the present round.
    pub(super) fn done(&self, worker: usize, bytes: u64) {
        let mut inner = self.inner.lock();
        inner.set(worker, bytes);
        inner.waiting = inner.waiting.saturating_sub(1);
        // With the last quarter free, states grow for a while before they are measured again.
        let is_full = inner.bytes() > self.bytes_max / 4 * 3;
        if inner.waiting == 0 && inner.round.task == Task::Measure && is_full {
            let (start, end) = (inner.created.start, inner.created.end.min(inner.end));
            let half = start + (end - start).div_ceil(2);
            if half < end {
                inner.end = half;
                inner.begin(Task::DropFrom(half));
            }
        }
    }
}

impl Inner {
    fn bytes(&self) -> u64 {
        self.parts.iter().sum()
    }

    fn set(&mut self, worker: usize, bytes: u64) {
        if let Some(part) = self.parts.get_mut(worker) {
            *part = bytes;
        }
    }

    fn begin(&mut self, task: Task) {
        self.round = Round { number: self.round.number + 1, task };
        self.waiting = self.parts.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_seems_too_large_is_measured_and_what_is_too_large_is_halved() {
        let budget = Budget::new(1_000, &(10..30), 2);
        assert_eq!(budget.report(0, 600, 14).number, 0);
        let round = budget.report(1, 401, 16);
        assert_eq!(round, Round { number: 1, task: Task::Measure });
        budget.done(0, 300);
        assert_eq!(budget.report(0, 2_000, 14), round, "the other has not measured");
        budget.done(0, 300);
        budget.done(1, 300);
        assert_eq!((budget.end(), budget.report(0, 400, 16).number), (30, 1), "small in truth");

        assert_eq!(budget.report(1, 601, 18).number, 2);
        budget.done(1, 600);
        budget.done(0, 400);
        let round = budget.report(0, 400, 18);
        assert_eq!(round, Round { number: 3, task: Task::DropFrom(14) });
        budget.done(0, 200);
        budget.done(1, 200);
        assert_eq!((budget.end(), budget.report(1, 300, 18).number), (14, 3));
    }

    #[test]
    fn the_first_connection_of_a_pass_stays_whatever_its_size() {
        let budget = Budget::new(10, &(7..9), 1);
        for expected in [8, 8] {
            assert_eq!(budget.report(0, 50, 9).task, Task::Measure);
            budget.done(0, 50);
            if let Round { task: Task::DropFrom(end), .. } = budget.report(0, 50, 9) {
                assert_eq!(end, expected);
                budget.done(0, 50);
            }
            assert_eq!(budget.end(), expected);
        }
    }
}
