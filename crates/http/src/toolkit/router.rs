//! Routing of requests to operations.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use ledger_contract::errors::{Code, Problem};
use ledger_engine::Attempt;
use ledger_http_server::answer::with;
use ledger_http_server::request_id::RequestId;

use super::api::{HttpApi, Refusal, Route, refused, serve};

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// The media types of changes.
const PATCHES: &str = "application/json, application/merge-patch+json";

/// Returns a router of an API's routes. A request with a method that its path does not support is
/// told which ones it does.
pub fn router<A, R>(api: &Arc<A>, routes: impl IntoIterator<Item = R>) -> Router
where
    A: HttpApi,
    R: Deref<Target = Route<A>> + Clone + Send + Sync + 'static,
{
    let mut paths: BTreeMap<&'static str, Vec<R>> = BTreeMap::new();
    for route in routes {
        paths.entry(route.path).or_default().push(route);
    }
    let paths = paths.into_iter();
    paths.fold(Router::new(), |router, (path, routes)| router.route(path, methods(api, routes)))
}

fn methods<A, R>(api: &Arc<A>, routes: Vec<R>) -> MethodRouter
where
    A: HttpApi,
    R: Deref<Target = Route<A>> + Clone + Send + Sync + 'static,
{
    let allowed: Vec<Method> = routes.iter().map(|route| route.method.clone()).collect();
    let methods = routes.into_iter().fold(MethodRouter::new(), |methods, route| {
        let method = route.method.clone();
        let filter = MethodFilter::try_from(method).expect("routes have the methods of HTTP");
        let api = Arc::clone(api);
        methods.on(filter, move |request: Request| {
            let id = RequestId::of_request(&request);
            serve(Arc::clone(&api), route.clone(), request, id)
        })
    });
    let api = Arc::clone(api);
    methods.fallback(move |request: Request| {
        let id = RequestId::of_request(&request);
        let refusal = Refusal::Problem(Problem::new(Code::MethodNotAllowed));
        let attempt = Attempt::new(api.via(), "");
        let answer = with(refused(&*api, refusal, &id, &attempt), ALLOW, names(&allowed));
        let answer = if allowed.contains(&Method::PATCH) { accepting(answer) } else { answer };
        async move { answer }
    })
}

/// Says which media types of changes are taken.
pub(super) fn accepting(answer: Response) -> Response {
    with(answer, ACCEPT_PATCH, HeaderValue::from_static(PATCHES))
}

/// Returns the names of methods. What supports GET supports HEAD.
fn names(methods: &[Method]) -> HeaderValue {
    let head = methods.contains(&Method::GET).then_some(&Method::HEAD);
    let names: Vec<_> = methods.iter().chain(head).map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).expect("methods are ASCII")
}
