//! Reveals secrets, after an audit event is durable in the log.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use futures::future::{BoxFuture, try_join_all};
use ledger_contract::commands::{DrawnToken, ParsedCommand, Wrap};
use ledger_contract::handover::{HandoverToken, IssuedHandover};
use ledger_contract::records::{Happened, Record};
use ledger_contract::reply::Receipt;
use ledger_contract::reveal::{RevealAnswer, RevealedSecret};
use ledger_contract::time;
use ledger_contract::view::{self, ReferenceView};
use ledger_domain::{
    CheckedText, Connection, ConnectionId, FieldName, Generation, GivenOut, HandoverCommand,
    HandoverEvent, Line, Position, Prose, Rejection, SecretRevealed, WorkspaceName,
};
use ledger_vault::{Disclosure, Plaintext};
use zeroize::Zeroizing;

use crate::access::Permit;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};
use crate::execute::Outcome;
use crate::handovers::{self, NewToken, new_token};
use crate::history;
use crate::journal::Attempt;
use crate::master_keys::KeyUse;
use crate::references::ReadBy;
use crate::request::RequestContext;
use crate::writer::Work;

/// A request to give out values whose event is durable.
pub(crate) struct Recorded {
    pub(crate) context: RequestContext,
    pub(crate) attempt: Attempt,
    /// Ends when the answer has left.
    pub(crate) keys: KeyUse,
    pub(crate) outcome: Outcome,
    pub(crate) record: Record,
}

impl Recorded {
    /// Returns the state by which it was decided.
    pub(crate) fn connection(&self) -> Result<Arc<Connection>, Fault> {
        let connection = self.outcome.seen.clone();
        connection.ok_or_else(|| Fault::bug("a reveal was decided without a state"))
    }
}

/// A request whose answer has secrets.
#[derive(Debug)]
pub struct RevealRequest {
    /// The workspace to which it is sent.
    pub workspace: WorkspaceName,
    /// The command: `reveal-secret`, `unwrap`, `lease-secrets` or `read-leased-secrets`.
    pub command: ParsedCommand,
    /// The caller and the request's headers; see [`Engine::context`].
    pub context: RequestContext,
}

/// Revealed values, and the event that records it.
pub(crate) struct Values {
    connection: Arc<Connection>,
    receipt: Receipt,
    recorded: Disclosure,
    pub(crate) secrets: BTreeMap<FieldName, Value>,
    /// Dropped after the values, which it permits to be in memory.
    keys: KeyUse,
}

impl Values {
    /// Returns the connection with the values as texts, which the keys permit to be in memory.
    pub(crate) fn into_texts(self) -> Result<(Arc<Connection>, Texts, KeyUse), Fault> {
        let Self { connection, recorded, secrets, keys, .. } = self;
        Ok((connection, texts(secrets, &recorded)?, keys))
    }
}

/// Returns values as texts, which the keys permit to be in memory.
pub(crate) fn texts(
    secrets: BTreeMap<FieldName, Value>,
    recorded: &Disclosure,
) -> Result<Texts, Fault> {
    let text = |(field, (_, _, value)): (FieldName, Value)| {
        let text = std::str::from_utf8(value.expose(recorded));
        let text = text.map_err(|_| Fault::bug("a secret is not text"))?;
        Ok((field, Zeroizing::new(text.to_owned())))
    };
    secrets.into_iter().map(text).collect()
}

/// Values as texts.
pub(crate) type Texts = BTreeMap<FieldName, Zeroizing<String>>;

