//! Access tokens, which are verified outside the engine.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Caller;
use crate::errors::AuthenticateError;

/// Verifies access tokens of an issuer.
pub trait VerifyToken: fmt::Debug + Send + Sync {
    /// Verifies a token and returns the caller. It is called on every request, by threads that must
    /// not block, so it must be fast.
    fn verify(&self, token: &str) -> Result<Caller, AuthenticateError>;
}

/// The token verifier, if one is set.
#[derive(Debug, Default)]
pub(crate) struct TokenVerifier(RwLock<Option<Arc<dyn VerifyToken>>>);

impl TokenVerifier {
    pub(crate) fn set(&self, verifier: Arc<dyn VerifyToken>) {
        *self.0.write() = Some(verifier);
    }

    /// Verifies a credential that is not an API key.
    pub(crate) fn verify(&self, token: &str) -> Result<Caller, AuthenticateError> {
        let verifier = self.0.read().clone();
        verifier.ok_or(AuthenticateError::Unknown)?.verify(token)
    }
}
