//! The feed: every event of the log to any number of readers, in order, once each.
//!
//! ```text
//! log ──> broadcaster (one task: reads and writes out each event once) ──> ring (bounded, shared)
//!   └──> pages, for a reader that is behind the ring's start ─────────────────┐  │
//!                                                                             v  v
//!                                         follower (one a reader: a position) ──> stream or page
//! ```
//!
//! A reader holds a position and a few shared pieces of text, however slow it is: what it does
//! not take is not made. While nobody reads, nothing is read from the log.
//!
//! Before each piece is handed over it is looked at whether its reader may have it still. An event
//! is in the log before the ring, and what it changed of principals before that: nobody gets an
//! event that came after they lost the right to it.

mod broadcaster;
mod follower;
pub(crate) mod frame;
mod ring;
mod stream;
mod visibility;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Position, WorkspaceName};
use ledger_engine::{Engine, Standing};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

pub(crate) use follower::Follower;
use ring::Ring;
use visibility::EventVisibility;

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

/// Where a feed starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// At the end of the log as it is now.
    Now,
    /// After a position.
    After(Position),
}

/// All feeds of one ledger.
pub(crate) struct Feeds {
    hub: Arc<Hub>,
    broadcaster: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feeds({} readers)", *self.hub.readers.borrow())
    }
}

/// What all followers share.
pub(crate) struct Hub {
    engine: Engine,
    limits: FeedLimits,
    ring: Arc<Ring>,
    /// How many read.
    readers: watch::Sender<usize>,
    stop: watch::Sender<bool>,
    places: Arc<Semaphore>,
    log_readers: Semaphore,
}

impl Feeds {
    /// Starts the broadcaster.
    pub(crate) fn open(engine: Engine, limits: FeedLimits) -> Self {
        let ring = Arc::new(Ring::new(engine.head().get(), limits.ring_events, limits.ring_bytes));
        let (readers, reading) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let work = broadcaster::run(engine.clone(), Arc::clone(&ring), reading, stopped);
        let broadcaster = Mutex::new(Some(tokio::spawn(work)));
        let hub = Hub {
            engine,
            limits,
            ring,
            readers,
            stop,
            places: Arc::new(Semaphore::new(limits.open_max)),
            log_readers: Semaphore::new(LOG_READERS),
        };
        Self { hub: Arc::new(hub), broadcaster }
    }

    /// Opens a feed, of one workspace only when one is given, for a reader who may read that; it
    /// ends when the reader may no longer.
    ///
    /// Errors: `busy`, `shutting_down`.
    pub(crate) fn follow(
        &self,
        start: Start,
        only: Option<WorkspaceName>,
        standing: Standing,
    ) -> Result<Follower, Problem> {
        if *self.hub.stop.borrow() {
            return Err(Problem::new(Code::ShuttingDown));
        }
        let place = Arc::clone(&self.hub.places).try_acquire_owned();
        let place = place.map_err(|_| {
            Problem::because(Code::Busy, "there are as many feeds as the ledger can hold")
        })?;
        let reader = Reader::enter(Arc::clone(&self.hub), place);
        Ok(Follower::new(reader, start, only, standing))
    }

    /// Ends every feed with a last word.
    pub(crate) fn stop(&self) {
        self.hub.stop.send_replace(true);
    }

    /// Waits until nothing is read from the log any more for the ring.
    pub(crate) async fn stopped(&self) {
        let task = self.broadcaster.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the broadcaster did not end in good order");
        }
    }
}

/// A place among the readers, given back when dropped.
pub(crate) struct Reader {
    hub: Arc<Hub>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    fn enter(hub: Arc<Hub>, place: OwnedSemaphorePermit) -> Self {
        hub.readers.send_modify(|readers| *readers += 1);
        Self { hub, _place: place }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hub.readers.send_modify(|readers| *readers = readers.saturating_sub(1));
    }
}

/// Waits for the word to stop. A sender that is gone has said it too.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The error says that the sender is gone.
    stop.wait_for(|stop| *stop).await.ok();
}
