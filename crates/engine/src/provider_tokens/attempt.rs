//! One attempt to get a token: the secrets are opened after a reveal is durable, the token service
//! is asked, and what it gave out is durable before anybody gets it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ledger_contract::commands::GivenSecret;
use ledger_contract::records::{Happened, Provenance};
use ledger_contract::reply::Receipt;
use ledger_domain::connection::RefreshOutcome;
use ledger_domain::{
    ACCESS_TOKEN, CheckedText as _, Command, Connection, ConnectionId, EventId, Expected,
    FieldName, Generation, Line, Micros, Position, Prose, REFRESH_TOKEN, Rejection, RevealSecret,
    WantedGeneration,
};
use ledger_oauth::{
    Grant, Moment, Obtained, Plan, Refusal, Step, is_authorized_by_a_person, read_answer,
};
use ledger_providers::Request;
use ledger_vault::{Disclosure, Plaintext};
use zeroize::Zeroizing;

use super::due::{self, backoff};
use super::flights::{Ended, RefreshImpossible, TokenRefusal};
use crate::access::{Caller, Permit};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, Unavailable, chain};
use crate::execute::Outcome;
use crate::fingerprint::Fingerprint;
use crate::history;
use crate::master_keys::KeyUse;
use crate::references::ReadBy;
use crate::request::RequestContext;
use crate::reveal::Texts;
use crate::trials::{SendTest, SentTest, harmless_words};
use crate::writer::{Envelope, Prepared, Work};

/// The reason of the reveal that an attempt begins with.
const REASON: &str = "to refresh the token";
/// Where the request for that reveal comes from: the server itself, which alone sees the values.
pub(super) const FROM: &str = "refresh";
/// How long to wait before a full queue is tried again. What the service gave out must get through.
const BUSY_WAIT: Duration = Duration::from_millis(50);
/// How often a full queue is tried.
const BUSY_TRIES: u32 = 1_200;

/// Who asks for a token, and how.
#[derive(Clone, Debug)]
pub(super) struct RefreshRequest {
    /// The ledger itself, under the name of who asks.
    pub(super) caller: Caller,
    /// What is recorded of the request.
    pub(super) provenance: Provenance,
    /// The fingerprint of the command that asks for it, if it is one.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Whether it is asked for even if there is a fresh one, or an earlier attempt failed.
    pub(super) is_forced: bool,
}

impl RefreshRequest {
    /// Returns it as something that the ledger does, of which no command is the only cause.
    fn unrepeated(&self) -> Self {
        Self { fingerprint: None, ..self.clone() }
    }
}

/// The secrets of a connection, opened.
pub(super) struct Opened {
    /// The state that they are of.
    pub(super) of: Arc<Connection>,
    pub(super) texts: Texts,
    pub(super) revealed: RevealedFields,
    /// Dropped after the texts, which it permits to be in memory.
    _keys: KeyUse,
}

/// Which values a recorded reveal is of.
#[derive(Clone, Debug)]
pub(super) struct RevealedFields {
    event: EventId,
    pub(super) generations: BTreeMap<FieldName, Generation>,
}

impl Engine {
    /// Makes an attempt.
    pub(super) async fn attempt_refresh(
        &self,
        id: ConnectionId,
        request: &RefreshRequest,
    ) -> Ended {
        let ended = match self.try_refresh(id, request).await {
            Ok(ended) => ended,
            Err(ExecuteError::Rejected(Rejection::RefreshSuperseded)) => Ended::Superseded,
            Err(error) => {
                tracing::warn!(
                    error = %chain(&error), ledger.connection.id = %id, "no token can be got"
                );
                Ended::Failed(Arc::new(error))
            }
        };
        self.shared.metrics.counters.refresh(ended.counted());
        ended
    }

    async fn try_refresh(
        &self,
        id: ConnectionId,
        request: &RefreshRequest,
    ) -> Result<Ended, ExecuteError> {
        // Who is not the owner of the ledger's name could not record what it got.
        self.ready()?;
        let unknown = || Rejection::ConnectionUnknown;
        let row = self.shared.models.load().row(id)?.ok_or_else(unknown)?;
        let connection = row.connection;
        connection.lifecycle.check_active()?;
        if !request.is_forced {
            let now = self.clock().now();
            if due::is_fresh(&connection, now) {
                return Ok(Ended::Fresh);
            }
            if let Some(refusal) = self.known_refusal(&connection) {
                return Ok(Ended::Refused(refusal));
            }
        }
        let plan = match plan(&connection) {
            Ok(plan) => plan,
            Err(impossible) => return Ok(Ended::Impossible(impossible)),
        };
        let Some(sender) = self.shared.trials.sender() else {
            return Ok(Ended::Impossible(RefreshImpossible::NoSender));
        };
        let Opened { of, texts, _keys, .. } =
            self.opened_for(REASON, &connection, plan.secrets(), request).await?;
        if !connection.asks_for_token_like(&of) {
            return Ok(Ended::Superseded);
        }
        let asked = self.ask(&*sender, &plan, &texts).await;
        drop(texts);
        match asked {
            Err(ended) => Ok(ended),
            Ok((Ok(obtained), replaced)) => {
                self.store_token(&of, obtained, replaced, request).await
            }
            Ok((Err(refusal), replaced)) => {
                let of = self.store_grant(of, replaced, request).await?;
                self.note_refusal(&of, refusal, request).await
            }
        }
    }

