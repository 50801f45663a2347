//! Where queries read the store, so that commands do not wait for them.
//!
//! A lookup reads a few rows by their keys and runs at once, on a thread of the runtime that may
//! block. A scan reads any number of rows. It runs on one of a few threads that the operating
//! system gives less time than all others. While commands arrive, scans leave one processor to
//! them. Further scans wait in the order of their arrival.
//!
//! A scan that waits and is abandoned gives up its place. One that runs ends first, because nothing
//! interrupts a read.

mod lanes;
mod pool;
mod priority;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ledger_contract::queries::QueryName;
use ledger_domain::Micros;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::access::Caller;
use crate::admission::AdmissionLimits;
use crate::engine::Engine;
use crate::errors::{Fault, QueryError, Unavailable};
use crate::shares::{Place, Shares};
use lanes::Lanes;
use pool::Pool;
pub use priority::lower_priority;

/// How much a query reads, which decides where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A few rows by their keys.
    Lookup,
    /// Any number of rows.
    Scan,
}

impl Effort {
    /// Returns how much a query of this name may read.
    pub const fn of(query: QueryName) -> Self {
        match query {
            QueryName::Get
            | QueryName::Rotation
            | QueryName::Diff
            | QueryName::Attempts
            | QueryName::Erasure
            | QueryName::BlockedTokens
            | QueryName::SecretPolicies
            | QueryName::Alerts
            | QueryName::DeadLetters
            | QueryName::MasterKeys
            | QueryName::Status
            | QueryName::Whoami => Self::Lookup,
            QueryName::List
            | QueryName::Changes
            | QueryName::UndoPlan
            | QueryName::WhoMay
            | QueryName::AccessCheck
            | QueryName::Handovers
            | QueryName::History
            | QueryName::Audit
            | QueryName::Exposure
            | QueryName::Why
            | QueryName::Uptime
            | QueryName::Leases
            | QueryName::Workspaces
            | QueryName::Principals
            | QueryName::Proof => Self::Scan,
        }
    }
}

impl Engine {
    /// Reads the store on a thread that may block.
    ///
    /// Errors: `deadline_expired` if the wait for the thread exceeded the deadline; for scans also
    /// `busy`, and `shutting_down` after [`Self::shutdown`]; those of `work`.
    pub async fn read<T, E>(
        &self,
        effort: Effort,
        deadline: Option<Micros>,
        caller: &Caller,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<QueryError> + Send + 'static,
    {
        let turn = self.readers.turn(effort, caller).await?;
        self.in_time(deadline).map_err(QueryError::from)?;
        let engine = self.clone();
        // The engine is dropped before anybody sees the result, and may close its files then.
        let work = move || {
            let result = work(&engine);
            drop(engine);
            result
        };
        self.readers.run(turn, work).await?
    }
}

/// The threads and the limits of queries.
#[derive(Debug)]
pub(crate) struct Readers {
    /// Lookups at once. Further ones wait.
    lookups: Arc<Semaphore>,
    /// Scans that run or wait, of which each caller has a share. Further ones are refused.
    places: Arc<Shares>,
    /// Scans at once, at most as many as the pool has threads.
    scans: Lanes,
    pool: Pool,
}

/// The right to read now.
pub(crate) enum Turn {
    /// To look up.
    Lookup(OwnedSemaphorePermit),
    /// To scan: the place, which ends with the caller's interest, and the thread, which does not.
    Scan { place: Place, thread: OwnedSemaphorePermit },
}

impl Readers {
    /// Starts the threads.
    pub(crate) fn start(limits: &AdmissionLimits) -> Result<Self, Fault> {
        let (always, spare) = (limits.scans_max.max(1), limits.scans_spare_max);
        let threads = always.saturating_add(spare);
        let places = threads.saturating_add(limits.scans_waiting_max);
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Ok(Self {
            lookups: semaphore(limits.lookups_max.max(1)),
            places: Shares::new(places, limits.scans_per_caller_max),
            scans: Lanes::new(always, spare),
            pool: Pool::start(threads)?,
        })
    }

    /// Notes that a command has arrived.
    pub(crate) fn note_command(&self) {
        self.scans.note_command();
    }

    /// Waits until it is this reader's turn. Dropping the future gives the place to another.
    pub(crate) async fn turn(&self, effort: Effort, caller: &Caller) -> Result<Turn, QueryError> {
        let ended = |_| QueryError::from(Unavailable::ShuttingDown);
        if effort == Effort::Lookup {
            return Ok(Turn::Lookup(self.lookups.clone().acquire_owned().await.map_err(ended)?));
        }
        let place = self.places.take(caller).map_err(QueryError::Busy)?;
        let thread = self.scans.enter().await.map_err(ended)?;
        Ok(Turn::Scan { place, thread })
    }

    /// Runs `work` where its turn is.
    ///
    /// Errors: a fault if it panics; `shutting_down`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        let panicked = || QueryError::from(Fault::bug("a query panicked"));
        match turn {
            Turn::Lookup(permit) => {
                let read = move || {
                    let result = work();
                    drop(permit);
                    result
                };
                spawn_blocking(read).await.map_err(|_| panicked())
            }
            Turn::Scan { place, thread } => {
                let (answer, answered) = oneshot::channel();
                let scan = move || {
                    let result = catch_unwind(AssertUnwindSafe(work));
                    drop(thread);
                    // The caller may have left.
                    answer.send(result).ok();
                };
                self.pool.run(Box::new(scan))?;
                let result = answered.await.map_err(|_| Unavailable::ShuttingDown)?;
                drop(place);
                result.map_err(|_| panicked())
            }
        }
    }

    /// Refuses scans from now on, also those that wait, and waits for those that run. Blocks.
    pub(crate) fn end_scans(&self) {
        self.scans.close();
        self.pool.end();
    }
}
