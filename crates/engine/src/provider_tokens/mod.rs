//! Tokens that the ledger gets from token services and keeps fresh.
//!
//! A token is the secret field `access_token` of its connection. Whoever asks for it is given one
//! that is still valid; see [`Engine::freshen`]. Tokens in use are refreshed ahead of their expiry;
//! see `watch.rs`. For one connection, one attempt is made at a time, for all who wait for it; what
//! attempts with other states brought is recognized by the decider.

mod attempt;
mod connect;
mod due;
mod flights;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_domain::{
    ACCESS_TOKEN, Connection, ConnectionId, Expected, FieldName, Micros, Rejection, SecretRevealed,
    WantedGeneration, WorkspaceName,
};
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub use connect::{CallbackAnswer, ConnectImpossible, ConnectedByPerson, NotConnected};
pub use flights::{RefreshImpossible, TokenRefusal};
pub(crate) use watch::TOKENS;

use crate::access::{Caller, Permit};
use crate::agenda::Agenda;
use crate::engine::Engine;
use crate::errors::{DeadlineExpired, ExecuteError, Fault, Unavailable, chain};
use crate::execute::Outcome;
use crate::executed::Executed;
use crate::fingerprint::Fingerprint;
use crate::request::RequestContext;
use crate::trials::Begun;
use attempt::RefreshRequest;
use connect::Connecting;
use flights::{Ended, Flight, Flights};

/// Most attempts at once; others wait for them.
const ATTEMPTS_MAX: usize = 32;
/// How often it is tried again after somebody else was faster.
const TRIES: usize = 8;
/// Longest wait for attempts when the ledger is closed.
const FINISH_MAX: Duration = Duration::from_secs(15);

/// What is known of the tokens of all connections.
#[derive(Debug)]
pub(crate) struct ProviderTokens {
    pub(crate) agenda: Agenda,
    flights: Arc<Flights>,
    room: Arc<Semaphore>,
    /// Where attempts are made; set together with what sends their requests.
    runtime: RwLock<Option<Handle>>,
    walked: AtomicBool,
    connecting: Connecting,
}

impl Default for ProviderTokens {
    fn default() -> Self {
        Self {
            agenda: Agenda::default(),
            flights: Arc::default(),
            room: Arc::new(Semaphore::new(ATTEMPTS_MAX)),
            runtime: RwLock::default(),
            walked: AtomicBool::default(),
            connecting: Connecting::default(),
        }
    }
}

impl ProviderTokens {
    /// Makes attempts on the runtime that calls this, if one does.
    pub(crate) fn run_here(&self) {
        *self.runtime.write() = Handle::try_current().ok();
        self.agenda.wake();
    }

    /// Waits until what token services gave out is stored. Blocks.
    pub(crate) fn finish(&self) {
        self.connecting.close();
        // Those that wait for their turn ask nobody any more.
        self.room.close();
        if !self.flights.finish(FINISH_MAX) {
            tracing::warn!("attempts to refresh tokens are cut off, and may have used up tokens");
        }
    }

    /// Returns whether attempts can be made by the ledger itself.
    fn can_run(&self) -> bool {
        self.runtime.read().is_some()
    }

    fn begins_walk(&self) -> bool {
        self.can_run() && !self.walked.swap(true, Ordering::SeqCst)
    }
}

/// Returns whether values were revealed for a refresh, to nobody but the server and the service.
pub(crate) fn is_of_refresh(revealed: &SecretRevealed) -> bool {
    revealed.from.as_ref().is_some_and(|from| from.as_str() == attempt::FROM)
}

impl Engine {
    /// Sees to it that a command that gives out the token of a connection finds one that is still
    /// valid. Does nothing for other commands, and for callers who may not have it, who are told so
    /// by the decision.
    ///
    /// Errors: `provider_token_refused`, `provider_token_unavailable`, `refresh_impossible`; those
    /// of a reveal.
    pub(crate) async fn freshen(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        context: &mut RequestContext,
    ) -> Result<(), ExecuteError> {
        let Some((target, is_named)) = wanted(command) else { return Ok(()) };
        for _ in 0..TRIES {
            let Some(connection) = self.reader_of(workspace, command, target, context)? else {
                return Ok(());
            };
            let has_token = due::token(&connection).is_some();
            if !due::is_kept_fresh(&connection) || !(is_named || has_token) {
                return Ok(());
            }
            let (id, now) = (connection.id, self.clock().now());
            self.shared.provider_tokens.flights.note_asked(id, now);
            if due::is_fresh(&connection, now) {
                return Ok(());
            }
            let (flight, _) = self.begin_refresh_of(id, Self::request_of(context))?;
            let is_usable = || due::is_usable(&connection, self.clock().now());
            match self.end_of(flight, context.deadline).await? {
                Ended::Superseded | Ended::NotAsked => {}
                Ended::Fresh => return Ok(()),
                Ended::Stored(receipt) => {
                    // What the caller expects is what there was before its own request.
                    if context.expected == Expected::At(connection.version) {
                        let version = ledger_domain::Version::new(receipt.version);
                        context.expected = Expected::At(version);
                    }
                    return Ok(());
                }
                Ended::Impossible(_) if has_token => return Ok(()),
                _ if is_usable() => return Ok(()),
                ended => return Err(refused(ended)),
            }
        }
        Err(Rejection::RefreshSuperseded.into())
    }

