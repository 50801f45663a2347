//! Why somebody could not sign in.

use ledger_outgoing::SendError;

/// Error codes of the issuer that are repeated (RFC 6749, OpenID Connect Core).
const KNOWN: [&str; 14] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "login_required",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// Why somebody could not sign in. No part of what a browser or the issuer sent is in it, except
/// for an error code that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// No attempt, another browser's, or one that took too long.
    #[error("this sign-in was not begun in this browser, or more than ten minutes ago")]
    NotBegun,
    /// The answer names another issuer (RFC 9207).
    #[error("another identity provider answered than the one that was asked")]
    OtherIssuer,
    /// The person or the issuer said no.
    #[error("access was denied at the identity provider")]
    Denied,
    /// The issuer answered with an error.
    #[error("the identity provider reports {0}")]
    Reported(&'static str),
    /// The issuer did not take the code.
    #[error("the identity provider does not accept the sign-in: {0}")]
    Refused(&'static str),
    /// An answer is not what it should be.
    #[error("the answer of the identity provider is not complete")]
    Malformed,
    /// The ID token does not prove who signed in for this attempt.
    #[error("the identity provider's answer does not prove who signed in")]
    Unproven,
    /// The issuer cannot be reached.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    /// The keys by which the ID token would be checked are not there.
    #[error("the keys of the identity provider are not available")]
    NoKeys,
    /// Too many people sign in at the same time.
    #[error("too many people are signing in")]
    Busy,
}

impl SignInError {
    /// Returns whether trying again in a while may help.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::NoKeys
                | Self::Busy
                | Self::Reported("server_error" | "temporarily_unavailable")
        )
    }

    pub(super) fn of_provider(code: &str) -> Self {
        match known(code) {
            "access_denied" => Self::Denied,
            code => Self::Reported(code),
        }
    }

    pub(super) fn refused(code: &str) -> Self {
        Self::Refused(known(code))
    }

    pub(super) fn unreachable(error: &SendError) -> Self {
        Self::Unreachable(error.in_short())
    }
}

fn known(code: &str) -> &'static str {
    KNOWN.into_iter().find(|known| *known == code).unwrap_or("an unknown error")
}
