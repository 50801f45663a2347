//! The caller of a request. Only this module authenticates.

use axum::http::request::Parts;
use ledger_contract::errors::Problem;
use ledger_engine::{Attempt, Caller, Engine};
use ledger_http_server::credential;

/// Authenticates the caller. This precedes every other check, so that unknown callers learn nothing
/// else about a request. `attempt` learns who it is, or whom the credential names.
///
/// Errors: `header_invalid`; those of [`Engine::authenticate`].
pub fn admit(engine: &Engine, request: &Parts, attempt: &mut Attempt) -> Result<Caller, Problem> {
    let credential = credential(&request.headers)?;
    let authenticated = engine.authenticate(credential.as_deref());
    let caller = authenticated
        .inspect_err(|_| attempt.claims(&engine.claim(credential.as_deref())))?
        .through(attempt.via(), attempt.address());
    attempt.by(&caller);
    Ok(caller)
}
