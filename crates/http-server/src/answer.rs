//! Building answers: a JSON body, or a problem.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Class, Code, PROBLEM_JSON, Problem};

use crate::request_id::RequestId;

const JSON: &str = "application/json";
/// `Cache-Control` of answers with a version: only the client may cache them, and it must
/// revalidate.
pub const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");

/// Returns an answer whose body is JSON.
pub fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    of_type(status, HeaderValue::from_static(JSON), body)
}

/// Returns an answer with a body of the given media type.
pub fn of_type(status: StatusCode, media_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFFING);
    response
}

/// Adds a header.
pub fn with(mut response: Response, name: HeaderName, value: HeaderValue) -> Response {
    response.headers_mut().insert(name, value);
    response
}

/// Returns the answer for a refusal, as problem details.
pub fn problem(problem: &Problem, request: &RequestId) -> Response {
    let details = problem.details(request.as_str());
    let body = serde_json::to_vec(&details).expect("a problem has a JSON form");
    refusal(problem, details.status, PROBLEM_JSON, body)
}

/// Returns the answer for a refusal with another API's body, and the HTTP headers that belong to
/// it.
pub fn refusal(
    problem: &Problem,
    status: u16,
    media_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = of_type(status, HeaderValue::from_static(media_type), body);
    let headers = response.headers_mut();
    match problem.code.class() {
        Class::Unauthenticated => {
            headers.insert(WWW_AUTHENTICATE, challenge(problem.code));
        }
        class @ (Class::Busy | Class::Unavailable) => {
            let usual = if class == Class::Busy { 1 } else { 5 };
            let seconds = problem.retry_after_seconds.unwrap_or(usual);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        _ => {}
    }
    response
}

fn challenge(code: Code) -> HeaderValue {
    HeaderValue::from_static(match code {
        Code::CredentialMissing => r#"Bearer realm="connection-ledger""#,
        _ => r#"Bearer realm="connection-ledger", error="invalid_token""#,
    })
}
