//! Rebuilds read models of an earlier version while the ledger is served.
//!
//! Until a rebuilt one takes its place, the writer fills an empty stand-in that nothing reads, and
//! queries that need it are refused. A kill leaves nothing but tables that the next start drops
//! before it begins again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use ledger_contract::operations::Progress;
use ledger_contract::queries::RebuildStatus;
use parking_lot::Mutex;

use super::{Selected, log_tenths};
use crate::engine::Engine;
use crate::errors::{Fault, QueryError, ReplayError, chain};
use crate::models::MODELS;

/// The first pause after a rebuild that failed, and the longest.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(1)];

/// The pause while another replay is running.
const RUNNING_PAUSE: Duration = Duration::from_secs(5);

/// What is being rebuilt, and how far that is.
#[derive(Debug, Default)]
pub(crate) struct Rebuilding {
    left: Mutex<Left>,
    /// Set when the ledger is stopping; every replay then ends early.
    stop: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    models: Selected,
    progress: Progress,
}

impl Default for Left {
    fn default() -> Self {
        Self { models: [false; 3], progress: Progress { done: 0, total: 0 } }
    }
}

impl Rebuilding {
    /// Begins with the models to rebuild and the events to read.
    pub(crate) fn begin(models: Selected, total: u64) -> Self {
        let progress = Progress { done: 0, total };
        Self { left: Mutex::new(Left { models, progress }), stop: AtomicBool::new(false) }
    }

    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Makes every replay end early.
    pub(crate) fn end_replays(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Refuses a query that needs a read model which is incomplete. The models in use have to be
    /// loaded after this.
    pub(crate) fn expect_complete(&self, needed: &'static str) -> Result<(), QueryError> {
        let Left { models, progress } = *self.left.lock();
        let is_left = MODELS.into_iter().zip(models).any(|(name, left)| left && name == needed);
        if !is_left {
            return Ok(());
        }
        let Progress { done, total } = progress;
        Err(QueryError::Rebuilding { model: needed, done, total })
    }

    /// Returns whether some of the models are incomplete.
    pub(super) fn concerns(&self, models: Selected) -> bool {
        self.left.lock().models.into_iter().zip(models).any(|(left, wanted)| left && wanted)
    }

    /// Notes that models are complete and in use.
    pub(super) fn finish(&self, models: Selected) {
        for (left, done) in self.left.lock().models.iter_mut().zip(models) {
            *left &= !done;
        }
    }

    /// Returns what is left, for people.
    pub(crate) fn status(&self) -> Option<RebuildStatus> {
        let Left { models, progress } = *self.left.lock();
        let names = MODELS.into_iter().zip(models).filter(|(_, left)| *left);
        let projections: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
        let Progress { done, total } = progress;
        (!projections.is_empty()).then_some(RebuildStatus { projections, done, total })
    }
}

/// The thread that rebuilds. Dropping it ends the work early and waits for that.
#[derive(Debug)]
pub(crate) struct Rebuilder {
    engine: Engine,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rebuilder {
    /// Starts the thread if something is left to rebuild. `engine` must not own the rebuilder.
    pub(crate) fn start(engine: Engine) -> Result<Option<Self>, Fault> {
        if engine.shared.rebuilding.status().is_none() {
            return Ok(None);
        }
        let (stop, stopped) = crossbeam_channel::bounded(0);
        let of_thread = engine.clone();
        let thread = std::thread::Builder::new()
            .name("ledger-rebuild".to_owned())
            .spawn(move || run(&of_thread, &stopped))
            .map_err(Fault::Thread)?;
        Ok(Some(Self { engine, stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for Rebuilder {
    fn drop(&mut self) {
        self.engine.shared.rebuilding.end_replays();
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that rebuilds read models panicked");
        }
    }
}

/// Rebuilds until nothing is left, and tries again after a failure.
fn run(engine: &Engine, stopped: &Receiver<()>) {
    let rebuilding = &engine.shared.rebuilding;
    let [mut pause, longest] = RETRY_PAUSES;
    while let Some(status) = rebuilding.status() {
        let names = status.projections.join(", ");
        let models = rebuilding.left.lock().models;
        tracing::info!(projections = names, "rebuilding while the ledger is served");
        let log = log_tenths("rebuilding");
        let rebuilt = engine.replay_models(models, false, false, &|progress| {
            rebuilding.left.lock().progress = progress;
            log(progress);
        });
        match rebuilt {
            Ok(report) => {
                tracing::info!(projections = names, seconds = report.seconds, "rebuilt");
                return;
            }
            Err(ReplayError::Fault(Fault::Stopped) | ReplayError::Unavailable(_)) => return,
            Err(ReplayError::Running) => {
                tracing::info!(projections = names, "waiting for the replay that is running");
                if stopped.recv_timeout(RUNNING_PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                continue;
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "cannot rebuild; trying again later");
            }
        }
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        pause = (pause * 2).min(longest);
    }
}
