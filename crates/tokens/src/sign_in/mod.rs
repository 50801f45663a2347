//! Signing in with a browser at the issuer: OpenID Connect's authorization code flow, with PKCE.
//!
//! [`SignIn::begin`] makes the link on which a browser goes to the issuer, and [`SignIn::finish`]
//! takes what it comes back with. The outcome is an access token, which is then a credential like
//! any other; the ID token only proves that it was given out for this attempt.

mod answer;
mod attempt;
mod endpoints;
mod error;
mod options;

pub use answer::SignInAnswer;
pub use attempt::{ATTEMPT_MAX, SignInAttempt};
pub use error::SignInError;
pub use options::SignInOptions;
pub(crate) use options::Target;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_engine::{AuthenticateError, Clock};
use ledger_outgoing::{Client, Method, Url};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::claims::Expectation;
use crate::keys::Held;
use crate::verify::Verifier;
use answer::{Tokens, read_tokens};
use endpoints::{Discovery, Endpoints};

/// Codes that are exchanged at the same time.
const EXCHANGES_MAX: usize = 16;
/// How long a new key of the issuer is waited for.
const KEY_PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who signed in.
pub struct SignedIn {
    /// The access token, which is the credential.
    pub access_token: Zeroizing<String>,
    /// Whom the ID token is about.
    pub subject: String,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Signs people in at the issuer.
pub struct SignIn {
    options: SignInOptions,
    issuer: String,
    /// What an ID token must say.
    expectation: Expectation,
    client: Client,
    discovery: Discovery,
    verifier: Arc<Verifier>,
    held: Arc<Held>,
    exchanges: Semaphore,
    clock: Clock,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SignIn {
    pub(crate) fn new(target: Target, verifier: Arc<Verifier>, held: Arc<Held>) -> Self {
        let Target { options, issuer, description, client, lifetime_max, clock } = target;
        let audiences = vec![options.client_id.clone()];
        Self {
            expectation: Expectation { issuer: issuer.clone(), audiences, lifetime_max },
            discovery: Discovery::new(issuer.clone(), description),
            options,
            issuer,
            client,
            verifier,
            held,
            exchanges: Semaphore::new(EXCHANGES_MAX),
            clock,
        }
    }

    /// Returns the name of the issuer, for people.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns a new attempt, which the browser keeps, and the address to which it goes.
    ///
    /// # Errors
    /// The issuer does not say where people sign in.
    pub async fn begin(&self) -> Result<(SignInAttempt, String), SignInError> {
        let endpoints = self.discovery.find(&self.client, &self.clock).await?;
        let attempt = SignInAttempt::new(self.clock.now());
        let link = self.link(&endpoints, &attempt);
        Ok((attempt, link.into()))
    }

    fn link(&self, endpoints: &Endpoints, attempt: &SignInAttempt) -> Url {
        let mut link = endpoints.authorization.clone();
        let mut query = link.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", &self.options.redirect_uri)
            .append_pair("scope", &self.options.scope())
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        for (name, value) in &self.options.params {
            query.append_pair(name, value);
        }
        drop(query);
        link
    }

    /// Takes what a browser came back with, for the attempt that it kept.
    ///
    /// # Errors
    /// It is no answer to this attempt; the issuer refused or does not answer; what it gave out
    /// does not prove who signed in.
    pub async fn finish(
        &self,
        attempt: &SignInAttempt,
        answer: &SignInAnswer,
    ) -> Result<SignedIn, SignInError> {
        if !attempt.is_fresh(self.clock.now()) || !attempt.is_state(&answer.state) {
            return Err(SignInError::NotBegun);
        }
        if answer.issuer.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(SignInError::OtherIssuer);
        }
        if let Some(error) = &answer.error {
            return Err(SignInError::of_provider(error));
        }
        let code = answer.code.as_ref().ok_or(SignInError::Malformed)?;
        let tokens = self.exchange(code, attempt).await?;
        let subject = self.subject(&tokens.id_token, attempt).await?;
        Ok(SignedIn { access_token: tokens.access_token, subject })
    }

    async fn exchange(&self, code: &str, attempt: &SignInAttempt) -> Result<Tokens, SignInError> {
        let _permit = self.exchanges.try_acquire().map_err(|_| SignInError::Busy)?;
        let endpoints = self.discovery.find(&self.client, &self.clock).await?;
        let (form, authorization) = self.options.exchange(code, attempt, &endpoints);
        let mut request = self
            .client
            .request(Method::POST, endpoints.token.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            // The body is a copy that the client keeps as long as it sends.
            .body(form.as_str().to_owned());
        if let Some(authorization) = &authorization {
            request = request.header("authorization", authorization.as_str());
        }
        let sent = self.client.send(request).await;
        read_tokens(&sent.map_err(|error| SignInError::unreachable(&error))?)
    }

    /// Returns whom an ID token is about. A key that is new is waited for, once.
    async fn subject(
        &self,
        id_token: &str,
        attempt: &SignInAttempt,
    ) -> Result<String, SignInError> {
        let looks = self.held.looks();
        let nonce = attempt.nonce();
        let identify = || self.verifier.identify(id_token, &self.expectation, &nonce);
        let found = match identify() {
            Err(AuthenticateError::TokensUnavailable) => {
                self.held.next_look(looks, KEY_PATIENCE).await;
                identify()
            }
            found => found,
        };
        found.map_err(|error| match error {
            AuthenticateError::TokensUnavailable => SignInError::NoKeys,
            _ => SignInError::Unproven,
        })
    }
}
