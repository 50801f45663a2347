//! Answers by which others check the log. Each reads one row of the store at most, or none.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::principal::Scope;
use ledger_engine::{Effort, Engine, LogFault};
use ledger_http_server::answer;
use ledger_proof::TileName;

use super::request::ApiRequest;
use crate::toolkit::Inputs;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// What is complete never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// The same for whoever has a key: no cache between gives it to others.
const FOREVER_HERE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const SECONDS: HeaderValue = HeaderValue::from_static("no-cache");

/// Returns the latest checkpoint; the first one is signed when it is asked for.
pub(super) async fn checkpoint(request: ApiRequest) -> Result<Response, Problem> {
    Ok(text(read(request, Engine::published_checkpoint).await?.to_bytes()))
}

/// Returns the public key of the log.
pub(super) async fn key(request: ApiRequest) -> Result<Response, Problem> {
    let key = read(request, |engine| Ok(engine.log_key())).await?;
    Ok(text(format!("{key}\n").into_bytes()))
}

/// Returns what a restored ledger says of the log that it continues.
pub(super) async fn history(request: ApiRequest) -> Result<Response, Problem> {
    Ok(match read(request, Engine::log_history).await? {
        Some(note) => text(note),
        None => answer::with(status_only(StatusCode::NO_CONTENT), CACHE_CONTROL, SECONDS),
    })
}

/// Returns a tile, or the entries of one.
pub(super) async fn tile(request: ApiRequest) -> Result<Response, Problem> {
    let name: Option<TileName> = name(&request.inputs).and_then(|name| name.parse().ok());
    let unknown = || Problem::because(Code::RouteUnknown, "the log has no such tile");
    let name = name.ok_or_else(unknown)?;
    let forever = if request.state.public_log { FOREVER } else { FOREVER_HERE };
    let tile = read(request, move |engine| match engine.log_tile(&name) {
        Ok(tile) => Ok(Some(tile)),
        Err(LogFault::Unknown) => Ok(None),
        Err(fault) => Err(fault),
    });
    let tile = tile.await?.ok_or_else(unknown)?;
    // What a tile begins with never changes, either.
    let answer = answer::of_type(StatusCode::OK, BYTES, tile);
    Ok(answer::with(answer, CACHE_CONTROL, forever))
}

fn name(inputs: &Inputs) -> Option<&str> {
    inputs.path.iter().find(|(name, _)| name == "tile").map(|(_, tile)| tile.as_str())
}

fn status_only(status: StatusCode) -> Response {
    let mut answer = Response::new(axum::body::Body::empty());
    *answer.status_mut() = status;
    answer
}

fn text(text: Vec<u8>) -> Response {
    let answer = answer::of_type(StatusCode::OK, TEXT, text);
    answer::with(answer, CACHE_CONTROL, SECONDS)
}

/// Reads the log for a caller who may read the ledger.
async fn read<T: Send + 'static>(
    request: ApiRequest,
    work: impl FnOnce(&Engine) -> Result<T, LogFault> + Send + 'static,
) -> Result<T, Problem> {
    let ApiRequest { state, caller, .. } = request;
    if !state.public_log {
        state.engine.check_now(&caller, Scope::Read)?;
    }
    state.read(Effort::Lookup, None, &caller, |engine| Ok(work(engine)?)).await
}
