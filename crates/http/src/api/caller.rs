//! Who asks: the one place where a key is looked at, and all that is done in its name.

use axum::http::HeaderMap;
use ledger_contract::errors::Problem;
use ledger_contract::queries::{QueryRequest, QueryWorkspace};
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::{Engine, Forbidden, QueryAnswer};
use ledger_http_server::credential;

/// Someone whose key was found good.
#[derive(Clone, Debug)]
pub(super) struct Caller(ledger_engine::Caller);

/// Finds out who asks, before anything else is looked at: nobody unknown is told what else is
/// wrong with a request.
///
/// Errors: `header_invalid`; those of [`Engine::authenticate`].
pub fn admit(engine: &Engine, headers: &HeaderMap) -> Result<ledger_engine::Caller, Problem> {
    Ok(engine.authenticate(credential(headers)?.as_deref())?)
}

impl Caller {
    pub(super) fn admit(engine: &Engine, headers: &HeaderMap) -> Result<Self, Problem> {
        admit(engine, headers).map(Self)
    }

    /// Returns who the engine knows it as.
    pub(super) fn known(&self) -> &ledger_engine::Caller {
        &self.0
    }

    /// Refuses who may not do `scope` to `subject`, where no command or query does that.
    pub(super) fn require(&self, scope: Scope, subject: Subject<'_>) -> Result<(), Forbidden> {
        self.0.require(scope, subject)
    }

    /// Answers a query in its name. Blocks.
    pub(super) fn ask(
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
