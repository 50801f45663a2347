//! Threads that store at intervals what is kept in memory.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::engine::Shared;
use crate::errors::Fault;

/// A thread that does the same work again and again. Dropping it does the work once more and ends
/// the thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    name: &'static str,
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(
        name: &'static str,
        shared: &Arc<Shared>,
        interval: Duration,
        mut work: impl FnMut(&Shared) + Send + 'static,
    ) -> Result<Self, Fault> {
        let (stop, stopped) = bounded::<()>(0);
        let shared = Arc::clone(shared);
        let keep = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                work(&shared);
            }
            work(&shared);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(keep);
        let thread = thread.map_err(Fault::Thread)?;
        Ok(Self { name, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(thread = self.name, "a thread panicked");
        }
    }
}
