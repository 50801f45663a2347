//! Errors of authentication.

use super::Forbidden;

/// Why a credential was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No credential was sent.
    #[error("there is no credential")]
    Missing,
    /// The ledger did not issue this key. The error does not tell which part of it is wrong.
    #[error("the API key is unknown")]
    Unknown,
    /// The key was revoked, or its principal disabled.
    #[error("the API key was revoked, or its principal disabled")]
    Revoked,
    /// The key has expired.
    #[error("the API key has expired")]
    Expired,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// The token was blocked, or all tokens of its subject.
    #[error("the token was blocked, or all tokens of its subject")]
    TokenBlocked,
    /// The issuer did not sign this token for this ledger.
    #[error("the token is not valid for this ledger")]
    TokenInvalid,
    /// Tokens cannot be verified because the issuer's keys are not available.
    #[error("tokens cannot be verified at the moment")]
    TokensUnavailable,
}

impl AuthenticateError {
    /// Returns whether the credential may be a guess. An expired, revoked or blocked one is none:
    /// the ledger says so only of a complete credential. One that cannot be checked may be valid.
    pub fn is_guess(self) -> bool {
        match self {
            Self::Unknown | Self::TokenInvalid => true,
            Self::Missing
            | Self::Revoked
            | Self::Expired
            | Self::TokenExpired
            | Self::TokenBlocked
            | Self::TokensUnavailable => false,
        }
    }
}

/// Why the caller of a long-lived request may not continue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiveCallerError {
    /// The credential has expired or been revoked.
    #[error(transparent)]
    Credential(#[from] AuthenticateError),
    /// The caller lost the right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}
