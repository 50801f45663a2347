//! Errors of the client.

use std::time::Duration;

use ledger_contract::errors::{Code, ErrorBody};

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
    /// NATS is there and no ledger is, so nothing was done.
    #[error("no ledger answers on NATS under the prefix `{0}`")]
    NoLedger(String),
    /// The NATS server refused the login, at first or when the connection was lost.
    #[error("{0}")]
    LoginRefused(String),
    /// The NATS server does not permit this user to send the request.
    #[error("{0}")]
    NotPermitted(String),
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
            Self::Unavailable(_) | Self::NoLedger(_) | Self::Unanswered(_) => true,
            Self::LoginRefused(_) | Self::NotPermitted(_) | Self::Unsealed | Self::Internal(_) => {
                false
            }
        }
    }

    /// Returns whether the ledger cannot be reached at the moment, so that what was learned from it
    /// before is the best there is.
    pub(crate) fn is_away(&self) -> bool {
        self.retry() || matches!(self, Self::LoginRefused(_))
    }

    /// Returns how long to wait before the request is sent again, if the ledger said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem(problem) => problem.retry_after_seconds.map(Duration::from_secs),
            _ => None,
        }
    }

    /// Returns how long to wait if the request only came too soon after others.
    pub(crate) fn exceeded_rate_for(&self) -> Option<Duration> {
        let is_rate = self.code() == Some(Code::RateLimited.as_str());
        self.retry_after().filter(|_| is_rate)
    }

    /// Returns whether who answered may not write now.
    pub(crate) fn is_not_owner(&self) -> bool {
        self.code() == Some(Code::NotOwner.as_str())
    }

    /// Returns the ledger's stable error code, if there is one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            Self::Unavailable(_)
            | Self::NoLedger(_)
            | Self::LoginRefused(_)
            | Self::NotPermitted(_)
            | Self::Unanswered(_)
            | Self::Unsealed
            | Self::Internal(_) => None,
        }
    }
}