/// The value of a generation, and where it was found if that is elsewhere.
pub(crate) type Value = (Generation, Option<ReferenceView<'static>>, Plaintext);

/// Returns values as an answer has them.
pub(crate) fn shown(
    secrets: BTreeMap<FieldName, Value>,
    recorded: &Disclosure,
) -> Result<BTreeMap<String, RevealedSecret>, Fault> {
    let shown = |(field, (generation, reference, value)): (FieldName, Value)| {
        // The only plaintext copy is in the answer, which wipes it on drop.
        let text = std::str::from_utf8(value.expose(recorded));
        let value = text.map_err(|_| Fault::bug("a secret is not text"))?.to_owned();
        let generation = generation.get();
        Ok((field.text().to_owned(), RevealedSecret { generation, reference, value }))
    };
    secrets.into_iter().map(shown).collect()
}

/// Secrets that are being answered. Sealing the ledger waits until this is dropped.
#[derive(Debug)]
pub struct Revealed {
    // Dropped, and wiped, before the use of the keys ends.
    answer: RevealAnswer,
    /// Absent if the answer has no values.
    keys: Option<KeyUse>,
}

impl Deref for Revealed {
    type Target = RevealAnswer;

    fn deref(&self) -> &RevealAnswer {
        &self.answer
    }
}

impl Revealed {
    /// Returns the answer and the use of keys, which is to be dropped when the answer has left.
    pub(crate) fn into_parts(self) -> (RevealAnswer, Option<KeyUse>) {
        (self.answer, self.keys)
    }
}
impl Engine {
    /// Reveals secrets. The event that records it is durable before any value is opened, or looked
    /// for where a reference leads. Every call records its own event, so the request's command id
    /// is not used.
    ///
    /// Errors: those of the command; `sealed`.
    pub async fn reveal(&self, request: RevealRequest) -> Result<Revealed, ExecuteError> {
        let RevealRequest { workspace, mut command, context } = request;
        if !matches!(command, ParsedCommand::Reveal { .. } | ParsedCommand::Unwrap { .. }) {
            return Err(ExecuteError::VerbUnknown);
        }
        if let ParsedCommand::Reveal { wrap: Some(wrap), .. } = &mut command {
            let token = self.draw_token(wrap);
            let request = RevealRequest { workspace, command, context };
            let answer = self.hand_over(token, request).await?;
            return Ok(Revealed { answer, keys: None });
        }
        let token = Self::token_key(&command, &context);
        let request = RevealRequest { workspace, command, context };
        let recorded = self.recorded(request).await?;
        if recorded.outcome.seen.is_none() {
            let answer = self.received_key(&recorded, token.as_deref());
            let answer =
                answer.inspect_err(|error| self.note_unopened(error, &recorded.attempt))?;
            return Ok(Revealed { answer, keys: Some(recorded.keys) });
        }
        let Values { connection, receipt, recorded, secrets, keys } =
            self.recorded_values(recorded, 0).await?;
        let position = Position::new(receipt.position);
        let answer = self.answer_with(connection.id, position, shown(secrets, &recorded)?);
        Ok(Revealed { answer, keys: Some(keys) })
    }

    /// Opens values of a connection, or looks for them where references lead.
    pub(crate) async fn open_recorded(
        &self,
        connection: &Connection,
        generations: &BTreeMap<FieldName, Generation>,
        by: &ReadBy<'_>,
    ) -> Result<BTreeMap<FieldName, Value>, ExecuteError> {
        let read = generations.iter();
        let read = read.map(|(field, number)| self.value(connection, field, *number, by));
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// Returns the answer with these values, which the event at a position permits to give out.
    pub(crate) fn answer_with(
        &self,
        connection: ConnectionId,
        position: Position,
        secrets: BTreeMap<String, RevealedSecret>,
    ) -> RevealAnswer {
        let connection = connection.to_string();
        let incarnation = self.identity().incarnation.to_string();
        RevealAnswer {
            connection,
            position: position.get(),
            incarnation,
            secrets,
            handover: None,
            principal: None,
            api_key: None,
        }
    }

    /// Records a reveal and returns the values. `depth` is how many references have led here.
    pub(crate) async fn values(
        &self,
        request: RevealRequest,
        depth: usize,
    ) -> Result<Values, ExecuteError> {
        let recorded = self.recorded(request).await?;
        self.recorded_values(recorded, depth).await
    }

    /// Returns the values that a recorded reveal, or use of a handover, is of.
    pub(crate) async fn recorded_values(
        &self,
        recorded: Recorded,
        depth: usize,
    ) -> Result<Values, ExecuteError> {
        let connection = recorded.connection()?;
        let Recorded { context, attempt, keys, outcome: Outcome { receipt, .. }, record } =
            recorded;
        let Record { metadata, happened } = record;
        let (generations, reason, from) = match happened {
            Happened::Revealed(SecretRevealed { generations, reason, from }) => {
                (generations, reason, from)
            }
            Happened::Handover(HandoverEvent::Used {
                given: GivenOut::Values(generations),
                from,
                ..
            }) => (generations, Prose::stored(handovers::USED_REASON.into()), from),
            _ => return Err(Fault::bug("a reveal was recorded as something else").into()),
        };
        let recorded = Disclosure::recorded(metadata.event_id);
        let by = ReadBy {
            context: &context,
            keys: &keys,
            recorded: &recorded,
            reason: &reason,
            from: from.as_ref(),
            depth,
        };
        let secrets = self.open_recorded(&connection, &generations, &by).await;
        let secrets = secrets.inspect_err(|error| self.note_unopened(error, &attempt))?;
        Ok(Values { connection, receipt, recorded, secrets, keys })
    }

    /// Records a request to give out values. Its event is read back from the log, which proves that
    /// it was recorded.
    pub(crate) async fn recorded(&self, request: RevealRequest) -> Result<Recorded, ExecuteError> {
        let RevealRequest { workspace, command, mut context } = request;
        context.provenance.command_id = self.shared.ports.command_id();
        let attempt = context.attempt(&workspace, &command);
        let fresh = self.freshen(&workspace, &command, &mut context).await;
        fresh.inspect_err(|error| self.note_no_token(error, &attempt))?;
        // Whoever seals the ledger waits for the end of this use, which is when the answer has
        // left.
        let keys = self.shared.master_keys.enter();
        let outcome = self.decide(workspace, command, None, context.clone()).await?;
        // It was sealed when the request came, or the writer would have refused, and is not now.
        let keys = keys.or_else(|_| self.shared.master_keys.enter())?;
        let position = Position::new(outcome.receipt.position);
        let record = history::record(&self.shared.store, position)?;
        Ok(Recorded { context, attempt, keys, outcome, record })
    }

    /// Tells that what was to be revealed cannot be opened, or is not where its reference leads.
    pub(crate) fn note_unopened(&self, error: &ExecuteError, attempt: &Attempt) {
        if !matches!(error, ExecuteError::Reference(_)) {
            // The values are not as they were stored, or their key is gone.
            tracing::error!(error = %chain(error), "a secret cannot be opened");
            self.count_refusal(error.code());
        }
        self.record_refusal(error.code(), attempt);
    }

    /// Tells that there is no token to be given out.
    fn note_no_token(&self, error: &ExecuteError, attempt: &Attempt) {
        self.count_refusal(error.code());
        self.record_refusal(error.code(), attempt);
    }

    /// Generates the token of a handover and puts its digest into the command.
    fn draw_token(&self, wrap: &mut Wrap) -> NewToken {
        let token = new_token(&mut self.shared.ports.rng());
        wrap.drawn = Some(DrawnToken {
            id: token.id.clone(),
            digest: token.digest.clone(),
            sealed_key: None,
        });
        token
    }

    /// Hands the values over to the bearer of a token.
    async fn hand_over(
        &self,
        token: NewToken,
        request: RevealRequest,
    ) -> Result<RevealAnswer, ExecuteError> {
        let RevealRequest { workspace, command, mut context } = request;
        context.provenance.command_id = self.shared.ports.command_id();
        let attempt = context.attempt(&workspace, &command);
        let fresh = self.freshen(&workspace, &command, &mut context).await;
        fresh.inspect_err(|error| self.note_no_token(error, &attempt))?;
        let receipt = self.decide(workspace, command, None, context).await?.receipt;
        let position = Position::new(receipt.position);
        let Happened::Handover(HandoverEvent::Made(made)) =
            history::record(&self.shared.store, position)?.happened
        else {
            return Err(Fault::bug("a handover was recorded as something else").into());
        };
        Ok(RevealAnswer {
            connection: receipt.connection.unwrap_or_default(),
            position: receipt.position,
            incarnation: receipt.incarnation,
            secrets: BTreeMap::new(),
            principal: None,
            api_key: None,
            handover: Some(IssuedHandover {
                id: token.id.as_str().to_owned(),
                token: token.text.as_str().to_owned(),
                key: None,
                expires_at: time::format(made.until),
            }),
        })
    }

    /// Returns the work of an unwrap: the handover of the token that is the credential, or in the
    /// body.
    pub(crate) fn unwrapping(
        &self,
        permit: &Permit,
        token: Option<HandoverToken>,
        from: Option<Line>,
    ) -> Result<Work, ExecuteError> {
        let (by, caller) = (permit.principal(&self.shared), permit.handover());
        let command = HandoverCommand::Use { by, from };
        let Some(token) = token else {
            let id = caller.cloned().ok_or(Rejection::HandoverUnknown)?;
            return Ok(Work::Handover { id, digest: None, command });
        };
        let id = token.id().ok_or(Rejection::HandoverUnknown)?;
        let digest = Some(handovers::digest(token.as_str()));
        Ok(Work::Handover { id, digest, command })
    }

    /// Returns the values of another connection, to which a reference has led.
    pub(crate) fn further_values(
        &self,
        request: RevealRequest,
        depth: usize,
    ) -> BoxFuture<'_, Result<Values, ExecuteError>> {
        Box::pin(self.values(request, depth))
    }

    async fn value(
        &self,
        connection: &Connection,
        field: &FieldName,
        generation: Generation,
        by: &ReadBy<'_>,
    ) -> Result<(FieldName, Value), ExecuteError> {
        let secret = connection.secrets.get(field);
        let held = secret.and_then(|secret| secret.held_of(generation));
        let held = held.ok_or_else(|| Fault::bug("a revealed value is not in the state"))?;
        let value = self.secret_value(connection, field, held, by).await?;
        let reference = held.reference().map(|reference| view::reference(reference).into_owned());
        Ok((field.clone(), (generation, reference, value)))
    }
}
