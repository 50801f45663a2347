//! What all feeds share, and how many may share it.

use std::sync::Arc;
use std::time::Duration;

use ledger_engine::Engine;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::ring::Ring;

/// Readers that are behind the ring and look into the log themselves, at once.
const LOG_READERS: usize = 4;

/// How much the feeds hold, and how long they wait.
#[derive(Clone, Copy, Debug)]
pub struct FeedLimits {
    /// Open feeds; more are answered `busy`.
    pub open_max: usize,
    /// Events that are kept ready for all feeds.
    pub ring_events: usize,
    /// Bytes of events that are kept ready for all feeds; the shorter texts for readers who may
    /// not see who did what take at most as much again.
    pub ring_bytes: usize,
    /// Between two signs of life on a feed on which nothing happens.
    pub heartbeat: Duration,
    /// How long a page looks past events that are not for its reader, beyond the time that the
    /// reader waits anyway.
    pub look: Duration,
    /// How long a reader may take nothing while there is something.
    pub patience: Duration,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            open_max: 20_000,
            ring_events: 8_192,
            ring_bytes: 32 * 1024 * 1024,
            heartbeat: Duration::from_secs(15),
            look: Duration::from_secs(2),
            patience: Duration::from_mins(1),
        }
    }
}

/// What all followers share.
pub(crate) struct Hub {
    pub(super) engine: Engine,
    pub(super) limits: FeedLimits,
    pub(super) ring: Arc<Ring>,
    /// How many read.
    pub(super) readers: watch::Sender<usize>,
    pub(super) stop: watch::Sender<bool>,
    permits: Arc<Semaphore>,
    pub(super) log_readers: Semaphore,
}

impl Hub {
    pub(super) fn new(
        engine: Engine,
        limits: FeedLimits,
        ring: Arc<Ring>,
        readers: watch::Sender<usize>,
        stop: watch::Sender<bool>,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(limits.open_max));
        let log_readers = Semaphore::new(LOG_READERS);
        Self { engine, limits, ring, readers, stop, permits, log_readers }
    }
}

/// A permit to read, given back when dropped.
pub(crate) struct Reader {
    pub(super) hub: Arc<Hub>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// Counts one reader more; nothing when there are as many as there may be.
    pub(super) fn enter(hub: Arc<Hub>) -> Option<Self> {
        let permit = Arc::clone(&hub.permits).try_acquire_owned().ok()?;
        hub.readers.send_modify(|readers| *readers += 1);
        Some(Self { hub, _permit: permit })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hub.readers.send_modify(|readers| *readers = readers.saturating_sub(1));
    }
}
