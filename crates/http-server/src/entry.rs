//! The path of a request from its connection to its route, and of the answer back.

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

use crate::bodies::timed;
use crate::counters::Counters;
use crate::guard::Guard;
use crate::headers::{self, Origin};
use crate::limits::{Limits, URI_BYTES_MAX};
use crate::refusal::Refusal;
use crate::request_id::RequestId;

/// The address at the other end of a request's connection.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

/// The checks that a request passes before it reaches the routes.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) guard: Arc<Guard>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) limits: Limits,
}

/// The routes behind their checks.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    routes: TowerToHyperService<Router>,
    tls: bool,
}

impl Entry {
    pub(crate) fn new(routes: Router, admission: Admission, origins: &[Origin], tls: bool) -> Self {
        let mut routes = routes.layer(from_fn_with_state(Arc::new(admission), admit));
        // CORS wraps the admission checks, so that a page can read why its request was refused.
        if let Some(cors) = headers::cors(origins) {
            routes = routes.layer(cors);
        }
        Self { routes: TowerToHyperService::new(routes), tls }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, peer: SocketAddr, mut request: Request) -> Response<Body> {
        let api = headers::is_api(request.uri().path());
        request.extensions_mut().insert(Peer(peer.ip()));
        let Ok(mut answer): Result<_, Infallible> = self.routes.call(request).await;
        headers::add(answer.headers_mut(), api, self.tls);
        answer
    }
}

async fn admit(
    State(admission): State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    if path.len() > URI_BYTES_MAX {
        return Refusal::UriTooLong.answer(&id);
    }
    let peer = request.extensions_mut().remove::<Peer>();
    // Only `answer` calls this, and it has set the peer.
    let address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    match admission.guard.admit(address, request.headers()) {
        Err(limited) => {
            admission.counters.request_refused(limited);
            return Refusal::Limited(limited).answer(&id);
        }
        Ok(client) => {
            request.extensions_mut().insert(client);
        }
    }
    let (parts, body) = request.into_parts();
    let (body, late) = timed(body, admission.limits.body_timeout);
    let answer = next.run(Request::from_parts(parts, body)).await;
    // The route only sees a body that ended with an error; the cause is known here.
    if late.is_late() { Refusal::BodyTooSlow.answer(&id) } else { answer }
}
