//! The queue of the decider, and when it wakes the decider.
//!
//! A thread that is woken for every command spends as much time on waking as on deciding. So while
//! a group is being committed, the decider is woken only for several commands at once, or when the
//! committer has finished.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_store::Store;
use parking_lot::{Condvar, Mutex};

use super::Job;

/// Number of waiting commands that wakes the decider while a group is being committed.
const WORTH_WAKING: usize = 16;

/// A bounded queue of jobs.
pub(crate) struct Queue {
    depth: usize,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    /// Whether the committer has finished a group since the decider last checked.
    committed: bool,
    /// Whether further jobs are refused.
    closed: bool,
    /// Whether one of the writer's threads has ended.
    ended: bool,
    /// Number of jobs that wakes the decider, or `None` while it is awake.
    wake_at: Option<usize>,
}

/// Why a job was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The queue is full.
    Full,
    /// The writer has ended or is about to.
    Closed,
}

/// What the decider learns besides new jobs.
#[derive(Debug)]
pub(crate) struct News {
    /// The committer has finished a group.
    pub(crate) committed: bool,
    /// No more jobs will come.
    pub(crate) closed: bool,
}

impl Queue {
    pub(crate) fn new(depth: usize) -> Self {
        Self { depth, inner: Mutex::default(), changed: Condvar::new() }
    }

    /// Queues a job, unless the queue is full.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        // Only commands come in any number.
        if inner.jobs.len() >= self.depth && matches!(job, Job::Command(..)) {
            return Err(Refused::Full);
        }
        inner.jobs.push_back(job);
        let wake = inner.wake_at.is_some_and(|jobs| inner.jobs.len() >= jobs);
        if wake {
            inner.wake_at = None;
        }
        drop(inner);
        if wake {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Returns the number of waiting jobs.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().jobs.len()
    }

    /// Refuses further jobs. Waiting ones can still be taken.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.changed.notify_one();
    }

    /// Records that the committer has finished a group.
    pub(crate) fn committed(&self) {
        let mut inner = self.inner.lock();
        inner.committed = true;
        let wake = inner.wake_at.take().is_some();
        drop(inner);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Moves all waiting jobs to `jobs`, which must be empty. While the committer is `busy`, waits
    /// until it has finished or several jobs are queued. Otherwise waits for one job, or returns at
    /// once if a group is `pending`.
    pub(crate) fn take(&self, jobs: &mut VecDeque<Job>, busy: bool, pending: bool) -> News {
        let enough = if busy { WORTH_WAKING.min(self.depth) } else { 1 };
        let mut inner = self.inner.lock();
        while inner.jobs.len() < enough && !inner.committed && !inner.closed {
            if pending && !busy {
                break;
            }
            inner.wake_at = Some(enough);
            self.changed.wait(&mut inner);
        }
        inner.wake_at = None;
        std::mem::swap(&mut inner.jobs, jobs);
        News { committed: std::mem::take(&mut inner.committed), closed: inner.closed }
    }

    /// Waits until the committer has finished a group.
    pub(crate) fn wait_for_commit(&self) {
        let mut inner = self.inner.lock();
        while !inner.committed && !inner.ended {
            inner.wake_at = Some(usize::MAX);
            self.changed.wait(&mut inner);
        }
        inner.wake_at = None;
        inner.committed = false;
    }
}

/// Closes the queue when one of the writer's threads ends, even in a panic, so that nobody waits
/// for it in vain. After an orderly end the queue is empty. A panic also poisons the store: the
/// work of that thread is half done, the other thread must not add to it, and operators must learn
/// of it.
pub(crate) struct CloseOnDrop {
    queue: Arc<Queue>,
    store: Arc<Store>,
}

impl CloseOnDrop {
    pub(crate) fn new(queue: Arc<Queue>, store: Arc<Store>) -> Self {
        Self { queue, store }
    }

    /// See [`Queue::committed`].
    pub(crate) fn committed(&self) {
        self.queue.committed();
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        // Poisons the store before any waiter wakes or finds that the thread has ended.
        if std::thread::panicking() {
            self.store.poison();
        }
        let mut inner = self.queue.inner.lock();
        inner.closed = true;
        inner.ended = true;
        // Dropping these jobs tells their senders that the writer has ended.
        let left = std::mem::take(&mut inner.jobs);
        drop(inner);
        drop(left);
        self.queue.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use ledger_vault::Keyring;

    use super::*;
    use crate::founding;
    use crate::ports::Ports;

    fn job() -> Job {
        Job::Pause(Box::new(|| ()))
    }

    #[test]
    fn one_job_is_enough_for_an_idle_committer_and_several_for_a_busy_one() {
        let queue = Queue::new(100);
        let mut jobs = VecDeque::new();
        queue.push(job()).unwrap();
        let news = queue.take(&mut jobs, false, false);
        assert!(jobs.len() == 1 && !news.committed && !news.closed);
        jobs.clear();
        for _ in 0..WORTH_WAKING {
            queue.push(job()).unwrap();
        }
        assert!(!queue.take(&mut jobs, true, true).committed);
        assert_eq!((jobs.len(), queue.len()), (WORTH_WAKING, 0));
        jobs.clear();
        queue.committed();
        assert!(queue.take(&mut jobs, true, true).committed);
        queue.take(&mut jobs, false, true);
        assert!(jobs.is_empty(), "a pending group does not wait for further commands");
    }

    #[test]
    fn nobody_waits_for_an_abandoned_queue() {
        let queue = Arc::new(Queue::new(100));
        queue.push(job()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate(&mut rand::rng());
        let made = founding::make(folder.path(), &keyring, &Ports::default(), false);
        let store = Arc::new(made.unwrap().0);
        drop(CloseOnDrop::new(Arc::clone(&queue), Arc::clone(&store)));
        assert!(!store.is_poisoned(), "nothing went wrong");
        assert_eq!((queue.push(job()), queue.len()), (Err(Refused::Closed), 0));
        queue.wait_for_commit();
        assert!(queue.take(&mut VecDeque::new(), true, true).closed);
    }
}
