//! What a person permitted becomes tokens that are stored, by one event in the name of who began
//! the attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_contract::reply::Receipt;
use ledger_domain::connection::RefreshOutcome;
use ledger_domain::{
    ACCESS_TOKEN, Connection, ConnectionId, FieldName, Micros, REFRESH_TOKEN, Rejection,
};
use ledger_oauth::{Authorization, Code, Grant, Obtained, Unusable, read_answer};
use ledger_providers::Request;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::super::attempt::{Opened, RefreshRequest, RevealedFields, ask, given, refers_elsewhere};
use super::super::flights::Ended;
use super::ticket::Ticket;
use super::{ConnectImpossible, NotConnected, REASON};
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, chain};
use crate::master_keys::KeyUse;
use crate::reveal::Texts;

/// How often it is tried to be the one who asks the token service about a connection.
const TRIES: usize = 32;

/// An attempt whose permission is exchanged, or is asked about.
pub(super) struct Exchange {
    pub(super) ticket: Ticket,
    pub(super) request: RefreshRequest,
    pub(super) presented: Presented,
    /// The reveal of the secrets that it takes, if it was recorded before.
    pub(super) revealed: Option<RevealedFields>,
}

/// What is presented for tokens.
pub(super) enum Presented {
    /// The code that came back with the browser.
    Code { code: Zeroizing<String>, redirect_uri: String, verifier: Zeroizing<String> },
    /// The code of a device.
    DeviceCode(Zeroizing<String>),
}

impl Presented {
    /// Returns the parts that nobody may be shown.
    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Code { code, verifier, .. } => vec![code.as_str(), verifier.as_str()],
            Self::DeviceCode(code) => vec![code.as_str()],
        }
    }

    fn request(
        &self,
        by: &Authorization,
        secrets: &dyn Fn(&str) -> Option<Zeroizing<String>>,
    ) -> Result<Request, Unusable> {
        match self {
            Self::Code { code, redirect_uri, verifier } => {
                by.exchange(Code { code, redirect_uri, verifier }, secrets)
            }
            Self::DeviceCode(code) => by.poll(code, secrets),
        }
    }
}

/// The secrets that requests of an attempt take; none for clients without a secret.
pub(super) struct Secrets {
    pub(super) of: Arc<Connection>,
    pub(super) texts: Texts,
    pub(super) revealed: Option<RevealedFields>,
    /// Dropped after the texts, which they permit to be in memory.
    _keys: (Option<Opened>, Option<KeyUse>),
}

impl Secrets {
    /// Returns the value of a field.
    pub(super) fn value(&self, name: &str) -> Option<Zeroizing<String>> {
        let mut texts = self.texts.iter();
        texts.find(|(field, _)| field.as_str() == name).map(|(_, text)| text.clone())
    }
}

/// Returns how a person permits it for a connection.
pub(super) fn authorization(connection: &Connection) -> Result<Authorization, ConnectImpossible> {
    let names = connection.secrets.keys().map(FieldName::as_str);
    let read = Authorization::of(&connection.details, names);
    let read = read.map_err(ConnectImpossible::Settings)?;
    match refers_elsewhere(connection, &read.secrets()) {
        Some(name) => Err(ConnectImpossible::Refers(name)),
        None => Ok(read),
    }
}

impl Engine {
    /// Opens the secrets that requests of an attempt take.
    pub(super) async fn open_for_connect(
        &self,
        connection: &Connection,
        names: BTreeSet<String>,
        revealed: Option<&RevealedFields>,
        request: &RefreshRequest,
    ) -> Result<Secrets, ExecuteError> {
        let keys = self.shared.master_keys.enter()?;
        if names.is_empty() {
            let of = Arc::new(connection.clone());
            let texts = Texts::new();
            return Ok(Secrets { of, texts, revealed: None, _keys: (None, Some(keys)) });
        }
        let is_same = |revealed: &&RevealedFields| {
            revealed.generations.iter().all(|(field, generation)| {
                let secret = connection.secrets.get(field);
                secret.is_some_and(|secret| secret.generation == *generation)
            })
        };
        let mut opened = if let Some(revealed) = revealed.filter(is_same) {
            let of = Arc::new(connection.clone());
            self.open_revealed(REASON, of, revealed.clone(), request, keys).await?
        } else {
            drop(keys);
            self.opened_for(REASON, connection, names, request).await?
        };
        let texts = std::mem::take(&mut opened.texts);
        let (of, revealed) = (Arc::clone(&opened.of), Some(opened.revealed.clone()));
        Ok(Secrets { of, texts, revealed, _keys: (Some(opened), None) })
    }

    /// Asks for tokens and stores them. Meanwhile nobody else asks the token service about the same
    /// connection, and closing the ledger waits for it.
    pub(super) async fn exchange(&self, exchange: &Arc<Exchange>) -> Result<Receipt, NotConnected> {
        let id = exchange.ticket.connection;
        for _ in 0..TRIES {
            let (tell, told) = oneshot::channel();
            let (engine, own) = (self.clone(), Arc::clone(exchange));
            let attempt = async move {
                let done = engine.exchange_now(&own).await;
                let ended = match &done {
                    Ok(receipt) => Ended::Stored(receipt.clone()),
                    Err(_) => Ended::NotAsked,
                };
                drop(tell.send(done));
                ended
            };
            let (flight, is_own) =
                self.begin_flight(id, attempt).map_err(|error| not_connected(&error))?;
            flight.await;
            if is_own {
                return told.await.unwrap_or(Err(NotConnected::NotReady));
            }
        }
        Err(NotConnected::Busy)
    }