    /// Sees to it that a test by the ledger itself finds a token that is still valid. Returns the
    /// connection as it is then.
    ///
    /// Errors: as [`Self::freshen`].
    pub(crate) async fn freshened(
        &self,
        connection: Connection,
        context: &RequestContext,
    ) -> Result<Connection, ExecuteError> {
        let now = self.clock().now();
        let has_token = due::is_kept_fresh(&connection) && due::token(&connection).is_some();
        if !has_token || due::is_fresh(&connection, now) {
            return Ok(connection);
        }
        for _ in 0..TRIES {
            let (flight, _) = self.begin_refresh_of(connection.id, Self::request_of(context))?;
            return match self.end_of(flight, context.deadline).await? {
                Ended::NotAsked => continue,
                Ended::Superseded | Ended::Fresh | Ended::Stored(_) => {
                    let row = self.shared.models.load().row(connection.id)?;
                    Ok(row.map_or(connection, |row| row.connection))
                }
                _ if due::is_usable(&connection, self.clock().now()) => Ok(connection),
                ended => Err(refused(ended)),
            };
        }
        Err(Rejection::RefreshSuperseded.into())
    }

    /// Returns the connection of a command whose answer has its secrets, if the caller may have
    /// them.
    fn reader_of(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        target: &ConnectionRef,
        context: &RequestContext,
    ) -> Result<Option<Connection>, ExecuteError> {
        let mut caller = context.caller.clone();
        if self.renew(&mut caller).is_err() || self.in_time(context.deadline).is_err() {
            return Ok(None);
        }
        let Ok(permit) = Permit::of(caller, workspace, command) else { return Ok(None) };
        let Some(id) = self.resolve(workspace, target)? else { return Ok(None) };
        let Some(row) = self.shared.models.load().row(id)? else { return Ok(None) };
        let connection = row.connection;
        let is_here = connection.workspace == *workspace || connection.access.allows(workspace);
        let gives_out = connection.gives_out_secrets()
            || (matches!(command, ParsedCommand::Test { .. } | ParsedCommand::ListModels { .. })
                && connection.lifecycle.check_active().is_ok());
        let may = is_here && gives_out && permit.check_before(&connection).is_ok();
        Ok(may.then_some(connection))
    }

    /// Refreshes the token of a connection because a command says so.
    pub(crate) async fn refresh(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let done = self.refresh_now(&workspace, &command, fingerprint, &context).await;
        let outcome = done.inspect_err(|error| {
            self.refused(error.code(), &attempt);
        })?;
        let (receipt, repeated) = outcome;
        Ok(Executed::of(receipt, repeated))
    }

    async fn refresh_now(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: &RequestContext,
    ) -> Result<(ledger_contract::reply::Receipt, bool), ExecuteError> {
        let permit = match self.admit(workspace, command, fingerprint.as_ref(), context)? {
            Begun::Done(Outcome { receipt, repeated, .. }) => return Ok((receipt, repeated)),
            Begun::Starts(permit) => permit,
        };
        let ParsedCommand::RefreshToken { target } = command else {
            return Err(ExecuteError::VerbUnknown);
        };
        let connection = self.to_be_tested(&permit, workspace, target, context)?;
        attempt::plan(&connection).map_err(ExecuteError::RefreshImpossible)?;
        let request = RefreshRequest {
            fingerprint: fingerprint.clone(),
            is_forced: true,
            ..Self::request_of(context)
        };
        for _ in 0..TRIES {
            let (flight, is_own) = self.begin_refresh_of(connection.id, request.clone())?;
            return match flight.await {
                Ended::NotAsked => continue,
                Ended::Stored(receipt) if is_own => Ok((receipt, false)),
                Ended::Stored(_) | Ended::Fresh | Ended::Superseded => {
                    // The attempt may have been that of the same command, sent before.
                    match self.admit(workspace, command, fingerprint.as_ref(), context)? {
                        Begun::Done(Outcome { receipt, repeated, .. }) => Ok((receipt, repeated)),
                        Begun::Starts(_) => Err(Rejection::RefreshSuperseded.into()),
                    }
                }
                ended => Err(refused(ended)),
            };
        }
        Err(Rejection::RefreshSuperseded.into())
    }

