//! What a facade is: a table of routes, and how it says no.

use std::sync::Arc;

use axum::RequestExt;
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_domain::InvalidField;
use ledger_http::toolkit::{self, Handler, Operation, RequestId, allow};
use ledger_providers::Facade;
use schemars::{Schema, SchemaGenerator};

use crate::Shared;
use crate::request::FacadeRequest;

/// One product's API.
#[derive(Debug)]
pub(crate) struct FacadeApi {
    /// Which product.
    pub(crate) facade: Facade,
    /// How its events say where they came from.
    pub(crate) via: Via,
    /// Title of its OpenAPI document.
    pub(crate) title: &'static str,
    /// What its users should know, for the OpenAPI document.
    pub(crate) about: &'static str,
    /// Header that its clients send the key in.
    pub(crate) key_header: &'static str,
    /// Returns the workspace that a request names in the product's own way.
    pub(crate) workspace: fn(&HeaderMap) -> Option<&HeaderValue>,
    /// What it answers.
    pub(crate) routes: fn() -> Vec<Route>,
    /// Says no in the product's words.
    pub(crate) refuse: fn(&Problem, &RequestId) -> Response,
    /// The schema of what `refuse` answers.
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
    /// Unique among the facade's routes.
    pub(crate) id: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// The statuses with which it refuses, besides those that any route may.
    pub(crate) refusals: &'static [u16],
    /// Does it. Its signature says what the route takes and answers.
    pub(crate) operation: Operation<FacadeRequest, Refusal>,
}

impl Route {
    /// Returns the names of the path's parameters.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Returns a handler as a route has it.
pub(crate) fn operation<Arguments>(
    handler: impl Handler<FacadeRequest, Refusal, Arguments>,
) -> Operation<FacadeRequest, Refusal> {
    Operation::of(handler)
}

/// Why a handler does not do what it was asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// For reasons that the whole ledger knows.
    Problem(Problem),
    /// For reasons that only this product has words for.
    Answer(Box<Response>),
}

impl<T: Into<Problem>> From<T> for Refusal {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

impl FacadeApi {
    /// Returns its routes. Request ids and compression are for whoever serves them.
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

    /// Where every request to a route comes in.
    async fn enter(
        &'static self,
        route: Arc<Route>,
        shared: Arc<Shared>,
        request: Request,
        id: RequestId,
    ) -> Response {
        match self.serve(&route, shared, request).await {
            Ok(response) => response,
            Err(Refusal::Problem(problem)) => (self.refuse)(&problem, &id),
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
