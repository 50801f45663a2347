//! Correct refusals: the caller has to act.

use crate::ids::Version;
use crate::text::{FieldName, InvalidField};

/// Why a command was refused. Each has a stable public code and a page of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such connection.
    #[error("there is no such connection")]
    ConnectionUnknown,
    /// A connection with this id exists already.
    #[error("the connection exists already")]
    ConnectionExists,
    /// The caller expected another version.
    #[error("the stream is at version {actual}, the command expected {expected}")]
    VersionConflict {
        /// What the caller expected, in words.
        expected: String,
        /// Where the stream is.
        actual: Version,
    },
    /// Nothing but `restore` changes an archived connection.
    #[error("the connection is archived; restore it first")]
    ConnectionArchived,
    /// A connection that is switched off keeps its secrets.
    #[error("the connection is disabled; enable it first")]
    ConnectionDisabled,
    /// Only an archived connection can be restored.
    #[error("the connection is not archived")]
    ConnectionNotArchived,
    /// Something depends on the connection.
    #[error("{dependents} dependents still use the connection")]
    ConnectionInUse {
        /// The limit.
        dependents: usize,
    },
    /// It was enabled before.
    #[error("it is enabled already")]
    AlreadyEnabled,
    /// It was disabled before.
    #[error("it is disabled already")]
    AlreadyDisabled,
    /// The same health, for the same reason, was reported before.
    #[error("the connection has this health, for this reason, already")]
    HealthUnchanged,
    /// The command would change nothing.
    #[error("the command would change nothing")]
    NothingToChange,
    /// A secret that does not exist cannot be rotated.
    #[error("the connection has no secret field {field}")]
    SecretFieldUnknown {
        /// The field named.
        field: FieldName,
    },
    /// There is no grant to revoke or to limit.
    #[error("there is no such grant")]
    GrantUnknown,
    /// There is no such dependent.
    #[error("there is no such dependent")]
    DependentUnknown,
    /// There is no earlier version of that number.
    #[error("version {to} is not an earlier version; the connection is at {actual}")]
    VersionUnknown {
        /// The version named.
        to: Version,
        /// Where the stream is.
        actual: Version,
    },
    /// There is no such principal.
    #[error("there is no such principal")]
    PrincipalUnknown,
    /// A principal of this name exists already.
    #[error("the principal exists already")]
    PrincipalExists,
    /// The principal has no such key, or it is revoked.
    #[error("the principal has no such key that is not revoked")]
    ApiKeyUnknown,
    /// The result would break a limit.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
}
