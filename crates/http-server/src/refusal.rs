//! The refusals that the server answers itself, before a request reaches a route.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response};
use ledger_contract::errors::{Code, Problem};

use crate::answer::problem;
use crate::request_id::{RequestId, X_REQUEST_ID};

/// The reason why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests.
    RateLimited(Duration),
    /// Too many invalid keys.
    LockedOut(Duration),
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
            Self::RateLimited(_) => Code::RateLimited,
            Self::LockedOut(_) => Code::CredentialLockout,
            Self::TooManyConnections => Code::TooManyConnections,
            Self::UriTooLong => Code::UriTooLong,
            Self::BodyTooSlow => Code::BodyTooSlow,
        }
    }

    /// Returns the answer.
    pub(crate) fn answer(&self, id: &RequestId) -> Response<Body> {
        let mut answer = problem(&Problem::new(self.code()), id);
        answer.headers_mut().insert(X_REQUEST_ID, id.header());
        if let Self::RateLimited(wait) | Self::LockedOut(wait) = self {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(*wait)));
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

/// Rounds up, so that a client that retries after this time is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (300_000, 300)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
    }
}