    /// Waits for the end of an attempt until a deadline. The attempt goes on after it.
    async fn end_of(
        &self,
        flight: Flight,
        deadline: Option<Micros>,
    ) -> Result<Ended, DeadlineExpired> {
        let Some(deadline) = deadline else { return Ok(flight.await) };
        let left = deadline.get().saturating_sub(self.clock().now().get());
        let left = Duration::from_micros(u64::try_from(left).unwrap_or(0));
        tokio::time::timeout(left, flight).await.map_err(|_| DeadlineExpired)
    }

    /// Returns what is recorded of an attempt that a caller caused.
    fn request_of(context: &RequestContext) -> RefreshRequest {
        let mut caller = Caller::system(context.caller.actor().as_str());
        if let Some(credential) = context.caller.credential() {
            caller = caller.with_credential(credential.clone());
        }
        let provenance = context.provenance.clone();
        RefreshRequest { caller, provenance, fingerprint: None, is_forced: false }
    }

    /// Returns the attempt that is being made for a connection, or begins one. Returns whether it
    /// began one.
    fn begin_refresh_of(
        &self,
        id: ConnectionId,
        request: RefreshRequest,
    ) -> Result<(Flight, bool), ExecuteError> {
        let engine = self.clone();
        self.begin_flight(id, async move { engine.attempt_refresh(id, &request).await })
    }

    /// Returns where attempts are made.
    fn attempts_runtime(&self) -> Result<Handle, Unavailable> {
        let runtime = self.shared.provider_tokens.runtime.read().clone();
        runtime.or_else(|| Handle::try_current().ok()).ok_or(Unavailable::ShuttingDown)
    }

    /// Returns the attempt that is being made for a connection, or begins this one. Returns whether
    /// it began it.
    fn begin_flight(
        &self,
        id: ConnectionId,
        attempt: impl Future<Output = Ended> + Send + 'static,
    ) -> Result<(Flight, bool), ExecuteError> {
        let tokens = &self.shared.provider_tokens;
        let runtime = self.attempts_runtime()?;
        let room = Arc::clone(&tokens.room);
        Ok(tokens.flights.join(id, |running| {
            // It goes on even if everybody goes away who waits for it.
            let attempt = runtime.spawn(async move {
                let _running = running;
                let Ok(_room) = room.acquire_owned().await else {
                    return Ended::Failed(Arc::new(Unavailable::ShuttingDown.into()));
                };
                attempt.await
            });
            let panicked = |_| {
                let fault = Fault::bug("an attempt to refresh a token panicked");
                Ended::Failed(Arc::new(fault.into()))
            };
            attempt.map(move |ended| ended.unwrap_or_else(panicked)).boxed()
        }))
    }
}

/// Returns the connection whose token a command gives out, and whether it names the token. Without
/// any name, it gives out all secrets that are there.
fn wanted(command: &ParsedCommand) -> Option<(&ConnectionRef, bool)> {
    let (target, fields) = match command {
        ParsedCommand::Reveal { target, fields, generation: WantedGeneration::Current, .. }
        | ParsedCommand::LeaseSecrets { target, fields, .. }
        | ParsedCommand::ReadLeased { target, fields, .. } => (target, fields),
        ParsedCommand::Test { target, fields }
        | ParsedCommand::ListModels { target, fields, .. }
            if !fields.is_empty() =>
        {
            (target, fields)
        }
        _ => return None,
    };
    let is_named = fields.iter().map(FieldName::as_str).any(|field| field == ACCESS_TOKEN);
    (is_named || fields.is_empty()).then_some((target, is_named))
}

/// Returns the error of an attempt that brought nothing.
fn refused(ended: Ended) -> ExecuteError {
    match ended {
        Ended::Impossible(why) => ExecuteError::RefreshImpossible(why),
        Ended::Refused(refusal) => ExecuteError::ProviderToken(Box::new(refusal)),
        Ended::Failed(error) => again(&error),
        Ended::Fresh | Ended::Stored(_) | Ended::Superseded | Ended::NotAsked => {
            Rejection::RefreshSuperseded.into()
        }
    }
}

/// Returns the error of an attempt for one of those who waited for it.
pub(crate) fn again(error: &ExecuteError) -> ExecuteError {
    match error {
        ExecuteError::Rejected(rejection) => rejection.clone().into(),
        ExecuteError::Reference(reference) => ExecuteError::Reference(reference.clone()),
        ExecuteError::QuotaExceeded(exceeded) => exceeded.clone().into(),
        ExecuteError::Unavailable(unavailable) => unavailable.clone().into(),
        ExecuteError::Busy => ExecuteError::Busy,
        ExecuteError::CommandIdReused => ExecuteError::CommandIdReused,
        other => Fault::bug(format!("a token cannot be refreshed: {}", chain(other))).into(),
    }
}