    /// Returns why nothing is tried now, if that is known.
    pub(super) fn known_refusal(&self, connection: &Connection) -> Option<TokenRefusal> {
        let known = connection.provider_token.as_ref().and_then(|token| token.failure);
        if known.is_some_and(|failure| failure.gives_up) {
            let reason = connection.health.reason.as_ref();
            let reason = reason.filter(|_| known.is_some_and(|f| f.by == connection.health.by));
            let default = "the token service refused an earlier attempt";
            let reason = reason.map_or(default, Prose::as_str).to_owned();
            return Some(TokenRefusal { reason, gives_up: true, wait: None, code: None });
        }
        let blocked = self.shared.provider_tokens.flights.blocked(self.clock().now(), connection);
        blocked.map(|(_, refusal)| refusal)
    }

    /// Opens secrets after the event of the reveal is durable.
    pub(super) async fn opened_for(
        &self,
        reason: &str,
        connection: &Connection,
        names: BTreeSet<String>,
        request: &RefreshRequest,
    ) -> Result<Opened, ExecuteError> {
        let names = names.into_iter().map(|name| FieldName::stored(name.into()));
        let reveal = RevealSecret {
            fields: names.collect(),
            generation: WantedGeneration::Current,
            reason: Prose::stored(reason.into()),
            from: Some(Line::stored(FROM.into())),
            for_test: true,
        };
        let keys = self.shared.master_keys.enter()?;
        let mut provenance = request.provenance.clone();
        provenance.command_id = self.shared.ports.command_id();
        let work = Work::Reveal { id: connection.id, command: reveal };
        let outcome = self.record_attempt(connection, request, provenance, None, work).await?;
        let of = outcome.seen.ok_or_else(|| Fault::bug("a reveal was decided without a state"))?;
        let position = Position::new(outcome.receipt.position);
        let record = history::record(&self.shared.store, position)?;
        let Happened::Revealed(revealed) = record.happened else {
            return Err(Fault::bug("a reveal was recorded as something else").into());
        };
        let revealed =
            RevealedFields { event: record.metadata.event_id, generations: revealed.generations };
        self.open_revealed(reason, of, revealed, request, keys).await
    }

    /// Opens the values of a reveal that was recorded before.
    pub(super) async fn open_revealed(
        &self,
        reason: &str,
        of: Arc<Connection>,
        revealed: RevealedFields,
        request: &RefreshRequest,
        keys: KeyUse,
    ) -> Result<Opened, ExecuteError> {
        let recorded = Disclosure::recorded(revealed.event);
        let reason = Prose::stored(reason.into());
        let context = RequestContext {
            caller: request.caller.clone(),
            expected: Expected::Any,
            deadline: None,
            provenance: request.provenance.clone(),
            repeatable: false,
            traceparent: None,
        };
        let by = ReadBy {
            context: &context,
            keys: &keys,
            recorded: &recorded,
            reason: &reason,
            from: None,
            depth: 0,
        };
        let values = self.open_recorded(&of, &revealed.generations, &by).await?;
        let text = |(field, (_, _, value)): (FieldName, crate::reveal::Value)| {
            let text = std::str::from_utf8(value.expose(&recorded));
            let text = text.map_err(|_| Fault::bug("a secret is not text"))?;
            Ok((field, Zeroizing::new(text.to_owned())))
        };
        let texts = values.into_iter().map(text).collect::<Result<Texts, Fault>>()?;
        Ok(Opened { of, texts, revealed, _keys: keys })
    }