    async fn exchange_now(&self, exchange: &Exchange) -> Result<Receipt, NotConnected> {
        let Exchange { ticket, request, presented, revealed } = exchange;
        self.ready().map_err(|error| not_connected(&error.into()))?;
        let connection = self.connection_of(ticket)?;
        let authorization = authorization(&connection).map_err(NotConnected::Impossible)?;
        let sender = self.shared.trials.sender();
        let sender = sender.ok_or(NotConnected::Impossible(ConnectImpossible::NoSender))?;
        let names = authorization.secrets();
        let opened = self.open_for_connect(&connection, names, revealed.as_ref(), request).await;
        let secrets = opened.map_err(|error| not_connected(&error))?;
        self.check_ticket(ticket, &secrets.of)?;
        let sent = presented.request(&authorization, &|name| secrets.value(name));
        let sent =
            sent.map_err(|why| NotConnected::Impossible(ConnectImpossible::Settings(why)))?;
        let now = self.clock().now().get() / 1_000_000;
        let mut hidden = presented.secrets();
        hidden.extend(secrets.texts.values().map(|text| text.as_str()));
        let read = |status, retry_after: Option<&str>, body: &[u8]| {
            let answer = read_answer(authorization.field(), status, retry_after, body, now);
            answer.token.map(|token| (token, answer.replaced))
        };
        let obtained = ask(&*sender, sent, read, &hidden).await;
        let obtained = obtained.map_err(|refusal| NotConnected::Refused(Box::new(refusal)))?;
        let of = Arc::clone(&secrets.of);
        drop(secrets);
        let stored = self.store_first(ticket, &of, obtained, request).await;
        // What was presented is used up, whatever kept the tokens from being stored.
        stored.map_err(|error| match not_connected(&error) {
            why if why.is_of_ledger() => NotConnected::Failed(error.code()),
            why => why,
        })
    }

    async fn store_first(
        &self,
        ticket: &Ticket,
        of: &Arc<Connection>,
        (obtained, grant): (Obtained, Option<Grant>),
        request: &RefreshRequest,
    ) -> Result<Receipt, ExecuteError> {
        let Obtained { mut token, expires_at, says_expiry } = obtained;
        let mut values = BTreeMap::from([given(ACCESS_TOKEN, &mut token)]);
        // A token that nobody can replace is taken to last, unless the service says otherwise.
        let expires_at = (says_expiry || grant.is_some())
            .then(|| Micros::new(expires_at.saturating_mul(1_000_000)));
        values.extend(grant.map(|Grant(mut text)| given(REFRESH_TOKEN, &mut text)));
        let secrets = self.seal_all(&of.workspace, of.id, values)?;
        let outcome = RefreshOutcome::Authorized { secrets, expires_at, grant: ticket.grant };
        let receipt = self.record_refresh(of, outcome, request).await?;
        let flights = &self.shared.provider_tokens.flights;
        flights.forget_failures(of.id);
        flights.note_asked(of.id, self.clock().now());
        tracing::info!(ledger.connection.id = %of.id, "connected by a person");
        Ok(receipt)
    }

    /// Returns the connection of an attempt, if nothing that matters has changed since it began and
    /// who began it may still connect it.
    pub(super) fn connection_of(&self, ticket: &Ticket) -> Result<Connection, NotConnected> {
        let connection = self.row_of(ticket.connection)?;
        self.check_ticket(ticket, &connection)?;
        self.check_beginner(ticket, &connection)?;
        Ok(connection)
    }

    fn row_of(&self, id: ConnectionId) -> Result<Connection, NotConnected> {
        let row = self.shared.models.load().row(id);
        let row = row.map_err(|fault| not_connected(&fault.into()))?;
        row.map(|row| row.connection).ok_or(NotConnected::Gone)
    }

    /// Returns what is recorded of an attempt's events.
    pub(super) fn request_for(ticket: &Ticket, mut request: RefreshRequest) -> RefreshRequest {
        let mut caller = Caller::system(ticket.beginner.actor.as_str());
        if let Some(name) = &ticket.beginner.credential {
            caller = caller.with_credential(name.clone());
        }
        request.caller = caller;
        request.provenance.key.clone_from(&ticket.beginner.credential);
        request.provenance.causation_id = Some(ticket.attempt.clone());
        request.provenance.correlation_id.clone_from(&ticket.correlation_id);
        request.fingerprint = None;
        request
    }
}

/// Returns an error of the ledger as whoever waits for an attempt is told.
pub(super) fn not_connected(error: &ExecuteError) -> NotConnected {
    match error {
        ExecuteError::Rejected(Rejection::Sealed) => NotConnected::Sealed,
        ExecuteError::Rejected(Rejection::RefreshSuperseded) => NotConnected::ConnectedMeanwhile,
        ExecuteError::Rejected(
            Rejection::ConnectionArchived
            | Rejection::ConnectionErased
            | Rejection::ConnectionUnknown,
        ) => NotConnected::Gone,
        ExecuteError::Busy => NotConnected::Busy,
        ExecuteError::Unavailable(_) => NotConnected::NotReady,
        other => {
            tracing::warn!(error = %chain(other), "what a person permitted cannot be stored");
            NotConnected::Failed(other.code())
        }
    }
}
