//! The state shared by all handlers: the engine, and the limits on concurrent work.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use futures::{Stream, poll};
use ledger_contract::ResumePoint;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Micros, WorkspaceName};
use ledger_engine::{Caller, Effort, Engine, LiveCaller, Place, QueryError, Shares};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::body;
use super::options::ApiOptions;
use crate::feed::{Feeds, Start};

/// The engine, and the limits on concurrent work.
#[derive(Debug)]
pub struct AppState {
    pub(crate) engine: Engine,
    pub(crate) feeds: Feeds,
    /// The serialized OpenAPI document.
    pub(in crate::api) document: Bytes,
    /// Whether secrets may be revealed.
    pub(super) reveals: bool,
    /// Whether anybody may read the tree over the log and its checkpoints.
    pub(super) public_log: bool,
    /// Bodies that arrive slowly, so that slow clients do not block others' commands.
    bodies: Arc<Shares>,
    commands: Arc<Shares>,
    queries: Arc<Shares>,
    operations: Semaphore,
}

impl AppState {
    pub(crate) fn new(engine: Engine, options: &ApiOptions, document: Bytes) -> Self {
        let limits = &options.limits;
        Self {
            document,
            feeds: Feeds::open(engine.clone(), options.feeds, limits),
            engine,
            reveals: options.reveals,
            public_log: options.public_log,
            bodies: Shares::new(limits.bodies_max, limits.bodies_per_caller_max),
            commands: Shares::new(limits.commands_max, limits.commands_per_caller_max),
            queries: Shares::new(limits.queries_max, limits.queries_per_caller_max),
            operations: Semaphore::new(limits.operations_max.max(1)),
        }
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads the whole body of a request. A body that must be awaited needs a permit, one that has
    /// arrived with the header does not. Call this before acquiring any other permit.
    ///
    /// Errors: `media_type_unsupported`, `message_too_large`, `body_malformed` if it is incomplete,
    /// `busy`.
    pub async fn read_body(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Problem> {
        let mut reading = pin!(body::read(headers, body));
        if let Poll::Ready(read) = poll!(reading.as_mut()) {
            return read;
        }
        let permit = self.bodies.take(caller)?;
        let read = reading.await;
        drop(permit);
        read
    }

    /// Reads the whole body of a form, as [`Self::read_body`] does that of a command.
    ///
    /// Errors: `media_type_unsupported`, `message_too_large`, `body_malformed` if it is incomplete,
    /// `busy`.
    pub async fn read_form(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Problem> {
        let permit = self.bodies.take(caller)?;
        let read = body::read_form(headers, body).await;
        drop(permit);
        read
    }

    /// Checks that secrets may be revealed over this transport.
    ///
    /// Errors: `reveal_unsafe`.
    pub fn check_reveals(&self) -> Result<(), Problem> {
        if self.reveals { Ok(()) } else { Err(Problem::new(Code::RevealUnsafe)) }
    }

    /// Follows the events of the ledger, or of one workspace, as server-sent events. The caller
    /// must have been authorized to read them, and the feed ends when that right is lost.
    ///
    /// Errors: `busy`, `shutting_down`; `position_unknown` and `history_changed` for a position
    /// that the log does not have.
    pub fn follow_events(
        &self,
        after: Option<ResumePoint>,
        only: Option<WorkspaceName>,
        caller: Caller,
    ) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + Send + use<>, Problem> {
        let start = match after {
            Some(after) => Start::After(after.check(self.engine.end())?),
            None => Start::Now,
        };
        Ok(self.feeds.follow(start, only, LiveCaller::new(caller))?.stream())
    }

    /// Acquires a permit for a command. The body must have been read before, because a slow client
    /// would otherwise hold the permit.
    ///
    /// Errors: `busy`.
    pub fn acquire_command(&self, caller: &Caller) -> Result<Place, Problem> {
        Ok(self.commands.take(caller)?)
    }

    /// Acquires a permit for an operation.
    pub(super) fn acquire_operation(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.operations.try_acquire().map_err(|_| Problem::new(Code::Busy))
    }

    /// Reads the store, on a thread that may block.
    ///
    /// Errors: `busy`; `deadline_expired` if the wait exceeded the deadline; those of `work`.
    pub async fn read<T: Send + 'static>(
        &self,
        effort: Effort,
        deadline: Option<Micros>,
        caller: &Caller,
        work: impl FnOnce(&Engine) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = self.queries.take(caller)?;
        let read = self.engine.read(effort, deadline, caller, work).await;
        drop(permit);
        Ok(read?)
    }

    /// Looks up a few rows after a durable command. It waits instead of returning `busy`, because a
    /// refused caller would repeat the command.
    ///
    /// Errors: those of `work`.
    pub async fn read_after<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&Engine) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        Ok(self.engine.read(Effort::Lookup, None, caller, work).await?)
    }
}
