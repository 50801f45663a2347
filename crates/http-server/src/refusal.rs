//! The refusals that the server answers itself, before a request reaches a route.

use axum::body::{Body, to_bytes};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response};
use ledger_contract::errors::{Code, Problem};
use ledger_guard::Limited;

use crate::answer::problem;
use crate::request_id::{RequestId, X_REQUEST_ID};

/// The reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests or invalid keys.
    Limited(Limited),
    /// Too many connections.
    TooManyConnections,
    /// The path and query are too long.
    UriTooLong,
    /// The body did not arrive in time.
    BodyTooSlow,
}

impl Refusal {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Limited(limited) => limited.code(),
            Self::TooManyConnections => Code::TooManyConnections,
            Self::UriTooLong => Code::UriTooLong,
            Self::BodyTooSlow => Code::BodyTooSlow,
        }
    }

    /// Returns the answer.
    pub(crate) fn answer(&self, id: &RequestId) -> Response<Body> {
        let mut answer = problem(&Problem::new(self.code()), id);
        answer.headers_mut().insert(X_REQUEST_ID, id.header());
        if let Self::Limited(limited) = self {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limited.wait_seconds()));
        }
        answer
    }
}

/// Serializes an answer as HTTP/1, for a connection that is closed after it.
pub(crate) async fn written(answer: Response<Body>) -> Vec<u8> {
    let (parts, body) = answer.into_parts();
    // Bodies of refusals are in memory.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut text = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        text.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        text.extend_from_slice(b"\r\n");
    }
    let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    text.extend_from_slice(rest.as_bytes());
    text.extend_from_slice(&body);
    text
}
