//! The definition of a facade: a table of routes, and a format of errors.

use std::sync::Arc;

use axum::RequestExt;
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_domain::InvalidField;
use ledger_engine::log_fault;
use ledger_http::toolkit::{self, Handler, Operation, RequestId, allow};
use ledger_providers::Facade;
use schemars::{Schema, SchemaGenerator};

use crate::Shared;
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
    /// Its routes.
    pub(crate) routes: fn() -> Vec<Route>,
    /// Returns the answer for an error in the product's format.
    pub(crate) refuse: fn(&Problem, &RequestId) -> Response,
    /// The schema of the answers of `refuse`.
    pub(crate) refusal: SchemaOf,
}

/// Returns the schema of a body.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One route.
#[derive(Debug)]
pub(crate) struct Route {
    /// The method.
    pub(crate) method: Method,
    /// The path, its parameters in braces.
    pub(crate) path: &'static str,
    /// The operation id, unique among the facade's routes.
    pub(crate) id: &'static str,
    /// The summary, one or two sentences.
    pub(crate) summary: &'static str,
    /// The error statuses beside those of every route.
    pub(crate) refusals: &'static [u16],
    /// The handler, whose signature defines the route's inputs and answer.
    pub(crate) operation: Operation<FacadeRequest, Refusal>,
}

impl Route {
    /// Returns the names of the path parameters.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Converts a handler for use in a route.
pub(crate) fn operation<Arguments>(
    handler: impl Handler<FacadeRequest, Refusal, Arguments>,
) -> Operation<FacadeRequest, Refusal> {
    Operation::of(handler)
}

/// Why a handler refuses a request.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// An error of the ledger.
    Problem(Problem),
    /// An answer specific to the product.
    Answer(Box<Response>),
}

impl<T: Into<Problem>> From<T> for Refusal {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

impl FacadeApi {
    /// Returns a router of the routes. The caller adds request ids and compression.
    pub(crate) fn router(&'static self, shared: &Arc<Shared>) -> Router {
        let handlers = (self.routes)().into_iter().map(|route| {
            let (method, path, shared) = (route.method.clone(), route.path, Arc::clone(shared));
            let route = Arc::new(route);
            let enter =
                move |request, id| self.enter(Arc::clone(&route), Arc::clone(&shared), request, id);
            (method, path, enter)
        });
        toolkit::router(handlers, |methods, id| {
            let refusal = (self.refuse)(&Problem::new(Code::MethodNotAllowed), id);
            allow(refusal, methods.iter().map(Method::as_str))
        })
    }

    /// Handles every request to a route.
    async fn enter(
        &'static self,
        route: Arc<Route>,
        shared: Arc<Shared>,
        request: Request,
        id: RequestId,
    ) -> Response {
        match self.serve(&route, shared, request).await {
            Ok(response) => response,
            Err(Refusal::Problem(problem)) => {
                log_fault(&problem);
                (self.refuse)(&problem, &id)
            }
            Err(Refusal::Answer(response)) => *response,
        }
    }

    async fn serve(
        &'static self,
        route: &Route,
        shared: Arc<Shared>,
        mut request: Request,
    ) -> Result<Response, Refusal> {
        let path = request.extract_parts::<RawPathParams>().await;
        let path = path.map_err(|_| InvalidField::new("path", "must be UTF-8 when decoded"))?;
        let path = path.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let request = FacadeRequest::read(self, route, shared, path, request).await?;
        route.operation.call(request).await
    }
}
