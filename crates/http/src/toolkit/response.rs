//! Responses: what handlers answer with, and refusals.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Class, Code, PROBLEM_JSON, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::request_id::RequestId;

const JSON: &str = "application/json";
/// For what has a version: kept by the one who asked, and shown again only when it is the same.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");

/// What a handler answers with.
pub trait Output: Send {
    /// Status of the response.
    const STATUS: StatusCode = StatusCode::OK;

    /// Returns the schema of the body, when the document says anything of it.
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema>;

    /// Returns the response.
    fn into_response(self) -> Response;
}

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema + Send> Output for Json<T> {
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }

    fn into_response(self) -> Response {
        serialized(Self::STATUS, &self.0)
    }
}

/// A JSON body that shows what was made, and where it is.
#[derive(Debug)]
pub struct Created<T> {
    /// The path of what was made.
    pub location: String,
    /// What was made.
    pub body: T,
}

impl<T: Serialize + JsonSchema + Send> Output for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema> {
        Some(schemas.subschema_for::<T>())
    }

    fn into_response(self) -> Response {
        let location = HeaderValue::from_str(&self.location).expect("paths are ASCII");
        with(serialized(Self::STATUS, &self.body), LOCATION, location)
    }
}

/// A JSON body that the OpenAPI document does not describe.
#[derive(Debug)]
pub struct Unspecified<T>(pub T);

impl<T: Serialize + Send> Output for Unspecified<T> {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self) -> Response {
        serialized(Self::STATUS, &self.0)
    }
}

/// No body, where clients expect JSON all the same.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl Output for Empty {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self) -> Response {
        json(Self::STATUS, "")
    }
}

fn serialized(status: StatusCode, body: &impl Serialize) -> Response {
    json(status, serde_json::to_vec(body).expect("answers have a JSON form"))
}

/// Carries bytes that are JSON.
pub fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    of_type(status, HeaderValue::from_static(JSON), body)
}

/// Carries bytes of any type.
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

/// Carries a refusal.
pub(crate) fn problem(problem: &Problem, request: &RequestId) -> Response {
    let details = problem.details(request.as_str());
    let body = serde_json::to_vec(&details).expect("a problem has a JSON form");
    refusal(problem, details.status, PROBLEM_JSON, body)
}

/// Carries a refusal in another API's words, with the headers that HTTP has for it.
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
        Class::Busy => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Class::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
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
