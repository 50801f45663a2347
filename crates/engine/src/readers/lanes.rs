//! How many scans run at once: fewer while commands arrive.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// How long after a command scans leave a processor to the next one.
const COMMANDS_RECENT: Duration = Duration::from_secs(1);

/// Permits for scans. The spare ones are given only while no commands arrive.
#[derive(Debug)]
pub(super) struct Lanes {
    always: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    started: Instant,
    /// When the latest command arrived, in milliseconds after the start and at least 1; 0 before.
    commanded: AtomicU64,
}

impl Lanes {
    pub(super) fn new(always: usize, spare: usize) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            always: semaphore(always),
            spare: semaphore(spare),
            started: Instant::now(),
            commanded: AtomicU64::new(0),
        }
    }

    /// Notes that a command has arrived.
    pub(super) fn note_command(&self) {
        self.commanded.store(self.now().max(1), Ordering::Relaxed);
    }

    /// Waits for a permit. Who arrives first is served first, unless commands arrive meanwhile.
    /// Cancel-safe. Fails after [`Self::close`].
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        let always = pin!(self.always.clone().acquire_owned());
        tokio::select! {
            biased;
            permit = always => permit,
            permit = self.enter_spare() => permit,
        }
    }

    async fn enter_spare(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        loop {
            if !self.has_recent_command() {
                let permit = self.spare.clone().acquire_owned().await;
                // Commands may have arrived meanwhile.
                if permit.is_err() || !self.has_recent_command() {
                    return permit;
                }
            }
            tokio::time::sleep(COMMANDS_RECENT).await;
        }
    }

    /// Refuses all who wait and who will come.
    pub(super) fn close(&self) {
        self.always.close();
        self.spare.close();
    }

    fn has_recent_command(&self) -> bool {
        let commanded = self.commanded.load(Ordering::Relaxed);
        let recent = u64::try_from(COMMANDS_RECENT.as_millis()).unwrap_or(u64::MAX);
        commanded != 0 && self.now().saturating_sub(commanded) < recent
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.always.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn spare_permits_are_given_only_while_no_commands_arrive() {
        let lanes = Lanes::new(1, 1);
        let (first, second) = (lanes.enter().await.unwrap(), lanes.enter().await.unwrap());
        let mut third = pin!(lanes.enter());
        let poll = |entry: std::pin::Pin<&mut _>| {
            std::future::Future::poll(entry, &mut Context::from_waker(Waker::noop())).is_ready()
        };
        assert!(!poll(third.as_mut()), "both are taken");
        lanes.note_command();
        drop(second);
        assert!(!poll(third.as_mut()), "the spare one is for commands now");
        let mut fourth = pin!(lanes.enter());
        assert!(!poll(fourth.as_mut()));
        drop(first);
        let third = third.await.unwrap();
        assert!(!poll(fourth.as_mut()), "who came first is served first");
        drop(third);
        drop(fourth.await.unwrap());
    }

    #[tokio::test]
    async fn who_waits_gets_a_spare_permit_once_no_more_commands_arrive() {
        let lanes = Lanes::new(1, 1);
        let first = lanes.enter().await.unwrap();
        lanes.note_command();
        let second = lanes.enter().await.unwrap();
        assert!(!lanes.has_recent_command());
        drop((first, second));
    }

    #[tokio::test]
    async fn nobody_enters_once_it_is_closed() {
        let lanes = Lanes::new(1, 1);
        let entered = lanes.enter().await.unwrap();
        lanes.close();
        assert!(lanes.enter().await.is_err());
        drop(entered);
        assert!(lanes.enter().await.is_err());
    }
}
