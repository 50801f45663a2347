//! The native API: one table of routes, and what each of them does.
//!
//! A request goes `mod.rs` (which route) -> `caller.rs` (who asks) -> `asked.rs` (path and query)
//! -> `commands.rs`, `queries.rs`, `events.rs` or `operations.rs` -> `answer.rs`.

pub(crate) mod answer;
pub(crate) mod request_id;
pub mod routes;

mod accept;
mod asked;
mod bodies;
mod body;
pub(crate) mod caller;
mod commands;
pub(crate) mod desk;
mod events;
pub(crate) mod headers;
mod links;
mod operations;
mod queries;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use ledger_contract::errors::{Code, Problem};
use ledger_engine::Engine;
use tower_http::compression::CompressionLayer;

use crate::feed::FeedLimits;
use crate::{openapi, page};
pub(crate) use desk::crashed;

use answer::with;
use asked::Asked;
use caller::Caller;
use desk::Desk;
use request_id::RequestId;
use routes::{Keyed, Method, Route, Work, routes};

/// How much the API does at once.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Bodies being waited for at once; more are answered `busy`.
    pub bodies_max: usize,
    /// Bodies of one caller being waited for at once; more are answered `busy`.
    pub bodies_per_caller_max: usize,
    /// Commands being worked on at once; more are answered `busy`.
    pub commands_max: usize,
    /// Queries being worked on or waiting at once; more are answered `busy`.
    pub queries_max: usize,
    /// Queries reading the store at once.
    pub readers_max: usize,
    /// Limits of the feeds of events.
    pub feeds: FeedLimits,
    /// Whether secrets are given out: only where nobody can listen on the way.
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
    desk: Arc<Desk>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Api({:?})", self.desk.engine)
    }
}

impl Api {
    /// Takes an open ledger. Starts the task that reads events for all feeds, so it must be called
    /// in a tokio runtime.
    pub fn new(engine: Engine, options: ApiOptions) -> Self {
        Self { desk: Arc::new(Desk::new(engine, &options)) }
    }

    /// Returns the engine with its places, for other APIs that share them.
    pub fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// Returns the routes, ready to be served, with those of `others` beside them.
    pub fn router(&self, others: Router) -> Router {
        let mut router = others;
        let mut paths: Vec<&'static str> = Vec::new();
        for route in routes() {
            if !paths.contains(&route.path) {
                paths.push(route.path);
            }
        }
        for path in paths {
            router = router.route(path, self.methods(path));
        }
        router
            .fallback(no_route)
            .layer(CompressionLayer::new())
            .layer(from_fn(request_id::identify))
    }

    /// Ends every feed and every wait for events with a last word. Call it when the server begins
    /// to stop: a feed never ends by itself, and a server that waits for its answers would wait
    /// for ever.
    pub fn stop_feeds(&self) {
        self.desk.feeds.stop();
    }

    /// Ends every feed, and waits for the task that reads for them.
    pub async fn shutdown(&self) {
        self.stop_feeds();
        self.desk.feeds.stopped().await;
    }

    fn methods(&self, path: &'static str) -> MethodRouter {
        let mut methods = MethodRouter::new();
        let mut allowed = Vec::new();
        for route in routes().filter(|route| route.path == path) {
            let desk = Arc::clone(&self.desk);
            let handler = move |request: Request| enter(Arc::clone(&desk), route, request);
            methods = methods.on(filter(route.method), handler);
            allowed.push(route.method.as_str());
            if route.method == Method::Get {
                allowed.push("HEAD");
            }
        }
        let allowed = HeaderValue::from_str(&allowed.join(", ")).expect("methods are ASCII");
        methods.fallback(move |request: Request| {
            let answer = refuse(&request, &Problem::new(Code::MethodNotAllowed));
            let answer = with(answer, ALLOW, allowed.clone());
            async move { answer }
        })
    }
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
    }
}

async fn no_route(request: Request) -> Response {
    refuse(&request, &Problem::new(Code::RouteUnknown))
}

fn refuse(request: &Request, problem: &Problem) -> Response {
    answer::problem(problem, &id_of(request))
}

fn id_of(request: &Request) -> RequestId {
    let known = request.extensions().get::<RequestId>().cloned();
    known.unwrap_or_else(|| RequestId::of(request.headers()))
}

/// Where every request to a route comes in.
async fn enter(desk: Arc<Desk>, route: &'static Route, request: Request) -> Response {
    let id = id_of(&request);
    let answered = serve(&desk, route, request, &id).await;
    answered.unwrap_or_else(|problem| answer::problem(&problem, &id))
}

async fn serve(
    desk: &Desk,
    route: &'static Route,
    request: Request,
    id: &RequestId,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let keyed = match route.work {
        Work::OpenApi => return Ok(answer::json(StatusCode::OK, openapi::bytes())),
        Work::Page(name) => return Ok(page::file(name)),
        Work::Alive => return Ok(operations::alive()),
        Work::Ready => return operations::ready(desk),
        Work::Keyed(keyed) => keyed,
    };
    let caller = desk.counted(Caller::admit(&desk.engine, &parts.headers))?;
    let asked = desk.counted(Asked::read(route, &mut parts).await)?;
    let headers = &parts.headers;
    match keyed {
        Keyed::Command(verb) => commands::run(desk, verb, &caller, &asked, headers, body).await,
        Keyed::Query(query) => queries::run(desk, query, &caller, &asked, headers).await,
        Keyed::Reveal => commands::reveal(desk, &caller, &asked, headers, body).await,
        Keyed::Feed => events::run(desk, &caller, &asked, headers).await,
        Keyed::Replay => operations::replay(desk, &caller, headers, body, id).await,
    }
}
