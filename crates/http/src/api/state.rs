//! What every handler needs: the engine, and places for so many at once.

use std::pin::pin;
use std::task::Poll;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use futures::poll;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::Micros;
use ledger_engine::{Caller, Engine};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::bodies::Bodies;
use super::{ApiOptions, body};
use crate::crashed::crashed;
use crate::feed::Feeds;

/// Replays at once; all but one are refused by the engine.
const OPERATIONS_MAX: usize = 16;

/// The engine and its limits.
#[derive(Debug)]
pub struct AppState {
    pub(super) engine: Engine,
    pub(super) feeds: Feeds,
    /// Whether secrets are given out.
    pub(super) reveals: bool,
    bodies: Bodies,
    commands: Semaphore,
    queries: Semaphore,
    operations: Semaphore,
    /// Held while a query reads the store.
    readers: Semaphore,
}

impl AppState {
    pub(super) fn new(engine: Engine, options: &ApiOptions) -> Self {
        Self {
            feeds: Feeds::open(engine.clone(), options.feeds),
            engine,
            reveals: options.reveals,
            bodies: Bodies::new(options.bodies_max, options.bodies_per_caller_max),
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

    /// Reads the whole body of a request. One that is there with its header needs no place; one
    /// that is waited for takes one, so this must come before any other place is taken.
    ///
    /// Errors: `media_type_unsupported`, `message_too_large`, `body_malformed` when it breaks off,
    /// `busy`.
    pub async fn read_body(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Bytes, Problem> {
        let mut reading = pin!(body::read(headers, body));
        if let Poll::Ready(read) = poll!(reading.as_mut()) {
            return self.counted(read);
        }
        let place = self.counted(self.bodies.place(caller.identity()))?;
        let read = reading.await;
        drop(place);
        self.counted(read)
    }

    /// Takes a place among the commands being worked on. The body must have been read before: a
    /// place that waits for a slow client is one less for everyone.
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

    /// Reads the store after a command that is durable: it waits for its turn, whatever else waits,
    /// as who is refused then would send the command again.
    ///
    /// Errors: those of `work`.
    pub async fn read_after<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let reading = self.readers.acquire().await;
        let engine = self.engine.clone();
        let read = tokio::task::spawn_blocking(move || work(&engine)).await;
        drop(reading);
        read.map_err(|failure| crashed(&failure))?
    }

    /// Counts a refusal of our own in the ledger's status. The engine counts its own there.
    pub fn counted<T, E: Into<Problem>>(&self, result: Result<T, E>) -> Result<T, Problem> {
        result.map_err(Into::into).inspect_err(|problem| self.engine.count_refusal(problem.code))
    }
}
