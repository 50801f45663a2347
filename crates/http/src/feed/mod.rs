//! The feed: delivers every event of the log to any number of readers, in order and exactly once.
//!
//! ```text
//! log ──> broadcaster (one task: reads and serializes each event once) ──> ring (bounded, shared)
//!   └──> pages, for a reader that is behind the ring's start ─────────────────┐  │
//!                                                                             v  v
//!                                         follower (one a reader: a position) ──> stream or page
//! ```
//!
//! Even a slow reader holds only a position and a few shared pieces of text, because text is
//! produced on demand. Without readers, nothing is read from the log.
//!
//! The reader's rights are checked before each piece is delivered. An event enters the log before
//! the ring, and its effect on principals precedes both. A reader therefore gets no event that came
//! after it lost the right to see it.

mod broadcaster;
mod follower;
pub(crate) mod frame;
mod hub;
mod ring;
mod stop;
mod stream;
mod visibility;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_domain::WorkspaceName;
use ledger_engine::{AdmissionLimits, Engine, LiveCaller};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use follower::{Follower, Start};
pub use hub::FeedLimits;
use hub::{Hub, Reader};
use ring::Ring;

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

impl Feeds {
    /// Starts the broadcaster.
    pub(crate) fn open(engine: Engine, limits: FeedLimits, admission: &AdmissionLimits) -> Self {
        let ring = Arc::new(Ring::new(engine.head().get(), limits.ring_events, limits.ring_bytes));
        let (readers, reading) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let work = broadcaster::run(engine.clone(), Arc::clone(&ring), reading, stopped);
        let broadcaster = Mutex::new(Some(tokio::spawn(work)));
        let hub = Arc::new(Hub::new(engine, limits, admission, ring, readers, stop));
        let measured = Arc::downgrade(&hub);
        hub.engine.metrics().add(measured);
        Self { hub, broadcaster }
    }

    /// Opens a feed of the ledger, or of one workspace, for a reader with the right to read it. The
    /// feed ends when the reader loses that right.
    ///
    /// Errors: `busy`, `shutting_down`.
    pub(crate) fn follow(
        &self,
        start: Start,
        only: Option<WorkspaceName>,
        live_caller: LiveCaller,
    ) -> Result<Follower, Problem> {
        if *self.hub.stop.borrow() {
            return Err(Problem::new(Code::ShuttingDown));
        }
        let reader = Reader::enter(Arc::clone(&self.hub))
            .ok_or_else(|| Problem::because(Code::Busy, "the limit on open feeds is reached"))?;
        Ok(Follower::new(reader, start, only, live_caller))
    }

    /// Ends every feed with a closing event.
    pub(crate) fn stop(&self) {
        self.hub.stop.send_replace(true);
    }

    /// Waits until the broadcaster has ended.
    pub(crate) async fn stopped(&self) {
        let task = self.broadcaster.lock().take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the broadcaster did not end cleanly");
        }
    }
}
