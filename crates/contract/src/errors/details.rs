//! Problems over HTTP: RFC 9457 problem details with additional members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, hint};

/// Media type of [`ProblemDetails`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error body over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemDetails {
    /// `urn:connledger:error:` and the code.
    pub r#type: String,
    /// Meaning of the code, the same at every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence about this occurrence.
    pub detail: String,
    /// Stable code; each has a page under `schemas/errors/`.
    pub code: String,
    /// Class of the code, which says what a caller can do about it.
    pub class: String,
    /// The field, parameter or header that caused the error, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The current version of the connection, if the caller expected another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The last position of the log, if the caller gave one that it does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The history to which that position belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// What the caller can do, in one sentence.
    pub hint: String,
    /// Whether the same request, with the same idempotency key, may succeed later.
    pub retry: bool,
    /// Id of the request, the same as in the answer's `X-Request-Id`.
    pub request_id: String,
}

impl Problem {
    /// Returns the problem as an HTTP error body.
    pub fn details(&self, request_id: &str) -> ProblemDetails {
        let code = self.code;
        let (position, incarnation) = self.end_members();
        ProblemDetails {
            r#type: format!("urn:connledger:error:{code}"),
            title: code.summary().to_owned(),
            status: code.status(),
            detail: self.message.clone(),
            code: code.as_str().to_owned(),
            class: code.class().as_str().to_owned(),
            field: self.field.clone(),
            version: self.version,
            position,
            incarnation,
            hint: hint(code).to_owned(),
            retry: code.class().retry(),
            request_id: request_id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Code;

    #[test]
    fn details_name_the_code_the_status_and_the_request() {
        let problem = Problem { version: Some(7), ..Problem::because(Code::SlugTaken, "taken") };
        let details = problem.details("r-1");
        assert_eq!(details.r#type, "urn:connledger:error:slug_taken");
        assert_eq!((details.status, details.detail.as_str()), (409, "taken"));
        assert_eq!((details.version, details.request_id.as_str()), (Some(7), "r-1"));
        assert!(!details.hint.is_empty() && !details.retry);
    }
}
