//! The native API: the table of routes and their handlers.
//!
//! The path of a request: `toolkit` (routing) -> `caller.rs` (authentication) -> `params.rs` (check
//! of the query) -> `commands.rs`, `queries.rs`, `events.rs` or `operations.rs` -> [`answer`].

pub mod routes;

mod accept;
mod bodies;
mod body;
pub(crate) mod caller;
mod commands;
mod events;
pub(crate) mod headers;
mod links;
mod operations;
mod params;
mod queries;
pub(crate) mod request;
pub(crate) mod state;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::Engine;
pub(crate) use ledger_http_server::answer;
use ledger_http_server::request_id::identify;
use tower_http::compression::CompressionLayer;

use crate::feed::FeedLimits;
use crate::toolkit::{HttpApi, Inputs, Refusal, RequestId, router};

use caller::admit;
use request::ApiRequest;
use routes::{Route, Terms, routes};
use state::AppState;

/// The limits of the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Bodies awaited at the same time; more are answered `busy`.
    pub bodies_max: usize,
    /// Bodies of one caller awaited at the same time; more are answered `busy`.
    pub bodies_per_caller_max: usize,
    /// Commands in progress at the same time; more are answered `busy`.
    pub commands_max: usize,
    /// Queries in progress or waiting at the same time; more are answered `busy`.
    pub queries_max: usize,
    /// Queries that read the store at the same time.
    pub readers_max: usize,
    /// Limits of the event feeds.
    pub feeds: FeedLimits,
    /// Whether secrets may be revealed, which requires a private transport.
    pub reveals: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            bodies_max: 1_024,
            bodies_per_caller_max: 256,
            commands_max: 1_024,
            queries_max: 256,
            readers_max: 16,
            feeds: FeedLimits::default(),
            reveals: true,
        }
    }
}

/// The native API of one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    state: Arc<AppState>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({:?})", self.state.engine)
    }
}

impl Api {
    /// Creates the API of an open ledger. It starts the task that reads events for all feeds, so it
    /// must be called in a tokio runtime.
    pub fn new(engine: Engine, options: ApiOptions) -> Self {
        Self { state: Arc::new(AppState::new(engine, &options)) }
    }

    /// Returns the state with the engine and its limits, for other APIs that share them.
    pub fn state(&self) -> Arc<AppState> {
        Arc::clone(&self.state)
    }

    /// Returns a router of the native routes and of `others`.
    pub fn router(&self, others: Router) -> Router {
        others
            .merge(router(&self.state, routes()))
            .fallback(no_route)
            .layer(CompressionLayer::new())
            .layer(from_fn(identify))
    }

    /// Ends every feed and every wait for events with a closing event. Call it when the server
    /// begins to stop: feeds never end by themselves, so a server that waits for its answers would
    /// wait forever.
    pub fn stop_feeds(&self) {
        self.state.feeds.stop();
    }

    /// Ends every feed, and waits for the end of the task that reads their events.
    pub async fn shutdown(&self) {
        self.stop_feeds();
        self.state.feeds.stopped().await;
    }
}

async fn no_route(request: Request) -> Response {
    answer::problem(&Problem::new(Code::RouteUnknown), &RequestId::of_request(&request))
}

impl HttpApi for AppState {
    type Request = ApiRequest;
    type Terms = Terms;

    fn engine(&self) -> &Engine {
        &self.engine
    }

    async fn admit(
        self: Arc<Self>,
        route: &Route,
        request: Request,
        id: &RequestId,
    ) -> Result<ApiRequest, Refusal> {
        let (mut parts, body) = request.into_parts();
        let caller = admit(&self.engine, &parts.headers)?;
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
