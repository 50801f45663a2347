//! Why a credential does not open the ledger.

use super::Forbidden;

/// Why nobody is known by a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// There is none.
    #[error("there is no credential")]
    Missing,
    /// It is no key that the ledger issued. Which part of it is wrong is not told.
    #[error("the API key is not known")]
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
    /// It is no token that the issuer signed for this ledger.
    #[error("the token does not open this ledger")]
    TokenInvalid,
    /// Tokens cannot be checked, because the keys of their issuer are not there.
    #[error("tokens cannot be checked now")]
    TokensUnavailable,
}

/// Why a caller who was let in before may go on no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiveCallerError {
    /// The credential has ended.
    #[error(transparent)]
    Credential(#[from] AuthenticateError),
    /// The caller lost the right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}
