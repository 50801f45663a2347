//! Who asks: the one place where a key is looked at, and all that is done in its name.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use ledger_contract::errors::Problem;
use ledger_contract::headers;
use ledger_contract::subjects;
use ledger_domain::Actor;
use ledger_engine::{CommandRequest, Engine, Executed};

/// Someone whose key was found good.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    actor: Actor,
}

impl Caller {
    /// Finds out who asks, before anything else is looked at: nobody unknown is told what else is
    /// wrong with a request.
    pub(super) fn admit(engine: &Engine, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let header = match (values.next(), values.next()) {
            (Some(_), Some(_)) => return Err(headers::twice(subjects::AUTHORIZATION)),
            // What is not text is no key; the empty one is not either.
            (Some(value), None) => Some(value.to_str().unwrap_or_default()),
            (None, _) => None,
        };
        Ok(Self { actor: engine.authenticate(header)? })
    }

    /// Returns the name it is recorded under.
    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Executes a command in its name.
    pub(super) async fn execute(
        &self,
        engine: &Engine,
        request: CommandRequest,
    ) -> Result<Executed, Problem> {
        engine.execute(request).await
    }

    /// Answers a query in its name. Blocks.
    pub(super) fn query(
        &self,
        engine: &Engine,
        workspace: &str,
        name: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Problem> {
        let answer = engine.query(workspace, name, body);
        if let Err(problem) = &answer {
            tracing::debug!(
                ledger.actor = self.actor.as_str(),
                ledger.error.code = problem.code.as_str(),
                "query refused"
            );
        }
        answer
    }
}
