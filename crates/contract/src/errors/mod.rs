//! Errors as callers see them: a stable code, a message and a hint.

mod codes;
mod details;
mod malformed;

use ledger_domain::{InvalidField, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resume::ResumePoint;
use crate::time;

pub use codes::{Class, Code};
pub use details::{PROBLEM_JSON, ProblemDetails};
pub use malformed::read_json;
pub use malformed::shown;

/// An error for a caller. Never contains a secret or text from the caller's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// One sentence about this occurrence.
    pub message: String,
    /// The field that caused the error, if one did.
    pub field: Option<String>,
    /// The current version of the stream, if the caller expected another.
    pub version: Option<u64>,
    /// The end of the log, if the caller gave a position that it does not have.
    pub end: Option<Box<ResumePoint>>,
    /// How long to wait before the same request is sent again, if that is known.
    pub retry_after_seconds: Option<u64>,
    /// The fault of the ledger behind the problem, for the operator's log. No caller sees it.
    pub internal: Option<Box<str>>,
}

impl Problem {
    /// Returns a problem with the code's summary as its message.
    pub fn new(code: Code) -> Self {
        Self::because(code, code.summary())
    }

    /// Returns a problem with its own message.
    pub fn because(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            version: None,
            end: None,
            retry_after_seconds: None,
            internal: None,
        }
    }

    /// Adds the end of the log.
    #[must_use]
    pub fn with_end(self, end: ResumePoint) -> Self {
        Self { end: Some(Box::new(end)), ..self }
    }

    /// Returns the last position of the log, and the name of its history, if they are told.
    fn end_members(&self) -> (Option<u64>, Option<String>) {
        let end = self.end.as_deref();
        let incarnation = end.and_then(|end| end.incarnation);
        (end.map(|end| end.position.get()), incarnation.map(|name| name.to_string()))
    }

    /// Returns the JSON form.
    pub fn body(&self) -> ProblemBody {
        let (position, incarnation) = self.end_members();
        ProblemBody {
            error: ErrorBody {
                code: self.code.as_str().to_owned(),
                class: self.code.class().as_str().to_owned(),
                message: self.message.clone(),
                hint: hint(self.code).to_owned(),
                field: self.field.clone(),
                version: self.version,
                position,
                incarnation,
                retry: self.code.class().retry(),
                retry_after_seconds: self.retry_after_seconds,
            },
        }
    }
}

/// The JSON form of a [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// The error. Only error bodies have this field.
    pub error: ErrorBody,
}

/// The parts of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Stable code; each has a page under `schemas/errors/`.
    pub code: String,
    /// Class of the code, which says what a caller can do about it.
    pub class: String,
    /// One sentence about this occurrence.
    pub message: String,
    /// What the caller can do, in one sentence.
    pub hint: String,
    /// The field that caused the error, if one did.
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
    /// Whether the same command, with the same command id, may succeed later.
    pub retry: bool,
    /// How long to wait before that, in seconds, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// Returns the first sentence of the code's "What to do" section.
pub fn hint(code: Code) -> &'static str {
    let (_, remedy) = code.page().split_once("## What to do\n").unwrap_or_default();
    remedy.trim().lines().next().unwrap_or_default()
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        let problem = Self::because(Code::FieldInvalid, invalid.to_string());
        Self { field: Some(invalid.field), ..problem }
    }
}

