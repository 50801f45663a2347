//! The browser of a person comes back from the provider.

use std::net::IpAddr;
use std::sync::Arc;

use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_domain::Connection;
use ledger_domain::principal::Scope;
use zeroize::Zeroizing;

use super::super::attempt::RefreshRequest;
use super::attempts::AttemptState;
use super::exchange::{Exchange, Presented, authorization, not_connected};
use super::ticket::Ticket;
use super::{ConnectImpossible, NotConnected};
use crate::access::Caller;
use crate::engine::Engine;

/// The longest code, in bytes.
const CODE_BYTES: usize = 4 * 1_024;
/// Codes of errors that are repeated; of others it is said that there was one.
const KNOWN: [&str; 7] = [
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// What came back with the browser (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207).
#[derive(Clone, Default)]
pub struct CallbackAnswer {
    /// The state of the link.
    pub state: Option<String>,
    /// The code, if the person permitted it.
    pub code: Option<Zeroizing<String>>,
    /// The code of an error, if not.
    pub error: Option<String>,
    /// Who says so.
    pub issuer: Option<String>,
}

impl std::fmt::Debug for CallbackAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackAnswer(..)")
    }
}

/// What a person has connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedByPerson {
    /// The slug of the connection.
    pub connection: String,
    /// Its workspace.
    pub workspace: String,
    /// Who made the link.
    pub begun_by: String,
}

impl Engine {
    /// Takes what came back with the browser of a person who opened the link of `connect`. Once the
    /// code is on its way to the token service, it goes on even if nobody waits. Returns which
    /// connection it is, and who began.
    ///
    /// # Errors
    /// Why the connection is not connected. Some leave the link as it was; see
    /// [`NotConnected::is_of_ledger`].
    pub async fn finish_connect(
        &self,
        answer: CallbackAnswer,
        address: Option<IpAddr>,
    ) -> Result<ConnectedByPerson, NotConnected> {
        let CallbackAnswer { state, code, error, issuer } = answer;
        let ticket = self.ticket_of(state.as_deref().unwrap_or_default())?;
        if self.clock().now() >= ticket.expires_at {
            return Err(NotConnected::Expired);
        }
        self.ready().map_err(|error| not_connected(&error.into()))?;
        let attempts = &self.shared.provider_tokens.connecting.attempts;
        let of_ticket = || {
            let connection = self.connection_of(&ticket);
            let connection = connection.map_err(|why| self.used_before(&ticket, why))?;
            let authorization = authorization(&connection);
            Ok((connection, authorization.map_err(NotConnected::Impossible)?))
        };
        let (connection, authorization) = of_ticket().inspect_err(|why: &NotConnected| {
            if !why.is_of_ledger() {
                attempts.end(&ticket.attempt, why.clone());
            }
        })?;
        if !authorization.is_from_issuer(issuer.as_deref()) {
            return Err(NotConnected::WrongIssuer);
        }
        if code.is_none() && error.is_none() {
            return Err(NotConnected::Malformed);
        }
        attempts.take(&ticket, self.clock().now())?;
        let done = match (error, code) {
            (Some(error), _) => Err(refused(&error)),
            (None, Some(code)) if (1..=CODE_BYTES).contains(&code.len()) => {
                self.exchange_code(ticket.clone(), code, address).await
            }
            (None, _) => Err(NotConnected::Malformed),
        };
        if let Err(why) = &done {
            let why = why.clone();
            tracing::warn!(ledger.connection.id = %connection.id, error = %why, "not connected");
            attempts.set(&ticket.attempt, AttemptState::Ended(why));
        }
        done.map(|()| ConnectedByPerson {
            connection: connection.slug.to_string(),
            workspace: connection.workspace.to_string(),
            begun_by: ticket.beginner.actor.to_string(),
        })
    }

    async fn exchange_code(
        &self,
        ticket: Ticket,
        code: Zeroizing<String>,
        address: Option<IpAddr>,
    ) -> Result<(), NotConnected> {
        let redirect_uri = self.shared.provider_tokens.connecting.redirect_uri();
        let redirect_uri =
            redirect_uri.ok_or(NotConnected::Impossible(ConnectImpossible::NoPublicUrl))?;
        let verifier = self.shared.fingerprint_key.connect_key().verifier(ticket.attempt.as_str());
        let caller = Caller::system(ticket.beginner.actor.as_str()).through(Via::Http, address);
        let context = self.context(caller, Via::Http, Headers::default());
        let request = RefreshRequest {
            caller: context.caller,
            provenance: context.provenance,
            fingerprint: None,
            is_forced: true,
        };
        let request = Self::request_for(&ticket, request);
        let presented = Presented::Code { code, redirect_uri, verifier };
        let attempt = ticket.attempt.clone();
        let exchange = Arc::new(Exchange { ticket, request, presented, revealed: None });
        let engine = self.clone();
        // A code is good for one exchange, so it goes on even if the browser leaves.
        let runtime = self.attempts_runtime().map_err(|_| NotConnected::NotReady)?;
        let exchanged = runtime.spawn(async move {
            let done = engine.exchange(&exchange).await.map(drop);
            let state = match &done {
                Ok(()) => AttemptState::Connected,
                Err(why) => AttemptState::Ended(why.clone()),
            };
            engine.shared.provider_tokens.connecting.attempts.set(&attempt, state);
            done
        });
        exchanged.await.unwrap_or(Err(NotConnected::NotReady))
    }

    /// Returns why a link leads to nothing: if it was used itself, the person is told that rather
    /// than that somebody connected the connection.
    fn used_before(&self, ticket: &Ticket, why: NotConnected) -> NotConnected {
        let attempts = &self.shared.provider_tokens.connecting.attempts;
        let own = attempts.of(ticket.connection, self.clock().now());
        let own = own.into_iter().find(|(id, _)| *id == ticket.attempt);
        match own {
            Some((_, attempt)) if attempt.state == AttemptState::Connected => NotConnected::Used,
            _ => why,
        }
    }

    /// Checks that who began an attempt may still connect the connection. The rights of a token are
    /// those that it had then, unless it was blocked.
    pub(super) fn check_beginner(
        &self,
        ticket: &Ticket,
        connection: &Connection,
    ) -> Result<(), NotConnected> {
        let (directory, now) = (&self.shared.directory, self.clock().now());
        if let Some(key) = ticket.beginner.key() {
            let caller = directory.caller_of(key, now).ok_or(NotConnected::NotPermitted)?;
            let may = caller.may_with(Scope::Rotate, connection);
            return if may { Ok(()) } else { Err(NotConnected::NotPermitted) };
        }
        let bearer = ticket.beginner.bearer();
        let checked = bearer.map_or(Ok(()), |bearer| directory.check_token(&bearer));
        checked.map_err(|_| NotConnected::NotPermitted)
    }
}

fn refused(error: &str) -> NotConnected {
    match KNOWN.into_iter().find(|known| *known == error) {
        Some("access_denied") => NotConnected::Denied,
        Some(known) => NotConnected::ErrorAtProvider(known),
        None => NotConnected::ErrorAtProvider("an error that this program does not know"),
    }
}
