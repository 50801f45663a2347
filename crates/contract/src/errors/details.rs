//! Problems as HTTP tells them: RFC 9457 problem details with members of our own.

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
    /// What the code means, the same at every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence on this very case.
    pub detail: String,
    /// Stable word; each has a page under `schemas/errors/`.
    pub code: String,
    /// What a caller can do about it.
    pub class: String,
    /// The field, parameter or header at fault, when one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The version the connection is at, when that is what the caller got wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What to do.
    pub hint: String,
    /// Whether the same request, with the same idempotency key, may succeed later.
    pub retry: bool,
    /// The request, as the answer's `X-Request-Id` names it.
    pub request_id: String,
}

impl Problem {
    /// Returns the form in which HTTP tells it.
    pub fn details(&self, request_id: &str) -> ProblemDetails {
        let code = self.code;
        ProblemDetails {
            r#type: format!("urn:connledger:error:{code}"),
            title: code.summary().to_owned(),
            status: code.status(),
            detail: self.message.clone(),
            code: code.as_str().to_owned(),
            class: code.class().as_str().to_owned(),
            field: self.field.clone(),
            version: self.version,
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
