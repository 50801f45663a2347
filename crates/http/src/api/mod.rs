//! The native API: the table of routes and their handlers.
//!
//! The path of a request: `mod.rs` (routing) -> `caller.rs` (authentication) -> `params.rs` (path
//! and query) -> `commands.rs`, `queries.rs`, `events.rs` or `operations.rs` -> [`answer`].

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
pub(crate) mod state;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{self, StatusCode};
use axum::middleware::from_fn;
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::Engine;
pub(crate) use ledger_http_server::answer;
use ledger_http_server::request_id::identify;
use tower_http::compression::CompressionLayer;

use crate::feed::FeedLimits;
use crate::toolkit::{self, RequestId, allow};
use crate::{openapi, page};

use caller::Caller;
use params::RequestParams;
use routes::{Keyed, Method, Route, Work, routes};
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
        let handlers = routes().map(|route| {
            let state = Arc::clone(&self.state);
            let enter = move |request, id| enter(Arc::clone(&state), route, request, id);
            (method(route.method), route.path, enter)
        });
        others
            .merge(toolkit::router(handlers, method_not_allowed))
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

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Patch => http::Method::PATCH,
    }
}

fn method_not_allowed(methods: &[http::Method], id: &RequestId) -> Response {
    let refusal = answer::problem(&Problem::new(Code::MethodNotAllowed), id);
    // Every route that supports GET supports HEAD.
    let head = |method: &&http::Method| **method == http::Method::GET;
    let names = methods.iter().flat_map(|method| {
        [method].into_iter().chain(Some(&http::Method::HEAD).filter(|_| head(&method)))
    });
    allow(refusal, names.map(http::Method::as_str))
}

async fn no_route(request: Request) -> Response {
    answer::problem(&Problem::new(Code::RouteUnknown), &RequestId::of_request(&request))
}

/// Handles every request to a route.
async fn enter(
    state: Arc<AppState>,
    route: &'static Route,
    request: Request,
    id: RequestId,
) -> Response {
    let answered = serve(&state, route, request, &id).await;
    answered.unwrap_or_else(|problem| answer::problem(&problem, &id))
}

async fn serve(
    state: &AppState,
    route: &'static Route,
    request: Request,
    id: &RequestId,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let keyed = match route.work {
        Work::OpenApi => return Ok(answer::json(StatusCode::OK, openapi::bytes())),
        Work::Page(name) => return Ok(page::file(name)),
        Work::Alive => return Ok(operations::alive()),
        Work::Ready => return operations::ready(state),
        Work::Keyed(keyed) => keyed,
    };
    let caller = state.counted(Caller::admit(&state.engine, &parts))?;
    let params = state.counted(RequestParams::read(route, &mut parts).await)?;
    let headers = &parts.headers;
    match keyed {
        Keyed::Command(verb) => commands::run(state, verb, &caller, &params, headers, body).await,
        Keyed::Query(query) => queries::run(state, query, &caller, &params, headers).await,
        Keyed::Reveal => commands::reveal(state, &caller, &params, headers, body).await,
        Keyed::Feed => events::run(state, &caller, &params, headers).await,
        Keyed::Replay => operations::replay(state, &caller, headers, body, id).await,
    }
}
