//! What an attempt has to remember while a person is at the provider. It is not kept here: it is
//! sealed into the `state` that goes to the provider and comes back with the browser.

use ledger_contract::records::Provenance;
use ledger_domain::connection::AuthorizationGrant;
use ledger_domain::principal::{ApiKeyId, TokenRef};
use ledger_domain::{
    Actor, CheckedText as _, Connection, ConnectionId, Line, MessageId, Micros, Version,
};
use serde::{Deserialize, Serialize};

use super::NotConnected;
use crate::access::Caller;
use crate::engine::Engine;

/// How long a link can be used, in microseconds.
pub(super) const LINK_MICROS: i64 = 10 * 60 * 1_000_000;
/// The longest state, in characters.
pub(super) const STATE_CHARS: usize = 3 * 1_024;

/// An attempt to connect a connection, and the connection as it was when it began.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) attempt: MessageId,
    pub(super) connection: ConnectionId,
    pub(super) grant: AuthorizationGrant,
    pub(super) beginner: Beginner,
    pub(super) expires_at: Micros,
    /// When it had been connected last.
    authorized: Option<Version>,
    /// A digest of its settings.
    settings: String,
    pub(super) correlation_id: Option<MessageId>,
}

/// Who began an attempt, in whose name the tokens are stored.
#[derive(Clone, Debug)]
pub(super) struct Beginner {
    pub(super) actor: Actor,
    /// The name under which events record the credential.
    pub(super) credential: Option<Line>,
    key: Option<ApiKeyId>,
    token: Vec<TokenRef>,
}

/// The form in which it is sealed, with short names because it is part of a link.
#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "a")]
    attempt: String,
    #[serde(rename = "c")]
    connection: String,
    #[serde(rename = "b")]
    actor: String,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    authorized: Option<u64>,
    #[serde(rename = "s")]
    settings: String,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

impl Beginner {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            actor: caller.actor().clone(),
            credential: caller.credential().cloned(),
            key: caller.key().cloned(),
            token: caller.token().to_vec(),
        }
    }

    /// Returns the API key, if it was one.
    pub(super) fn key(&self) -> Option<&ApiKeyId> {
        self.key.as_ref()
    }

    /// Returns the bearer of the token, if it was one, without any rights.
    pub(super) fn bearer(&self) -> Option<Caller> {
        let mut names = self.token.iter();
        let subject = names.find_map(|name| match name {
            TokenRef::Subject(subject) => Some(subject.clone()),
            TokenRef::Id(_) => None,
        })?;
        let id = self.token.iter().find_map(|name| match name {
            TokenRef::Id(id) => Some(id.clone()),
            TokenRef::Subject(_) => None,
        });
        Some(Caller::new(self.actor.clone(), Vec::new()).with_token(subject, id))
    }
}

impl Ticket {
    /// Returns the form in which it is sealed.
    fn sealed(&self) -> Sealed {
        let Beginner { actor, credential, key, token } = &self.beginner;
        let name = |of: fn(&TokenRef) -> Option<&Line>| {
            token.iter().find_map(of).map(|line| line.as_str().to_owned())
        };
        Sealed {
            attempt: self.attempt.as_str().to_owned(),
            connection: self.connection.to_string(),
            actor: actor.as_str().to_owned(),
            credential: credential.as_ref().map(|name| name.as_str().to_owned()),
            key: key.as_ref().map(|key| key.as_str().to_owned()),
            subject: name(|one| match one {
                TokenRef::Subject(subject) => Some(subject),
                TokenRef::Id(_) => None,
            }),
            token: name(|one| match one {
                TokenRef::Id(id) => Some(id),
                TokenRef::Subject(_) => None,
            }),
            expires_at: self.expires_at.get(),
            authorized: self.authorized.map(Version::get),
            settings: self.settings.clone(),
            correlation_id: self.correlation_id.as_ref().map(|id| id.as_str().to_owned()),
        }
    }

    /// Reads what was sealed. Nobody but the ledger can have sealed it, so it was checked then.
    fn read(bytes: &[u8]) -> Option<Self> {
        let sealed: Sealed = serde_json::from_slice(bytes).ok()?;
        let line = |text: String| Line::stored(text.into());
        let subject = sealed.subject.map(|text| TokenRef::Subject(line(text)));
        let token = sealed.token.map(|text| TokenRef::Id(line(text)));
        Some(Self {
            attempt: MessageId::stored(sealed.attempt.into()),
            connection: sealed.connection.parse().ok()?,
            grant: AuthorizationGrant::AuthorizationCode,
            beginner: Beginner {
                actor: Actor::new(sealed.actor),
                credential: sealed.credential.map(line),
                key: sealed.key.map(|key| ApiKeyId::stored(key.into())),
                token: subject.into_iter().chain(token).collect(),
            },
            expires_at: Micros::new(sealed.expires_at),
            authorized: sealed.authorized.map(Version::new),
            settings: sealed.settings,
            correlation_id: sealed.correlation_id.map(|id| MessageId::stored(id.into())),
        })
    }
}

impl Engine {
    /// Returns a new attempt by a caller.
    pub(super) fn ticket(
        &self,
        connection: &Connection,
        grant: AuthorizationGrant,
        caller: &Caller,
        provenance: &Provenance,
        expires_at: Micros,
    ) -> Ticket {
        Ticket {
            attempt: self.shared.ports.command_id(),
            connection: connection.id,
            grant,
            beginner: Beginner::of(caller),
            expires_at,
            authorized: connection.authorized(),
            settings: self.settings_digest(connection),
            correlation_id: provenance.correlation_id.clone(),
        }
    }

    /// Returns an attempt as the state of a link.
    pub(super) fn state_of(&self, ticket: &Ticket) -> String {
        let text = serde_json::to_vec(&ticket.sealed()).expect("a ticket has a JSON form");
        self.shared.fingerprint_key.connect_key().seal(&mut self.shared.ports.rng(), &text)
    }

    /// Returns the attempt whose state came back.
    pub(super) fn ticket_of(&self, state: &str) -> Result<Ticket, NotConnected> {
        if state.len() > STATE_CHARS {
            return Err(NotConnected::StateUnknown);
        }
        let opened = self.shared.fingerprint_key.connect_key().open(state);
        let ticket = opened.ok().and_then(|bytes| Ticket::read(&bytes));
        ticket.ok_or(NotConnected::StateUnknown)
    }

    /// Checks that nothing that matters has changed since an attempt began.
    pub(super) fn check_ticket(
        &self,
        ticket: &Ticket,
        connection: &Connection,
    ) -> Result<(), NotConnected> {
        if connection.lifecycle.check_active().is_err() {
            return Err(NotConnected::Gone);
        }
        if connection.authorized() != ticket.authorized {
            return Err(NotConnected::ConnectedMeanwhile);
        }
        if self.settings_digest(connection) != ticket.settings {
            return Err(NotConnected::SettingsChanged);
        }
        Ok(())
    }

    /// Returns a digest of what a person was shown, and of where their permission goes.
    fn settings_digest(&self, connection: &Connection) -> String {
        let details = &connection.details;
        let mut parts: Vec<&[u8]> =
            vec![details.auth_method.as_str().as_bytes(), details.provider.as_str().as_bytes()];
        for (name, value) in &details.config {
            parts.push(name.as_str().as_bytes());
            parts.push(value.text().as_bytes());
        }
        let digest = self.shared.fingerprint_key.fingerprint(&parts);
        u128::from_be_bytes(digest).to_string()
    }
}
