//! Errors of the client.

use ledger_contract::errors::ErrorBody;

/// Why a command or query failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The ledger refused the request.
    #[error("{}", .0.message)]
    Problem(Box<ErrorBody>),
    /// The ledger or NATS could not be reached, so nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// The NATS server refused the login.
    #[error("{0}")]
    LoginRefused(String),
    /// No answer arrived in time. A command may have been executed: send it again with the same
    /// command id to find out.
    #[error("{0}")]
    Unanswered(String),
    /// The ledger's curve key is not known, so the request would have been sent in the clear.
    #[error(
        "the ledger's curve key is not known, and the API key and secrets would be readable on NATS"
    )]
    Unsealed,
    /// An answer that cannot be parsed, or a setting that cannot be used.
    #[error("{0}")]
    Internal(String),
}

impl ClientError {
    /// Returns whether the same command, with the same command id, may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.retry,
            Self::Unavailable(_) | Self::Unanswered(_) => true,
            Self::LoginRefused(_) | Self::Unsealed | Self::Internal(_) => false,
        }
    }

    /// Returns the ledger's stable error code, if there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            Self::Unavailable(_)
            | Self::LoginRefused(_)
            | Self::Unanswered(_)
            | Self::Unsealed
            | Self::Internal(_) => None,
        }
    }
}
