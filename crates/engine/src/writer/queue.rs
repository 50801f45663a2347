//! What waits for the decider, and when it is woken for it.
//!
//! A thread that is woken for every command spends as much time on waking as on deciding. So while
//! a group is being committed, the decider is woken only for several commands at once, or when the
//! committer is done.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_store::Store;
use parking_lot::{Condvar, Mutex};

use super::Job;

/// Commands for which the decider is woken while a group is being committed.
const WORTH_WAKING: usize = 16;

/// Jobs in the order they were handed over, at most a number of them.
pub(crate) struct Queue {
    depth: usize,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    /// Since the decider last looked, the committer has finished a group.
    committed: bool,
    /// Nothing more is taken in.
    closed: bool,
    /// One of the writer's threads is gone.
    ended: bool,
    /// For how many jobs the decider is to be woken; none while it is awake.
    wake_at: Option<usize>,
}

/// Why a job was not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full,
    /// The writer has ended, or is about to.
    Closed,
}

/// What the decider has to go on with, besides jobs.
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

    /// Takes a job in, unless too many wait.
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.jobs.len() >= self.depth && !matches!(job, Job::Pause(_)) {
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

    /// How many jobs wait.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().jobs.len()
    }

    /// Takes no more jobs in; those that wait can still be taken out.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.changed.notify_one();
    }

    /// Says that the committer has finished a group.
    pub(crate) fn committed(&self) {
        let mut inner = self.inner.lock();
        inner.committed = true;
        let wake = inner.wake_at.take().is_some();
        drop(inner);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Moves what waits into `jobs`, which must be empty. Waits for something to do: while the
    /// committer is `busy`, for it to finish or for several jobs; otherwise for one job, or not at
    /// all when a group is `pending`.
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

/// Gives the queue up when one of the writer's threads ends, also by a panic, so that nobody waits
/// for it in vain. When all went well, nothing is left in it by then. A panic poisons the store:
/// what the thread had in hand is half done, the other thread must add nothing to that, and
/// operators have to be told.
pub(crate) struct GivenUpAtEnd {
    queue: Arc<Queue>,
    store: Arc<Store>,
}

impl GivenUpAtEnd {
    pub(crate) fn new(queue: Arc<Queue>, store: Arc<Store>) -> Self {
        Self { queue, store }
    }

    /// See [`Queue::committed`].
    pub(crate) fn committed(&self) {
        self.queue.committed();
    }
}

impl Drop for GivenUpAtEnd {
    fn drop(&mut self) {
        // Before anybody is woken, or can find the thread gone.
        if std::thread::panicking() {
            self.store.poison();
        }
        let mut inner = self.queue.inner.lock();
        inner.closed = true;
        inner.ended = true;
        // Whoever waits for one of these hears that the writer is gone.
        let left = std::mem::take(&mut inner.jobs);
        drop(inner);
        drop(left);
        self.queue.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use ledger_store::DataDir;

    use super::*;

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
        assert!(jobs.is_empty(), "a group that can go does not wait for company");
    }

    #[test]
    fn a_queue_that_was_given_up_lets_nobody_wait() {
        let queue = Arc::new(Queue::new(100));
        queue.push(job()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::create(folder.path()).unwrap();
        let store = Arc::new(Store::open(dir).unwrap());
        drop(GivenUpAtEnd::new(Arc::clone(&queue), Arc::clone(&store)));
        assert!(!store.is_poisoned(), "nothing went wrong");
        assert_eq!((queue.push(job()), queue.len()), (Err(Refused::Closed), 0));
        queue.wait_for_commit();
        assert!(queue.take(&mut VecDeque::new(), true, true).closed);
    }
}
