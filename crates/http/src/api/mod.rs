//! The native API: the table of routes, and their handlers.
//!
//! The path of a request: `toolkit` (routing) -> `caller.rs` (authentication) -> `params.rs` (check
//! of the query) -> `commands.rs`, `queries.rs`, `events.rs` or `operations.rs` -> [`answer`].

pub mod routes;

mod accept;
mod body;
mod callback;
pub(crate) mod caller;
mod commands;
mod events;
pub(crate) mod headers;
mod links;
mod log;
pub(crate) mod metrics;
mod operations;
pub(crate) mod options;
mod params;
mod queries;
pub(crate) mod request;
pub(crate) mod state;
pub(crate) mod version;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_contract::records::Via;
use ledger_domain::Actor;
use ledger_engine::{Attempt, Caller, Engine};
use ledger_http_server::answer;

use crate::toolkit::{HttpApi, Inputs, Refusal, RequestId};

use caller::admit;
use request::ApiRequest;
use routes::{Route, Subject, Terms};
use state::AppState;

/// The name of callers without a key, where none is needed to read the log's tree.
const ANYBODY: &str = "anybody";

impl HttpApi for AppState {
    type Request = ApiRequest;
    type Terms = Terms;

    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn via(&self) -> Via {
        Via::Http
    }

    fn operation(&self, route: &Route) -> &'static str {
        match route.terms.subject {
            Subject::Command(verb) => verb.as_str(),
            Subject::Query(query) => query.as_str(),
            Subject::Http => route.id,
        }
    }

    async fn admit(
        self: Arc<Self>,
        route: &Route,
        request: Request,
        id: &RequestId,
        attempt: &mut Attempt,
    ) -> Result<ApiRequest, Refusal> {
        let (mut parts, body) = request.into_parts();
        let caller = if self.public_log && route.is_of_log() {
            Caller::new(Actor::new(ANYBODY), Vec::new())
        } else {
            admit(&self.engine, &parts, attempt)?
        };
        let mut inputs = Inputs::of(&mut parts).await?;
        params::check(route, &inputs.query)?;
        if let Some(check) = route.terms.before_body {
            check(&self, &caller)?;
        }
        let headers = parts.headers;
        if route.operation.takes_body() {
            inputs.body = self.read_body(&caller, &headers, body).await?;
        }
        let path = parts.uri.path().to_owned();
        Ok(ApiRequest { state: self, caller, id: id.clone(), headers, path, inputs })
    }

    fn refuse(&self, problem: &Problem, id: &RequestId) -> Response {
        answer::problem(problem, id)
    }
}
