//! What every handler needs: the engine, and places for so many at once.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::Micros;
use ledger_engine::Engine;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::ApiOptions;
use crate::feed::Feeds;

/// Replays at once; all but one are refused by the engine.
const OPERATIONS_MAX: usize = 16;

/// The engine and its limits.
#[derive(Debug)]
pub struct Desk {
    pub(super) engine: Engine,
    pub(super) feeds: Feeds,
    /// Whether secrets are given out.
    pub(super) reveals: bool,
    commands: Semaphore,
    queries: Semaphore,
    operations: Semaphore,
    /// Held while a query reads the store.
    readers: Semaphore,
}

impl Desk {
    pub(super) fn new(engine: Engine, options: &ApiOptions) -> Self {
        Self {
            feeds: Feeds::open(engine.clone(), options.feeds),
            engine,
            reveals: options.reveals,
            commands: Semaphore::new(options.commands_max.max(1)),
            queries: Semaphore::new(options.queries_max.max(1)),
            operations: Semaphore::new(OPERATIONS_MAX),
            readers: Semaphore::new(options.readers_max.max(1)),
        }
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes a place among the commands being worked on.
    ///
    /// Errors: `busy`.
    pub fn place_for_command(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.place(&self.commands)
    }

    /// Takes a place among the operations being worked on.
    pub(super) fn place_for_operation(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.place(&self.operations)
    }

    fn place<'a>(&self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, Problem> {
        self.counted(places.try_acquire().map_err(|_| Problem::new(Code::Busy)))
    }

    /// Reads the store, on a thread that may block.
    ///
    /// Errors: `busy`; `deadline_expired` for what waited beyond its deadline; those of `work`.
    pub async fn read<T: Send + 'static>(
        &self,
        deadline: Option<Micros>,
        work: impl FnOnce(&Engine) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.place(&self.queries)?;
        // The semaphore is never closed.
        let reading = self.readers.acquire().await;
        self.counted(self.engine.in_time(deadline))?;
        let engine = self.engine.clone();
        let read = tokio::task::spawn_blocking(move || work(&engine)).await;
        drop((reading, place));
        read.map_err(|failure| crashed(&failure))?
    }

    /// Counts a refusal of our own in the ledger's status. The engine counts its own there.
    pub fn counted<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        result.inspect_err(|problem| self.engine.count_refusal(problem.code))
    }
}

/// Says that a task ended in a panic, which the log shows in full.
pub(crate) fn crashed(failure: &tokio::task::JoinError) -> Problem {
    tracing::error!(error = %failure, "a task ended before it was done");
    Problem::new(Code::Internal)
}
