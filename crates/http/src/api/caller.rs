//! The caller of a request. Only this module authenticates.

use axum::http::HeaderMap;
use ledger_contract::errors::Problem;
use ledger_engine::{Caller, Engine};
use ledger_http_server::credential;

/// Authenticates the caller. This precedes every other check, so that unknown callers learn nothing
/// else about a request.
///
/// Errors: `header_invalid`; those of [`Engine::authenticate`].
pub fn admit(engine: &Engine, headers: &HeaderMap) -> Result<Caller, Problem> {
    Ok(engine.authenticate(credential(headers)?.as_deref())?)
}
