//! The way of a request from its connection to its route, and of the answer back.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn_with_state};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::toolkit::RequestId;

use super::bodies::timed;
use super::counters::Counters;
use super::guard::Guard;
use super::headers::{self, Origin};
use super::limits::{Limits, URI_BYTES_MAX};
use super::refusal::Refusal;

/// Whose connection a request came over.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

/// What stands before the routes.
#[derive(Debug)]
pub(super) struct Doorway {
    pub(super) guard: Arc<Guard>,
    pub(super) counters: Arc<Counters>,
    pub(super) limits: Limits,
}

/// The routes with all that stands before them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    routes: TowerToHyperService<Router>,
    tls: bool,
}

impl Entry {
    pub(super) fn new(routes: Router, doorway: Doorway, origins: &[Origin], tls: bool) -> Self {
        let mut routes = routes.layer(from_fn_with_state(Arc::new(doorway), enter));
        // Outside of the doorway, so that a page can read why it was not let in.
        if let Some(cors) = headers::cors(origins) {
            routes = routes.layer(cors);
        }
        Self { routes: TowerToHyperService::new(routes), tls }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, peer: SocketAddr, mut request: Request) -> Response<Body> {
        let api = headers::is_api(request.uri().path());
        request.extensions_mut().insert(Peer(peer.ip()));
        let Ok(mut answer): Result<_, Infallible> = self.routes.call(request).await;
        headers::add(answer.headers_mut(), api, self.tls);
        answer
    }
}

async fn enter(
    State(doorway): State<Arc<Doorway>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    if path.len() > URI_BYTES_MAX {
        return Refusal::UriTooLong.answer(&id);
    }
    let peer = request.extensions_mut().remove::<Peer>();
    // Only `answer` calls this, and it has said whose the connection is.
    let address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    match doorway.guard.admit(address, request.headers()) {
        Err(refusal) => {
            doorway.counters.refused(&refusal);
            return refusal.answer(&id);
        }
        Ok(client) => {
            request.extensions_mut().insert(client);
        }
    }
    let (parts, body) = request.into_parts();
    let (body, late) = timed(body, doorway.limits.body_timeout);
    let answer = next.run(Request::from_parts(parts, body)).await;
    // The route has met a body that ended with an error, and cannot know why.
    if late.is_late() { Refusal::BodyTooSlow.answer(&id) } else { answer }
}