/// Returns the code of a refusal.
fn code_of(rejection: &Rejection) -> Code {
    match rejection {
        Rejection::ConnectionUnknown => Code::ConnectionUnknown,
        Rejection::ConnectionExists => Code::ConnectionExists,
        Rejection::VersionConflict { .. } => Code::VersionConflict,
        Rejection::ConnectionArchived => Code::ConnectionArchived,
        Rejection::ConnectionErased => Code::ConnectionErased,
        Rejection::ConnectionDisabled => Code::ConnectionDisabled,
        Rejection::ConnectionNotArchived => Code::ConnectionNotArchived,
        Rejection::ConnectionInUse { .. } => Code::ConnectionInUse,
        Rejection::AlreadyEnabled => Code::AlreadyEnabled,
        Rejection::AlreadyDisabled => Code::AlreadyDisabled,
        Rejection::HealthUnchanged => Code::HealthUnchanged,
        Rejection::RefreshSuperseded => Code::RefreshSuperseded,
        Rejection::NothingToChange => Code::NothingToChange,
        Rejection::SecretFieldUnknown { .. } => Code::SecretFieldUnknown,
        Rejection::FormerInUse { .. } => Code::FormerInUse,
        Rejection::FormerUnknown => Code::FormerUnknown,
        Rejection::GenerationCompromised { .. } => Code::GenerationCompromised,
        Rejection::GenerationRetired { .. } => Code::GenerationRetired,
        Rejection::GenerationUnknown { .. } => Code::GenerationUnknown,
        Rejection::ConsumerUnknown => Code::ConsumerUnknown,
        Rejection::ConsumerTaken => Code::ConsumerTaken,
        Rejection::ConsumersFull(_) => Code::ConsumersFull,
        Rejection::HandoverUnknown => Code::HandoverUnknown,
        Rejection::HandoverUsed { .. } => Code::HandoverUsed,
        Rejection::HandoverEnded(_) => Code::HandoverEnded,
        Rejection::HandoverForOther => Code::HandoverForOther,
        Rejection::HandoversFull(_) => Code::HandoversFull,
        Rejection::PolicyUnknown => Code::PolicyUnknown,
        Rejection::PoliciesFull(_) => Code::PoliciesFull,
        Rejection::AlertUnknown => Code::AlertUnknown,
        Rejection::AlertExists => Code::AlertExists,
        Rejection::AlertDisabled => Code::AlertDisabled,
        Rejection::AlertUnsigned => Code::AlertUnsigned,
        Rejection::AlertsFull(_) => Code::AlertsFull,
        Rejection::SecretLeaseEnded => Code::SecretLeaseEnded,
        Rejection::SecretLeasesFull { .. } => Code::SecretLeasesFull,
        Rejection::GrantUnknown => Code::GrantUnknown,
        Rejection::DependentUnknown => Code::DependentUnknown,
        Rejection::PrincipalUnknown => Code::PrincipalUnknown,
        Rejection::PrincipalExists => Code::PrincipalExists,
        Rejection::ApiKeyUnknown => Code::ApiKeyUnknown,
        Rejection::VersionUnknown { .. } => Code::VersionUnknown,
        Rejection::MasterKeyUnknown { .. } => Code::MasterKeyUnknown,
        Rejection::MasterKeyRetired { .. } => Code::MasterKeyRetired,
        Rejection::MasterKeyLacking { .. } => Code::MasterKeyLacking,
        Rejection::MasterKeyActive { .. } | Rejection::MasterKeyInUse { .. } => {
            Code::MasterKeyInUse
        }
        Rejection::Sealed => Code::Sealed,
        Rejection::Invalid(_) => Code::FieldInvalid,
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        if let Rejection::Invalid(invalid) = rejection {
            return invalid.into();
        }
        let code = code_of(&rejection);
        let message = match &rejection {
            // A missing connection and a hidden one must give the same message, and the name of a
            // field may be a misplaced secret.
            Rejection::ConnectionUnknown | Rejection::SecretFieldUnknown { .. } => {
                code.summary().to_owned()
            }
            Rejection::HandoverUsed { at } => format!(
                "the handover was used before, at {}; if that was not who it was meant for, replace \
                 the secret, or revoke the key",
                time::format(*at)
            ),
            other => other.to_string(),
        };
        let mut problem = Self::because(code, message);
        match rejection {
            Rejection::VersionConflict { actual, .. }
            | Rejection::VersionUnknown { actual, .. } => problem.version = Some(actual.get()),
            Rejection::SecretFieldUnknown { field }
            | Rejection::FormerInUse { field }
            | Rejection::GenerationCompromised { field, .. }
            | Rejection::GenerationRetired { field }
            | Rejection::GenerationUnknown { field } => {
                problem.field = Some(shown(field.as_str()).to_owned());
            }
            _ => {}
        }
        problem
    }
}