    /// Asks for a token, or signs it. Also returns what the next one is asked for with, if that was
    /// replaced.
    async fn ask(
        &self,
        sender: &dyn SendTest,
        plan: &Plan,
        texts: &Texts,
    ) -> Result<(Result<Obtained, TokenRefusal>, Option<Grant>), Ended> {
        let secret = |name: &str| {
            let mut texts = texts.iter();
            texts.find(|(field, _)| field.as_str() == name).map(|(_, text)| text.clone())
        };
        let unique = self.shared.ports.command_id();
        let now = self.clock().now().get() / 1_000_000;
        let step = plan.step(&secret, Moment { now, unique: unique.as_str() });
        let step = step.map_err(|why| Ended::Impossible(RefreshImpossible::Settings(why)))?;
        match step {
            Step::Signed(obtained) => Ok((Ok(obtained), None)),
            Step::Send(request) => {
                let secrets: Vec<&str> = texts.values().map(|text| text.as_str()).collect();
                let mut replaced = None;
                let read = |status, retry_after: Option<&str>, body: &[u8]| {
                    let answer = read_answer(plan.field(), status, retry_after, body, now);
                    replaced = answer.replaced;
                    answer.token
                };
                let token = ask(sender, request, read, &secrets).await;
                Ok((token, replaced))
            }
        }
    }

    /// Stores what a token service gave out.
    async fn store_token(
        &self,
        of: &Arc<Connection>,
        obtained: Obtained,
        replaced: Option<Grant>,
        request: &RefreshRequest,
    ) -> Result<Ended, ExecuteError> {
        let Obtained { mut token, expires_at, .. } = obtained;
        let mut values: BTreeMap<_, _> = grant_of(of, replaced).into_iter().collect();
        values.extend([given(ACCESS_TOKEN, &mut token)]);
        let secrets = self.seal_all(&of.workspace, of.id, values)?;
        let expires_at = Micros::new(expires_at.saturating_mul(1_000_000));
        let outcome = RefreshOutcome::Obtained { secrets, expires_at };
        let receipt = self.record_obtained(of, outcome, request).await?;
        self.shared.provider_tokens.flights.forget_failures(of.id);
        tracing::info!(ledger.connection.id = %of.id, "token refreshed");
        Ok(Ended::Stored(receipt))
    }

    /// Stores what the next token is asked for with, which came without a token. Returns the state
    /// after that.
    async fn store_grant(
        &self,
        of: Arc<Connection>,
        replaced: Option<Grant>,
        request: &RefreshRequest,
    ) -> Result<Arc<Connection>, ExecuteError> {
        let Some(grant) = grant_of(&of, replaced) else { return Ok(of) };
        let secrets = self.seal_all(&of.workspace, of.id, BTreeMap::from([grant]))?;
        let outcome = RefreshOutcome::Obtained { secrets, expires_at: self.clock().now() };
        self.record_obtained(&of, outcome, &request.unrepeated()).await?;
        let row = self.shared.models.load().row(of.id)?;
        Ok(row.map_or(of, |row| Arc::new(row.connection)))
    }

    /// Records what a token service gave out. It is not lost if somebody gave the id of the command
    /// to another one meanwhile.
    async fn record_obtained(
        &self,
        of: &Arc<Connection>,
        outcome: RefreshOutcome,
        request: &RefreshRequest,
    ) -> Result<Receipt, ExecuteError> {
        match self.record_refresh(of, outcome.clone(), request).await {
            Err(error @ ExecuteError::CommandIdReused) => {
                self.record_refresh(of, outcome, &request.unrepeated()).await?;
                Err(error)
            }
            done => done,
        }
    }

    /// Records a failure if it changes the health, and waits longer after each.
    async fn note_refusal(
        &self,
        of: &Arc<Connection>,
        refusal: TokenRefusal,
        request: &RefreshRequest,
    ) -> Result<Ended, ExecuteError> {
        let TokenRefusal { reason, gives_up, wait, .. } = &refusal;
        let outcome = RefreshOutcome::Failed {
            reason: Prose::stored(reason.as_str().into()),
            gives_up: *gives_up,
        };
        match self.record_refresh(of, outcome, &request.unrepeated()).await {
            // It is known already.
            Ok(_) | Err(ExecuteError::Rejected(Rejection::HealthUnchanged)) => {}
            // Whoever was faster used up what this attempt was made with.
            Err(error) => return Err(error),
        }
        tracing::warn!(ledger.connection.id = %of.id, reason, gives_up, "no token was given out");
        let tokens = &self.shared.provider_tokens;
        let random = rand::RngCore::next_u32(&mut self.shared.ports.rng());
        let own = |number| backoff(number, random).max(wait.unwrap_or_default());
        let not_before = tokens.flights.note_failure(of, self.clock().now(), &refusal, own);
        if !gives_up {
            tokens.agenda.plan(of.id, Some(not_before));
        }
        Ok(Ended::Refused(refusal))
    }

