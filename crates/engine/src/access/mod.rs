//! Authentication and authorization.
//!
//! A credential is checked once, where the request arrives, and becomes a [`Caller`], which
//! accompanies every operation of the engine. Only what a grant of the caller names is permitted.

mod authorize;
mod bootstrap;
mod caller;
mod delegation;
mod directory;
mod endings;
mod keys;
mod live_caller;
mod token;
mod uses;

pub use caller::Caller;
pub use live_caller::LiveCaller;
pub use token::VerifyToken;

pub(crate) use caller::grant_allows;

pub(crate) use authorize::{Permit, connection_unknown};
pub(crate) use directory::PrincipalDirectory;
pub(crate) use keys::new_key;
pub(crate) use token::TokenVerifier;
pub(crate) use uses::{LAST_USE_INTERVAL, UseKeeper};

use std::sync::Arc;

use crate::engine::Engine;
use crate::errors::AuthenticateError;

impl Engine {
    /// Verifies the value of an `Authorization` header and returns the caller.
    ///
    /// Only the holder of the whole key learns that it has expired or was revoked.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, AuthenticateError> {
        let header = authorization.ok_or(AuthenticateError::Missing)?;
        let (scheme, key) = header.trim().split_once(' ').unwrap_or(("", ""));
        if !scheme.eq_ignore_ascii_case("bearer") || key.trim().is_empty() {
            return Err(AuthenticateError::Unknown);
        }
        let key = key.trim();
        if keys::has_key_prefix(key) {
            return self.authenticate_key(key);
        }
        let caller = self.shared.tokens.verify(key)?;
        self.shared.directory.check_token(&caller)?;
        Ok(caller)
    }

    /// Accepts an issuer's tokens in addition to API keys from now on.
    pub fn set_token_verifier(&self, verifier: Arc<dyn VerifyToken>) {
        self.shared.tokens.set(verifier);
    }

    /// Verifies an API key and returns the caller. Errors: as [`Self::authenticate`].
    pub fn authenticate_key(&self, key: &str) -> Result<Caller, AuthenticateError> {
        let id = keys::id_of(key).ok_or(AuthenticateError::Unknown)?;
        self.shared.directory.caller(&id, &keys::digest(key), self.clock().now())
    }
}
