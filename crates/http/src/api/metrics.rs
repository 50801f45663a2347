//! The page of metrics.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::QueryWorkspace;
use ledger_engine::{Effort, Engine};
use ledger_http_server::answer;
use ledger_metrics::CONTENT_TYPE;

use super::request::ApiRequest;
use super::state::AppState;
use crate::toolkit::{Pending, Refusal};

/// Answers whoever is on this machine.
pub(in crate::api) fn to_anyone(state: Arc<AppState>) -> Pending {
    Box::pin(async move { page(&state.engine).await.map_err(Refusal::from) })
}

/// Answers a caller who may read the status of the ledger.
pub(in crate::api) async fn to_caller(request: ApiRequest) -> Result<Response, Refusal> {
    let caller = request.caller.clone();
    let work = move |engine: &Engine| {
        engine.reader(&caller, &QueryWorkspace::All)?.metrics().map(|page| answer(&page))
    };
    Ok(request.state.read(Effort::Lookup, None, &request.caller, work).await?)
}

/// Returns the page of a ledger, for a listener that has nothing else.
///
/// Errors: `internal`.
pub async fn page(engine: &Engine) -> Result<Response, Problem> {
    let engine = engine.clone();
    let page = tokio::task::spawn_blocking(move || engine.metrics_page()).await;
    page.map(|page| answer(&page)).map_err(|_| Problem::because(Code::Internal, "measuring failed"))
}

fn answer(page: &str) -> Response {
    let media_type = HeaderValue::from_static(CONTENT_TYPE);
    answer::of_type(StatusCode::OK, media_type, page.to_string())
}
