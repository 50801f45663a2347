//! Why something was not done.

use ledger_contract::errors::ErrorBody;

/// Why a command or a question got no good answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The ledger answered no.
    #[error("{}", .0.message)]
    Problem(Box<ErrorBody>),
    /// The ledger or NATS was not reached, so nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// No answer came in time. A command may have been executed all the same: send it again under
    /// the same command id to find out.
    #[error("{0}")]
    Unanswered(String),
    /// An answer that cannot be understood, or a setting that cannot be used.
    #[error("{0}")]
    Internal(String),
}

impl ClientError {
    /// Tells whether the same command, under the same command id, may succeed later.
    pub fn retry(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.retry,
            Self::Unavailable(_) | Self::Unanswered(_) => true,
            Self::Internal(_) => false,
        }
    }

    /// Returns the stable code, when the ledger gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            Self::Unavailable(_) | Self::Unanswered(_) | Self::Internal(_) => None,
        }
    }
}
