//! The definition of a facade: a table of routes, and a format of errors.
//!
//! Every route checks in the same order: the form of what was sent, by the types of its handler;
//! then that the connection in the path exists; then the content.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_contract::records::Via;
use ledger_engine::{Attempt, Engine};
use ledger_http::AppState;
use ledger_http::toolkit::{self, HttpApi, Refusal, RequestId};
use ledger_providers::{Catalogue, Facade};
use schemars::{Schema, SchemaGenerator};

use crate::request::FacadeRequest;

/// One product's API.
#[derive(Debug)]
pub(crate) struct FacadeApi {
    /// The product.
    pub(crate) facade: Facade,
    /// The `via` that events of its commands record.
    pub(crate) via: Via,
    /// Title of its OpenAPI document.
    pub(crate) title: &'static str,
    /// Introduction of its OpenAPI document.
    pub(crate) about: &'static str,
    /// The header in which its clients send the key.
    pub(crate) key_header: &'static str,
    /// Returns the workspace that a request names in the product's own header.
    pub(crate) workspace: fn(&HeaderMap) -> Option<&HeaderValue>,
    /// The product's names for the ledger's fields, in errors about what a body contains. With an
    /// empty name, the fields below it stand alone.
    pub(crate) field_names: &'static [(&'static str, &'static str)],
    /// Its routes.
    pub(crate) routes: fn() -> Vec<Route>,
    /// Returns the answer for an error in the product's format.
    pub(crate) refuse: fn(&Problem, &RequestId) -> Response,
    /// The schema of the answers of `refuse`.
    pub(crate) refusal: SchemaOf,
    /// The media type of the answers of `refuse`.
    pub(crate) refusal_type: &'static str,
}

/// Returns the schema of a body.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One route; the signature of its handler defines its inputs and answer.
pub(crate) type Route = toolkit::Route<FacadeServer>;

/// The error statuses of a route beside those of every route.
#[derive(Debug)]
pub(crate) struct Refuses(pub(crate) &'static [u16]);

/// One product's API for one ledger.
#[derive(Debug)]
pub(crate) struct FacadeServer {
    pub(crate) api: &'static FacadeApi,
    pub(crate) state: Arc<AppState>,
    pub(crate) catalogue: Arc<Catalogue>,
}

impl FacadeServer {
    /// Returns a router of the routes. The caller adds request ids and compression.
    pub(crate) fn router(self) -> Router {
        let routes = (self.api.routes)().into_iter().map(Arc::new);
        toolkit::router(&Arc::new(self), routes)
    }
}

impl HttpApi for FacadeServer {
    type Request = FacadeRequest;
    type Terms = Refuses;

    fn engine(&self) -> &Engine {
        self.state.engine()
    }

    fn via(&self) -> Via {
        self.api.via
    }

    fn operation(&self, route: &Route) -> &'static str {
        route.id
    }

    async fn admit(
        self: Arc<Self>,
        route: &Route,
        request: Request,
        _: &RequestId,
        attempt: &mut Attempt,
    ) -> Result<FacadeRequest, Refusal> {
        Ok(FacadeRequest::read(self, route, request, attempt).await?)
    }

    fn refuse(&self, problem: &Problem, id: &RequestId) -> Response {
        (self.api.refuse)(problem, id)
    }
}
