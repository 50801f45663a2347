//! Verifies a token: form, algorithm, key, signature and claims, in this order.

use std::fmt;
use std::sync::Arc;

use ledger_engine::{AuthenticateError, Caller, Clock, VerifyToken};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tracing::debug;

use crate::algorithm::Algorithm;
use crate::claims::{Expectation, Fault};
use crate::keys::{Held, KeyLookup, KeySet};
use crate::mark::AccessMark;
use crate::options::TokenOptions;
use crate::parts::{Parts, TokenKind};
use crate::rights::Rights;
use crate::seen::Seen;

/// Verifies the tokens of one issuer.
pub(crate) struct Verifier {
    expectation: Expectation,
    algorithms: Vec<Algorithm>,
    access_mark: Option<AccessMark>,
    rights: Rights,
    held: Arc<Held>,
    seen: Mutex<Seen>,
    /// Key of the token digests, which are therefore useless outside this process.
    digest_key: [u8; 32],
    clock: Clock,
}

impl Verifier {
    pub(crate) fn new(options: TokenOptions, held: Arc<Held>, clock: Clock) -> Self {
        let TokenOptions { issuer, audiences, algorithms, lifetime_max, rights, .. } = options;
        Self {
            expectation: Expectation { issuer, audiences, lifetime_max },
            algorithms,
            access_mark: options.access_mark,
            rights,
            held,
            seen: Mutex::default(),
            digest_key: rand::random(),
            clock,
        }
    }

    /// Splits a token whose algorithm is permitted.
    fn parts<'a>(&self, token: &'a str) -> Result<Parts<'a>, AuthenticateError> {
        let parts = Parts::read(token).map_err(refused)?;
        if !self.algorithms.contains(&parts.algorithm) {
            return Err(refused("its algorithm is not permitted by the configuration"));
        }
        Ok(parts)
    }

    /// Returns the claims of a token that the issuer has signed, whatever they say.
    fn signed_claims(
        &self,
        parts: &Parts<'_>,
        set: &KeySet,
    ) -> Result<Map<String, Value>, AuthenticateError> {
        let key = match set.find(parts.key_id.as_deref(), parts.algorithm) {
            KeyLookup::Key(key) => key,
            KeyLookup::Unfit => return Err(refused("no key of the issuer supports its algorithm")),
            KeyLookup::Unknown => {
                let error = self.held.lacking();
                debug!(%error, "a token names an unknown key");
                return Err(error);
            }
        };
        if !key.has_signed(parts.algorithm, parts.signed, parts.signature) {
            return Err(refused("its signature is invalid"));
        }
        parts.claims().map_err(refused)
    }

    /// Returns whom an ID token is about, if it was given out to the expected client for one
    /// attempt to sign in, of which only the issuer and the browser know the nonce. It opens
    /// nothing.
    pub(crate) fn identify(
        &self,
        token: &str,
        expectation: &Expectation,
        nonce: &str,
    ) -> Result<String, AuthenticateError> {
        let parts = self.parts(token)?;
        if parts.kind == TokenKind::Access {
            return Err(refused("it is an access token in place of an ID token"));
        }
        let set = self.held.current()?;
        let claims = self.signed_claims(&parts, &set)?;
        let bearer = expectation.check(&claims, self.clock.now()).map_err(unexpected)?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("nonce") != Some(nonce) {
            return Err(refused("it is of another attempt to sign in"));
        }
        let given_to = claims.get("azp").map(|client| client.as_str().unwrap_or_default());
        if given_to.is_some_and(|client| !expectation.audiences.iter().any(|own| own == client)) {
            return Err(refused("it was given out to another client"));
        }
        Ok(bearer.subject.as_str().to_owned())
    }
}

impl VerifyToken for Verifier {
    fn verify(&self, token: &str) -> Result<Caller, AuthenticateError> {
        let parts = self.parts(token)?;
        let set = self.held.current()?;
        let digest = *blake3::keyed_hash(&self.digest_key, token.as_bytes()).as_bytes();
        let now = self.clock.now();
        if let Some(caller) = self.seen.lock().get(&digest, set.digest(), now) {
            return Ok(caller);
        }
        let claims = self.signed_claims(&parts, &set)?;
        let is_marked = || self.access_mark.as_ref().is_some_and(|mark| mark.is_on(&claims));
        if parts.kind == TokenKind::Unstated && !is_marked() {
            return Err(refused(
                "neither its type nor a configured claim says that it is an access token",
            ));
        }
        let bearer = self.expectation.check(&claims, now).map_err(unexpected)?;
        let caller = Caller::new(bearer.actor, self.rights.of(&claims))
            .with_credential(bearer.credential)
            .with_token(bearer.subject, bearer.token_id)
            .until(bearer.until);
        self.seen.lock().put(digest, *set.digest(), caller.clone(), bearer.until);
        Ok(caller)
    }
}

fn unexpected(fault: Fault) -> AuthenticateError {
    match fault {
        Fault::Expired => AuthenticateError::TokenExpired,
        Fault::Wrong(reason) => refused(reason),
    }
}

/// Returns the error for an invalid token. Only the log has the reason.
fn refused(reason: &'static str) -> AuthenticateError {
    debug!(reason, "token rejected");
    AuthenticateError::TokenInvalid
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("expectation", &self.expectation).finish_non_exhaustive()
    }
}
