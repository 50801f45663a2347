//! The state that all feeds share, and their limits.

use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{AdmissionLimits, Engine};
use ledger_metrics::{Measure, Page, table};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::ring::Ring;

/// Sizes and times of feeds. How many may be open is in [`AdmissionLimits`].
#[derive(Clone, Copy, Debug)]
pub struct FeedLimits {
    /// Events that the ring holds.
    pub ring_events: usize,
    /// Bytes of events that the ring holds. The reduced texts, for readers who may not see actors,
    /// take at most the same amount in addition.
    pub ring_bytes: usize,
    /// Interval between heartbeats on a quiet feed.
    pub heartbeat: Duration,
    /// How long building a page may skip events that its reader may not see, if that is longer than
    /// the reader's wait.
    pub look: Duration,
    /// How long a reader may leave available events unread.
    pub patience: Duration,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            ring_events: 8_192,
            ring_bytes: 32 * 1024 * 1024,
            heartbeat: Duration::from_secs(15),
            look: Duration::from_secs(2),
            patience: Duration::from_mins(1),
        }
    }
}

/// The state that all followers share.
pub(crate) struct Hub {
    pub(super) engine: Engine,
    pub(super) limits: FeedLimits,
    pub(super) ring: Arc<Ring>,
    /// The number of readers.
    pub(super) readers: watch::Sender<usize>,
    pub(super) stop: watch::Sender<bool>,
    permits: Arc<Semaphore>,
    pub(super) log_readers: Semaphore,
}

impl Hub {
    pub(super) fn new(
        engine: Engine,
        limits: FeedLimits,
        admission: &AdmissionLimits,
        ring: Arc<Ring>,
        readers: watch::Sender<usize>,
        stop: watch::Sender<bool>,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(admission.feeds_max));
        let log_readers = Semaphore::new(admission.feed_log_readers_max.max(1));
        Self { engine, limits, ring, readers, stop, permits, log_readers }
    }
}

impl Measure for Hub {
    fn measure(&self, page: &mut Page) {
        page.add(table::FEEDS, &[], u64::try_from(*self.readers.borrow()).unwrap_or(u64::MAX));
    }
}

/// A permit to read, released when dropped.
pub(crate) struct Reader {
    pub(super) hub: Arc<Hub>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// Admits one more reader; returns nothing if the limit is reached.
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
