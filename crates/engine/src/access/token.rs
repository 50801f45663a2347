//! Credentials that are no API keys: tokens, which something outside of the engine checks.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Caller;
use crate::errors::AuthenticateError;

/// Checks tokens of an issuer.
pub trait VerifyToken: fmt::Debug + Send + Sync {
    /// Checks a token and returns who it stands for. Called at every request, by threads that must
    /// not wait, so it must be quick.
    fn verify(&self, token: &str) -> Result<Caller, AuthenticateError>;
}

/// What checks tokens, if anything does.
#[derive(Debug, Default)]
pub(crate) struct TokenVerifier(RwLock<Option<Arc<dyn VerifyToken>>>);

impl TokenVerifier {
    pub(crate) fn set(&self, verifier: Arc<dyn VerifyToken>) {
        *self.0.write() = Some(verifier);
    }

    /// Checks a credential that is no API key.
    pub(crate) fn verify(&self, token: &str) -> Result<Caller, AuthenticateError> {
        let verifier = self.0.read().clone();
        verifier.ok_or(AuthenticateError::Unknown)?.verify(token)
    }
}