    pub(super) async fn record_refresh(
        &self,
        of: &Arc<Connection>,
        outcome: RefreshOutcome,
        request: &RefreshRequest,
    ) -> Result<Receipt, ExecuteError> {
        let (outcome, state) = (Box::new(outcome), Box::new(Connection::clone(of)));
        let command = Command::RefreshToken { outcome, of: state };
        let mut provenance = request.provenance.clone();
        if request.fingerprint.is_none() {
            provenance.command_id = self.shared.ports.command_id();
        }
        for _ in 0..BUSY_TRIES {
            let command = Box::new(command.clone());
            let work = Work::Connection { id: of.id, command, new_key: None };
            let fingerprint = request.fingerprint.clone();
            match self.record_attempt(of, request, provenance.clone(), fingerprint, work).await {
                Err(ExecuteError::Busy) => tokio::time::sleep(BUSY_WAIT).await,
                done => return done.map(|outcome| outcome.receipt),
            }
        }
        Err(ExecuteError::Busy)
    }

    /// Has the writer do something by the ledger itself, and waits until it is durable.
    async fn record_attempt(
        &self,
        connection: &Connection,
        request: &RefreshRequest,
        provenance: Provenance,
        fingerprint: Option<Fingerprint>,
        work: Work,
    ) -> Result<Outcome, ExecuteError> {
        let envelope = Envelope {
            workspace: connection.workspace.clone(),
            fingerprint,
            permit: Permit::of_ledger(request.caller.clone()),
            expected: Expected::Any,
            deadline: None,
            provenance,
            span: tracing::Span::none(),
        };
        let answer = self.submit(Prepared { work, envelope })?;
        answer.await.unwrap_or_else(|_| Err(Unavailable::ShuttingDown.into()))
    }
}

/// Returns how a connection gets its tokens.
pub(super) fn plan(connection: &Connection) -> Result<Plan, RefreshImpossible> {
    let names = connection.secrets.keys().map(FieldName::as_str);
    let plan = Plan::of(&connection.details, names).map_err(RefreshImpossible::Settings)?;
    match refers_elsewhere(connection, &plan.secrets()) {
        Some(name) => Err(RefreshImpossible::Refers(name)),
        None => Ok(plan),
    }
}

/// Returns what the next token is asked for with, as a secret of the connection, if it has one.
fn grant_of(of: &Connection, replaced: Option<Grant>) -> Option<(FieldName, GivenSecret)> {
    let replaced = replaced.filter(|_| is_authorized_by_a_person(of.details.auth_method));
    replaced.map(|Grant(mut text)| given(REFRESH_TOKEN, &mut text))
}

pub(super) fn given(name: &str, text: &mut String) -> (FieldName, GivenSecret) {
    let value = Plaintext::from_string(std::mem::take(text));
    (FieldName::stored(name.into()), GivenSecret::Value(value))
}

/// Returns one of some secrets that is a reference to another connection, if one is. The ledger
/// itself would follow it, with more rights than whoever asks. It may also lead to a token for
/// which another attempt would have to be waited for.
pub(super) fn refers_elsewhere(
    connection: &Connection,
    names: &BTreeSet<String>,
) -> Option<FieldName> {
    let refers = |(name, secret): &(&FieldName, &ledger_domain::Secret)| {
        secret.held.is_of_another_connection() && names.contains(name.as_str())
    };
    connection.secrets.iter().find(refers).map(|(name, _)| name.clone())
}

/// Sends a request to a token service and reads its answer.
pub(super) async fn ask<T>(
    sender: &dyn SendTest,
    request: Request,
    read: impl FnOnce(u16, Option<&str>, &[u8]) -> Result<T, Refusal>,
    secrets: &[&str],
) -> Result<T, TokenRefusal> {
    let passing = |reason: String| TokenRefusal { reason, gives_up: false, wait: None, code: None };
    match sender.send(request).await {
        SentTest::Answered { status, retry_after, body, .. } => {
            read(status, retry_after.as_deref(), &body).map_err(|mut refusal| {
                let mut reason = std::mem::take(&mut refusal.what);
                if let Some(said) = harmless_words(&body, secrets) {
                    reason.push_str(": ");
                    reason.push_str(&said);
                }
                let Refusal { gives_up, wait, code, .. } = refusal;
                TokenRefusal { reason, gives_up, wait, code }
            })
        }
        SentTest::Unanswered(why) => {
            Err(passing(format!("the token service gave no answer: {why}")))
        }
        SentTest::NotPermitted => Err(passing(
            "nothing was sent: the address of the token service is in a network that this server \
             may not reach, or not without TLS (--allow-check-network)"
                .to_owned(),
        )),
    }
}
