//! Routing of requests to handlers.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use ledger_http_server::answer::with;
use ledger_http_server::request_id::RequestId;

/// Returns a router of handlers, each at its method and path. `method_not_allowed` answers requests
/// with any other method; it receives the methods that the path supports.
pub fn router<H, Answer, Refuse>(
    handlers: impl IntoIterator<Item = (Method, &'static str, H)>,
    method_not_allowed: Refuse,
) -> Router
where
    H: Fn(Request, RequestId) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response> + Send + 'static,
    Refuse: Fn(&[Method], &RequestId) -> Response + Clone + Send + Sync + 'static,
{
    let mut paths: BTreeMap<&'static str, Vec<(Method, H)>> = BTreeMap::new();
    for (method, path, handler) in handlers {
        paths.entry(path).or_default().push((method, handler));
    }
    paths.into_iter().fold(Router::new(), |router, (path, handlers)| {
        router.route(path, methods(handlers, method_not_allowed.clone()))
    })
}

fn methods<H, Answer, Refuse>(
    handlers: Vec<(Method, H)>,
    method_not_allowed: Refuse,
) -> MethodRouter
where
    H: Fn(Request, RequestId) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response> + Send + 'static,
    Refuse: Fn(&[Method], &RequestId) -> Response + Clone + Send + Sync + 'static,
{
    let allowed: Vec<Method> = handlers.iter().map(|(method, _)| method.clone()).collect();
    let methods = handlers.into_iter().fold(MethodRouter::new(), |methods, (method, handler)| {
        let filter = MethodFilter::try_from(method).expect("routes have the methods of HTTP");
        methods.on(filter, move |request: Request| {
            let id = RequestId::of_request(&request);
            handler(request, id)
        })
    });
    methods.fallback(move |request: Request| {
        let answer = method_not_allowed(&allowed, &RequestId::of_request(&request));
        async move { answer }
    })
}

/// Adds the `Allow` header to a refusal.
pub fn allow<'a>(refusal: Response, methods: impl IntoIterator<Item = &'a str>) -> Response {
    let methods: Vec<_> = methods.into_iter().collect();
    let allowed = HeaderValue::from_str(&methods.join(", ")).expect("methods are ASCII");
    with(refusal, ALLOW, allowed)
}
