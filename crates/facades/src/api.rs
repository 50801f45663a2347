//! What a facade is: a table of routes, and how it says no.

use std::pin::Pin;
use std::sync::Arc;

use axum::RequestExt;
use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::Via;
use ledger_domain::InvalidField;
use ledger_http::handler::{RequestId, with};
use ledger_providers::Facade;
use schemars::{Schema, SchemaGenerator};

use crate::Shared;
use crate::asked::Asked;

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
    pub(crate) routes: &'static [Route],
    /// Says no in the product's words.
    pub(crate) refuse: fn(&Problem, &RequestId) -> Response,
    /// The schema of what `refuse` answers.
    pub(crate) refusal: SchemaOf,
}

/// Returns the schema of a body.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An answer under way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

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
    /// Parameters after the path: name and what it means.
    pub(crate) query: &'static [(&'static str, &'static str)],
    /// The body it takes.
    pub(crate) body: Option<SchemaOf>,
    /// The status of success, and the body that comes with it, if any does.
    pub(crate) success: (u16, Option<SchemaOf>),
    /// The statuses with which it refuses, besides those that any route may.
    pub(crate) refusals: &'static [u16],
    /// Does it.
    pub(crate) handler: fn(Asked) -> Answering,
}

/// The methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
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
        let mut paths: Vec<&'static str> = self.routes.iter().map(|route| route.path).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
            .into_iter()
            .fold(Router::new(), |router, path| router.route(path, self.methods(path, shared)))
    }

    fn methods(&'static self, path: &'static str, shared: &Arc<Shared>) -> MethodRouter {
        let mut methods = MethodRouter::new();
        let mut allowed = Vec::new();
        for route in self.routes.iter().filter(|route| route.path == path) {
            let shared = Arc::clone(shared);
            let handler = move |request: Request| self.enter(route, Arc::clone(&shared), request);
            methods = methods.on(route.method.filter(), handler);
            allowed.push(route.method.as_str());
        }
        let allowed = HeaderValue::from_str(&allowed.join(", ")).expect("methods are ASCII");
        methods.fallback(move |request: Request| {
            let answer = (self.refuse)(&Problem::new(Code::MethodNotAllowed), &id_of(&request));
            let answer = with(answer, ALLOW, allowed.clone());
            async move { answer }
        })
    }

    /// Where every request to a route comes in.
    async fn enter(
        &'static self,
        route: &'static Route,
        shared: Arc<Shared>,
        request: Request,
    ) -> Response {
        let id = id_of(&request);
        match self.serve(route, shared, request).await {
            Ok(response) => response,
            Err(Refusal::Problem(problem)) => (self.refuse)(&problem, &id),
            Err(Refusal::Answer(response)) => *response,
        }
    }

    async fn serve(
        &'static self,
        route: &'static Route,
        shared: Arc<Shared>,
        mut request: Request,
    ) -> Result<Response, Refusal> {
        let path = request.extract_parts::<RawPathParams>().await;
        let path = path.map_err(|_| InvalidField::new("path", "must be UTF-8 when decoded"))?;
        let path = path.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let asked = Asked::read(self, route, shared, path, request).await?;
        (route.handler)(asked).await
    }
}

fn id_of(request: &Request) -> RequestId {
    let known = request.extensions().get::<RequestId>().cloned();
    known.unwrap_or_else(|| RequestId::of(request.headers()))
}
