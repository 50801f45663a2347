//! The caller of a request. Only this module authenticates.

use axum::http::request::Parts;
use ledger_contract::errors::Problem;
use ledger_contract::queries::{QueryRequest, QueryWorkspace};
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::{Engine, Forbidden, QueryAnswer};
use ledger_http_server::{ClientAddress, credential};

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(super) struct Caller(ledger_engine::Caller);

/// Authenticates the caller. This precedes every other check, so that unknown callers learn nothing
/// else about a request.
///
/// Errors: `header_invalid`; those of [`Engine::authenticate`].
pub fn admit(engine: &Engine, request: &Parts) -> Result<ledger_engine::Caller, Problem> {
    let caller = engine.authenticate(credential(&request.headers)?.as_deref())?;
    let address = request.extensions.get::<ClientAddress>();
    Ok(caller.from_address(address.map(|address| address.0)))
}

impl Caller {
    pub(super) fn admit(engine: &Engine, request: &Parts) -> Result<Self, Problem> {
        admit(engine, request).map(Self)
    }

    /// Returns the caller as the engine knows it.
    pub(super) fn known(&self) -> &ledger_engine::Caller {
        &self.0
    }

    /// Rejects callers who lack `scope` on `subject`, for operations that are neither a command nor
    /// a query.
    pub(super) fn require(&self, scope: Scope, subject: Subject<'_>) -> Result<(), Forbidden> {
        self.0.require(scope, subject)
    }

    /// Answers a query for this caller. Blocks.
    pub(super) fn query(
        &self,
        engine: &Engine,
        workspace: &QueryWorkspace,
        request: QueryRequest,
    ) -> Result<QueryAnswer, Problem> {
        engine.answer(&self.0, workspace, request).inspect_err(|problem| {
            tracing::debug!(
                ledger.actor = self.0.actor().as_str(),
                ledger.error.code = problem.code.as_str(),
                "query refused"
            );
        })
    }
}
