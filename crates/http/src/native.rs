//! The native API, put together: its state, its routes and the document that describes them.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::Engine;
use ledger_http_server::answer;
use ledger_http_server::request_id::{RequestId, identify};
use tower_http::compression::CompressionLayer;

use crate::api::options::ApiOptions;
use crate::api::routes::routes;
use crate::api::state::AppState;
use crate::openapi;
use crate::toolkit::router;

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
        let document = openapi::document().to_string().into();
        Self { state: Arc::new(AppState::new(engine, &options, document)) }
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
    answer::problem(&nothing_at(request.uri().path()), &RequestId::of_request(&request))
}

/// Returns the error for a path without a route.
fn nothing_at(path: &str) -> Problem {
    if path.contains("//") || (path.len() > 1 && path.ends_with('/')) {
        let message = "there is nothing at this path, which has a slash too many; \
                       does the client's base URL end with one?";
        return Problem::because(Code::RouteUnknown, message);
    }
    Problem::new(Code::RouteUnknown)
}
