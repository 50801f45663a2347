//! The caller of a request. Only this module authenticates.

use axum::http::request::Parts;
use ledger_contract::errors::Problem;
use ledger_engine::{Caller, Engine};
use ledger_http_server::{ClientAddress, credential};

/// Authenticates the caller. This precedes every other check, so that unknown callers learn nothing
/// else about a request.
///
/// Errors: `header_invalid`; those of [`Engine::authenticate`].
pub fn admit(engine: &Engine, request: &Parts) -> Result<Caller, Problem> {
    let caller = engine.authenticate(credential(&request.headers)?.as_deref())?;
    let address = request.extensions.get::<ClientAddress>();
    Ok(caller.from_address(address.map(|address| address.0)))
}
