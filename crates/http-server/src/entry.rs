//! The path of a request from its connection to its route, and of the answer back.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, Version};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use crate::bodies::timed;
use crate::counters::Counters;
use crate::guard::{CredentialGate, Guard};
use crate::headers::{self, Origin};
use crate::limits::{Limits, URI_BYTES_MAX};
use crate::refusal::Refusal;
use crate::request_id::RequestId;

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
    routes: Router,
    admission: Arc<Admission>,
    cors: Option<CorsLayer>,
    tls: bool,
}

impl Entry {
    pub(crate) fn new(routes: Router, admission: Admission, origins: &[Origin], tls: bool) -> Self {
        Self { routes, admission: Arc::new(admission), cors: headers::cors(origins), tls }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, peer: SocketAddr, request: Request) -> Response<Body> {
        let api = headers::is_api(request.uri().path());
        let address = peer.ip();
        let admitting = service_fn(|request| async { Ok(self.admit(address, request).await) });
        // CORS wraps the admission checks, so that a page can read why its request was refused.
        let answered: Result<_, Infallible> = match &self.cors {
            Some(cors) => cors.layer(admitting).oneshot(request).await,
            None => admitting.oneshot(request).await,
        };
        let Ok(mut answer) = answered;
        headers::add(answer.headers_mut(), api, self.tls);
        answer
    }

    /// Checks a request, and passes it to its route. What is refused costs no search for a route.
    async fn admit(&self, address: IpAddr, request: Request) -> Response<Body> {
        let id = RequestId::of(request.headers());
        // Over HTTP/2 a stream ends alone; a client that expects to be asked has sent nothing yet.
        let is_http1 = request.version() < Version::HTTP_2;
        let sends_unasked = is_http1 && !request.headers().contains_key(EXPECT);
        let (mut parts, body) = request.into_parts();
        let (body, arrival) = timed(body, self.admission.limits.body_timeout);
        let answer = match self.admission.check(address, &mut parts) {
            Ok(()) => {
                let Ok(answer) =
                    self.routes.clone().oneshot(Request::from_parts(parts, body)).await;
                answer
            }
            Err(refusal) => {
                drop(body);
                let mut answer = refusal.answer(&id);
                // Reading what nobody wants costs time, so it costs the client its connection.
                let is_limited = matches!(refusal, Refusal::Limited(_));
                if is_http1 && is_limited && arrival.is_long_and_unread() {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer
            }
        };
        if arrival.is_late() {
            // The route only sees a body that ended with an error; the cause is known here.
            return Refusal::BodyTooSlow.answer(&id);
        }
        if sends_unasked {
            arrival.drain().await;
        }
        answer
    }
}

impl Admission {
    /// Checks a request before its body is read, and notes who sent it.
    fn check(&self, address: IpAddr, parts: &mut Parts) -> Result<(), Refusal> {
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        if path.len() > URI_BYTES_MAX {
            return Err(Refusal::UriTooLong);
        }
        let client = self
            .guard
            .admit(address, &parts.headers)
            .inspect_err(|limited| self.counters.request_refused(*limited))
            .map_err(Refusal::Limited)?;
        parts.extensions.insert(client);
        parts.extensions.insert(CredentialGate::new(Arc::clone(&self.guard), client));
        Ok(())
    }
}
