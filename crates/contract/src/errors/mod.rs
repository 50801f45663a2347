//! Errors as callers see them: a stable code, a sentence, and what to do.

mod codes;
mod details;
mod malformed;

use ledger_domain::{InvalidField, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use codes::{Class, Code};
pub use details::{PROBLEM_JSON, ProblemDetails};
pub use malformed::read_json;
pub(crate) use malformed::shown;

/// An error on its way to a caller. Holds no secret and no text of the caller's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// One sentence on this very case.
    pub message: String,
    /// The field at fault, when one is.
    pub field: Option<String>,
    /// The version the stream is at, when that is what the caller got wrong.
    pub version: Option<u64>,
}

impl Problem {
    /// Makes a problem with the code's own summary as its sentence.
    pub fn new(code: Code) -> Self {
        Self::because(code, code.summary())
    }

    /// Makes a problem with a sentence of its own.
    pub fn because(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, version: None }
    }

    /// Returns the JSON form.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            error: ErrorBody {
                code: self.code.as_str().to_owned(),
                class: self.code.class().as_str().to_owned(),
                message: self.message.clone(),
                hint: hint(self.code).to_owned(),
                field: self.field.clone(),
                version: self.version,
                retry: self.code.class().retry(),
            },
        }
    }
}

/// The JSON form of a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// The error; its presence tells an error body from a reply.
    pub error: ErrorBody,
}

/// The parts of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Stable word; each has a page under `schemas/errors/`.
    pub code: String,
    /// What a caller can do about it.
    pub class: String,
    /// One sentence on this very case.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The field at fault, when one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The version the connection is at, when that is what the caller got wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether the same command, with the same command id, may succeed later.
    pub retry: bool,
}

/// Returns the first sentence of the code's "What to do" section.
pub fn hint(code: Code) -> &'static str {
    let (_, remedy) = code.page().split_once("## What to do\n").unwrap_or_default();
    remedy.trim().lines().next().unwrap_or_default()
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        Self {
            code: Code::FieldInvalid,
            message: invalid.to_string(),
            field: Some(invalid.field),
            version: None,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match &rejection {
            Rejection::ConnectionUnknown => Code::ConnectionUnknown,
            Rejection::ConnectionExists => Code::ConnectionExists,
            Rejection::VersionConflict { .. } => Code::VersionConflict,
            Rejection::ConnectionArchived => Code::ConnectionArchived,
            Rejection::ConnectionDisabled => Code::ConnectionDisabled,
            Rejection::ConnectionNotArchived => Code::ConnectionNotArchived,
            Rejection::ConnectionInUse { .. } => Code::ConnectionInUse,
            Rejection::AlreadyEnabled => Code::AlreadyEnabled,
            Rejection::AlreadyDisabled => Code::AlreadyDisabled,
            Rejection::HealthUnchanged => Code::HealthUnchanged,
            Rejection::NothingToChange => Code::NothingToChange,
            Rejection::SecretFieldUnknown { .. } => Code::SecretFieldUnknown,
            Rejection::GrantUnknown => Code::GrantUnknown,
            Rejection::DependentUnknown => Code::DependentUnknown,
            Rejection::PrincipalUnknown => Code::PrincipalUnknown,
            Rejection::PrincipalExists => Code::PrincipalExists,
            Rejection::ApiKeyUnknown => Code::ApiKeyUnknown,
            Rejection::VersionUnknown { .. } => Code::VersionUnknown,
            Rejection::Invalid(invalid) => return invalid.clone().into(),
        };
        let message = match &rejection {
            // What is not there and what the caller may not know of must sound the same; and the
            // name of a field may be a secret in the wrong place.
            Rejection::ConnectionUnknown | Rejection::SecretFieldUnknown { .. } => {
                code.summary().to_owned()
            }
            other => other.to_string(),
        };
        let mut problem = Self::because(code, message);
        match rejection {
            Rejection::VersionConflict { actual, .. }
            | Rejection::VersionUnknown { actual, .. } => problem.version = Some(actual.get()),
            Rejection::SecretFieldUnknown { field } => {
                problem.field = Some(shown(field.as_str()).to_owned());
            }
            _ => {}
        }
        problem
    }
}
