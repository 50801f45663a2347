//! Authentication and authorization.
//!
//! A credential is checked where the request arrives, and becomes a [`Caller`], which accompanies
//! every operation of the engine. Only what a grant of the caller names is permitted.
//!
//! A request may take a while to arrive and to wait, and rights may be lost meanwhile. So they are
//! asked again where the decision is made: by the decider for commands, on its own latest state of
//! principals, and by [`Engine::reader`] for queries.

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

pub use caller::{Caller, Claim};
pub use live_caller::LiveCaller;
pub use token::VerifyToken;

pub(crate) use caller::grant_allows;

pub(crate) use authorize::{Permit, connection_unknown};
pub(crate) use directory::{PrincipalDirectory, caller_of, check_blocks, same_digest};
pub(crate) use keys::new_key;
pub(crate) use token::TokenVerifier;
pub(crate) use uses::{LAST_USE_INTERVAL, keep_uses};

use std::sync::Arc;

use ledger_contract::handover::{self, TOKEN_PREFIX};
use ledger_domain::principal::{Scope, Subject};

use crate::engine::Engine;
use crate::errors::{AuthenticateError, LiveCallerError};
use crate::handovers;

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
        if key.starts_with(TOKEN_PREFIX) {
            return self.authenticate_handover(key);
        }
        let caller = self.shared.tokens.verify(key)?;
        self.shared.directory.check_token(&caller)?;
        Ok(caller)
    }

    /// Gives a caller the rights that the credential has now.
    ///
    /// Errors: those of a credential that has expired, or been revoked or blocked, meanwhile.
    pub(crate) fn renew(&self, caller: &mut Caller) -> Result<(), AuthenticateError> {
        let (directory, now) = (&self.shared.directory, self.clock().now());
        caller.renew(now, directory.changes(), |caller| directory.again(caller, now)).map(drop)
    }

    /// Returns a caller whose credential was verified earlier, such as the holder of a session,
    /// with the rights that the credential has now. It counts as a use of the key.
    ///
    /// Errors: those of a credential that has expired, or been revoked or blocked, meanwhile.
    pub fn renewed(&self, caller: &Caller) -> Result<Caller, AuthenticateError> {
        let mut caller = caller.clone();
        self.renew(&mut caller)?;
        if let Some(key) = caller.key() {
            self.shared.directory.uses.note(key, self.clock().now());
        }
        Ok(caller)
    }

    /// Checks that a caller has a scope for the whole ledger now, however long ago the credential
    /// was verified.
    pub fn check_now(&self, caller: &Caller, scope: Scope) -> Result<(), LiveCallerError> {
        let mut caller = caller.clone();
        self.renew(&mut caller)?;
        Ok(caller.require(scope, Subject::Ledger)?)
    }

    /// Returns what a credential that was not accepted claims to be. The key is named if the ledger
    /// issued it, and the actor if the credential was once good.
    pub fn claim(&self, authorization: Option<&str>) -> Claim {
        let key = authorization.and_then(|header| Some(header.trim().split_once(' ')?.1.trim()));
        let Some((key, id)) = key.and_then(|key| Some((key, keys::id_of(key)?))) else {
            return Claim::default();
        };
        self.shared.directory.claim(id, || keys::digest(key))
    }

    /// Accepts an issuer's tokens in addition to API keys from now on.
    pub fn set_token_verifier(&self, verifier: Arc<dyn VerifyToken>) {
        self.shared.tokens.set(verifier);
    }

    /// Verifies the token of a handover. Whether it can still be used, is decided later, in order.
    fn authenticate_handover(&self, token: &str) -> Result<Caller, AuthenticateError> {
        let id = handover::id_of(token).ok_or(AuthenticateError::Unknown)?;
        let known = self.shared.handovers.known(&id, &handovers::digest(token));
        known.map(|_| Caller::of_handover(id, token)).ok_or(AuthenticateError::Unknown)
    }

    /// Verifies an API key and returns the caller. Errors: as [`Self::authenticate`].
    pub fn authenticate_key(&self, key: &str) -> Result<Caller, AuthenticateError> {
        let id = keys::id_of(key).ok_or(AuthenticateError::Unknown)?;
        self.shared.directory.caller(&id, &keys::digest(key), self.clock().now())
    }
}
