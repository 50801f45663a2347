//! Prepares commands: resolves the connection, seals the secrets and queues the command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use ledger_contract::Moment;
use ledger_contract::commands::{
    ConnectionRef, DrawnToken, GivenSecret, KeepFormer, LeaseChange, OverlapChange, ParsedCommand,
    ReplacedValues, Verb, Wrap,
};
use ledger_contract::records::ConnectionRow;
use ledger_contract::subjects;
use ledger_domain::connection::{Keep, Replaced, Retirement, Revision};
use ledger_domain::{
    Command, Connection, ConnectionId, FieldName, FormerEnd, Handover, HandoverCommand,
    InvalidField, LeaseCommand, LeaseEnd, Line, MessageId, Micros, NewSecret, PolicyCommand,
    PolicySubject, PrincipalCommand, Rejection, RevealSecret, TakeLease, Version, WorkspaceName,
    limits,
};
use ledger_store::tables::{claims, receipts};
use tracing::{Instrument as _, Span};

use crate::access::{Permit, connection_unknown};
use crate::engine::Engine;
use crate::errors::{ConnectionUnknown, ExecuteError, Fault, Unavailable};
use crate::executed::Executed;
use crate::fingerprint::{Fingerprint, Received};
use crate::handovers::IssuedAs;
use crate::history;
use crate::leases::ends_leases;
use crate::listings;
use crate::policies::SecretFields;
use crate::request::{RequestContext, note};
use crate::trials;
use crate::writer::{
    Answer, Envelope, GivenKeys, KeyWrapping, LeaseWork, LedgerWork, Prepared, Work, Wrapping,
};

/// A command and its circumstances.
#[derive(Debug)]
pub struct CommandRequest {
    /// The workspace to which it is sent.
    pub workspace: WorkspaceName,
    /// The command, with its secrets in plaintext.
    pub command: ParsedCommand,
    /// The request as it arrived, which helps to tell a repeat from another command under the same
    /// id.
    pub received: Received,
    /// The caller and the request's headers; see [`Engine::context`].
    pub context: RequestContext,
}

/// The writer's result for an accepted command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) receipt: ledger_contract::reply::Receipt,
    pub(crate) repeated: bool,
    /// The state whose secrets may be revealed.
    pub(crate) seen: Option<Arc<Connection>>,
    /// The handover to which the command was, as it was before.
    pub(crate) handed_over: Option<Arc<Handover>>,
}

/// The state of a command after the first checks.
pub(crate) enum Begun {
    /// It was answered earlier.
    Done(Outcome),
    /// The writer will answer.
    Waits(Answer),
}

impl Engine {
    /// Executes a command. When this returns `Ok`, its event is durable and every query sees it.
    ///
    /// After [`ExecuteError::Unavailable`] the outcome is unknown: retry with the same command id.
    pub async fn execute(&self, request: CommandRequest) -> Result<Executed, ExecuteError> {
        let (verb, started) = (request.command.verb(), Instant::now());
        let span = request.context.span(verb);
        let done = self.execute_uncounted(request).instrument(span.clone()).await;
        note(&span, done.as_ref().err());
        self.count_command(verb, done.as_ref().map(|done| done.repeated), started);
        done
    }

    async fn execute_uncounted(&self, request: CommandRequest) -> Result<Executed, ExecuteError> {
        let CommandRequest { workspace, command, received, context } = request;
        let verb = command.verb();
        if verb.spec().answer.has_secrets() {
            // `execute` would record the reveal and return no secret.
            return Err(ExecuteError::VerbUnknown);
        }
        // Comes first, because a repeat draws another key. A repeated confirmation is known by what
        // it says, whichever workspace it comes from.
        let repeatable = context.repeatable && command.verb() != Verb::ConfirmSecret;
        let fingerprint = repeatable.then(|| self.fingerprint(&workspace, &command, received));
        // The future of a request is moved several times before it runs, so it is kept small.
        match command {
            ParsedCommand::Test { .. } => {
                Box::pin(self.test(workspace, command, fingerprint, context)).await
            }
            ParsedCommand::ReportFailure { target, report } => {
                self.report_failure(&workspace, &target, &report, context)
            }
            ParsedCommand::ListModels { .. } => {
                Box::pin(self.list_models(workspace, command, context)).await
            }
            ParsedCommand::RefreshToken { .. } => {
                Box::pin(self.refresh(workspace, command, fingerprint, context)).await
            }
            ParsedCommand::Connect { .. } => {
                Box::pin(self.begin_connect(workspace, command, context)).await
            }
            ParsedCommand::Checked(command) => {
                Box::pin(self.checked(workspace, *command, fingerprint, context)).await
            }
            command => Box::pin(self.carry_out(workspace, command, fingerprint, context)).await,
        }
    }

    /// Executes a command that is nothing but a decision of the writer.
    pub(crate) async fn carry_out(
        &self,
        workspace: WorkspaceName,
        mut command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let issued = self.draw_key(&mut command);
        let signing = self.draw_signing(&workspace, &mut command);
        let seals = matches!(command, ParsedCommand::SealLedger);
        let ends_leases = ends_leases(&command);
        let outcome = self.decide(workspace, command, fingerprint, context).await?;
        self.finish_leased_reads(ends_leases).await?;
        if seals {
            // Also for a repeat, whose sender may have been told that secrets are on their way.
            self.await_wiped().await?;
        }
        let (api_key, handover) = match issued.filter(|_| !outcome.repeated) {
            None => (None, None),
            Some(IssuedAs::Key(key)) => (Some(key), None),
            Some(IssuedAs::Token(token, key)) => (None, Some(self.issued_handover(&token, &key)?)),
        };
        let Outcome { receipt, repeated, .. } = outcome;
        let signing = signing.filter(|_| !repeated);
        Ok(Executed { api_key, handover, signing, ..Executed::of(receipt, repeated) })
    }

    /// Queues a command and waits for the writer's decision. Without a fingerprint, the command has
    /// no receipt. A refusal that matters is recorded in the audit journal.
    pub(crate) async fn decide(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Outcome, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let decided = self.await_decision(workspace, command, fingerprint, context).await;
        decided.inspect_err(|error| self.record_refusal(error.code(), &attempt))
    }

    async fn await_decision(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Outcome, ExecuteError> {
        let given = self.read_master_keys(&workspace, &command, &context).await;
        let submitted =
            given.and_then(|given| self.begin(workspace, command, fingerprint, context, given));
        let begun = submitted.inspect_err(|error| self.count_refusal(error.code()))?;
        let outcome = match begun {
            Begun::Done(outcome) => outcome,
            // A missing answer means that the writer has ended; the error says why.
            Begun::Waits(answer) => answer.await.unwrap_or_else(|_| {
                self.ready()?;
                Err(Unavailable::ShuttingDown.into())
            })?,
        };
        // A lease may have run out while the command waited. Then another instance may be the owner
        // by now, and must be the only one whose answers count.
        self.may_write().inspect_err(|error| self.count_refusal(error.code()))?;
        Ok(outcome)
    }

    fn may_write(&self) -> Result<(), Unavailable> {
        self.shared.may_write()
    }

    /// Reads the master keys again for a command that needs them, if its sender may send it.
    /// Returns none if the ledger is not in the state that the command needs.
    async fn read_master_keys(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        context: &RequestContext,
    ) -> Result<Option<GivenKeys>, ExecuteError> {
        let unseals = matches!(command, ParsedCommand::UnsealLedger);
        if !unseals && !matches!(command, ParsedCommand::RotateMasterKey) {
            return Ok(None);
        }
        let mut caller = context.caller.clone();
        self.renew(&mut caller)?;
        Permit::of(caller, workspace, command)?;
        // A sealed ledger reads no keys before it is unsealed, and one that is not sealed has them.
        let in_use = match (unseals, self.shared.master_keys.enter()) {
            (true, Err(_)) => None,
            (false, Ok(keys)) => Some(keys),
            (true, Ok(_)) | (false, Err(_)) => return Ok(None),
        };
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || shared.master_keys.read_source());
        let read = read.await.map_err(|_| Fault::bug("reading the master keys panicked"))?;
        Ok(Some(GivenKeys { ring: read?, shares: 0, in_use }))
    }

    /// Checks a command before it is queued, then queues it. `given` are the master keys as they
    /// are now, for a command that needs them.
    pub(crate) fn begin(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
        given: Option<GivenKeys>,
    ) -> Result<Begun, ExecuteError> {
        let RequestContext { mut caller, expected, deadline, provenance, .. } = context;
        self.readers.note_command();
        self.renew(&mut caller)?;
        // Callers without rights here must not learn which command ids are in use.
        let permit = Permit::of(caller, &workspace, &command)?;
        let checked = permit.check_principal(&self.shared.directory, &command)?;
        self.check_lifetime(&command)?;
        self.may_write()?;
        let expected = checked.expected(expected).map_err(ExecuteError::from);
        let work = expected
            .and_then(|expected| Ok((expected, self.work(&permit, &workspace, command, given)?)));
        let (expected, work) = match work {
            Ok(work) => work,
            // The target may be gone because this very command archived it.
            Err(error) => {
                let id = &provenance.command_id;
                let answered = match &fingerprint {
                    Some(fingerprint) => self.answered(&permit, &workspace, id, fingerprint)?,
                    None => None,
                };
                return answered.map(Begun::Done).ok_or(error);
            }
        };
        let span = Span::current();
        let envelope =
            Envelope { workspace, fingerprint, permit, expected, deadline, provenance, span };
        self.submit(Prepared { work, envelope }).map(Begun::Waits)
    }

    /// Returns the earlier answer to a command, if the caller may see it.
    pub(crate) fn answered(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        command_id: &MessageId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Outcome>, ExecuteError> {
        let receipt = receipts::get(&self.shared.store, &receipts::key(workspace, command_id));
        let Some(receipt) = receipt.map_err(Fault::from)? else {
            return Ok(None);
        };
        let models = self.shared.models.load();
        let row = receipt.connection.map(|id| models.row(id)).transpose()?.flatten();
        let state = row.as_ref().map(|row| &row.connection);
        permit.repeat(workspace, fingerprint, &self.shared, &receipt, state)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of command")]
    fn work(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        command: ParsedCommand,
        given: Option<GivenKeys>,
    ) -> Result<Work, ExecuteError> {
        match command {
            ParsedCommand::RotateMasterKey => {
                Ok(Work::Ledger(LedgerWork::Rotate(given.ok_or(Rejection::Sealed)?)))
            }
            ParsedCommand::RetireMasterKey { key } => Ok(Work::Ledger(LedgerWork::Retire(key))),
            ParsedCommand::SealLedger => Ok(Work::Ledger(LedgerWork::Seal)),
            ParsedCommand::UnsealLedger => {
                Ok(Work::Ledger(LedgerWork::Unseal(given.ok_or(Rejection::NothingToChange)?)))
            }
            ParsedCommand::CreateWorkspace(created) => Ok(Work::Workspace(created)),
            ParsedCommand::Alert(command) => Ok(Work::Alert(command)),
            ParsedCommand::Policy { connection, command } => {
                self.policy(permit, workspace, connection.as_ref(), command)
            }
            // `execute` has already taken it out.
            ParsedCommand::Checked(_) => Err(Fault::bug("a check was not made").into()),
            ParsedCommand::Create(mut draft) => {
                self.check_references(permit, workspace, None, draft.secrets.iter_mut())?;
                self.create(*draft)
            }
            ParsedCommand::Principal { name, command, wrap } => {
                let wrapping = wrap.map(|wrap| key_wrapping(*wrap)).transpose()?;
                Ok(Work::Principal { name, command, wrapping })
            }
            // `draw_key` has already replaced this command.
            ParsedCommand::IssueKey { .. } => Err(Fault::bug("no key was generated").into()),
            ParsedCommand::Reveal { target, fields, generation, reason, from, wrap } => {
                let id = self.find(permit, workspace, &target)?;
                let reveal = RevealSecret { fields, generation, reason, from, for_test: false };
                let Some(wrap) = wrap else { return Ok(Work::Reveal { id, command: reveal }) };
                let Wrap { until, receiver, drawn } = *wrap;
                let drawn = drawn.ok_or_else(|| Fault::bug("no token was drawn"))?;
                let DrawnToken { id: handover, digest, .. } = drawn;
                let wrapping = Wrapping { id: handover, digest, until, receiver, reveal };
                Ok(Work::HandOver { id, wrapping: Box::new(wrapping) })
            }
            ParsedCommand::Test { target, fields } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(Work::Reveal { id, command: trials::reveal(fields) })
            }
            ParsedCommand::ListModels { target, fields, .. } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(Work::Reveal { id, command: listings::reveal(fields) })
            }
            ParsedCommand::Unwrap { token, from } => self.unwrapping(permit, token, from),
            ParsedCommand::RevokeHandover { handover: id, reason } => {
                let command = HandoverCommand::Revoke { reason };
                Ok(Work::Handover { id, digest: None, command })
            }
            ParsedCommand::LeaseSecrets { target, fields, until, reason, from } => {
                let id = self.find(permit, workspace, &target)?;
                let now = self.shared.ports.now();
                let default = || Micros::new(now.get() + limits::LEASE_DEFAULT_MICROS);
                let until = until.map_or_else(default, |until| until.time(now));
                let command = LeaseCommand::Take(TakeLease { fields, until, reason, from });
                Ok(Work::Lease(LeaseWork::Command { id, command }))
            }
            ParsedCommand::Lease { target, change } => {
                let id = self.find(permit, workspace, &target)?;
                let command = self.lease_command(change);
                Ok(Work::Lease(LeaseWork::Command { id, command }))
            }
            ParsedCommand::EndWorkspaceLeases(command) => {
                Ok(Work::Lease(LeaseWork::Workspace(command)))
            }
            // Nothing is decided for a read or a report, and for a refresh only what came of it.
            ParsedCommand::ReadLeased { .. }
            | ParsedCommand::ReportFailure { .. }
            | ParsedCommand::RefreshToken { .. }
            | ParsedCommand::Connect { .. } => Err(ExecuteError::VerbUnknown),
            ParsedCommand::Consumer { target, command } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(Work::Consumer { id, command })
            }
            ParsedCommand::Overlap { target, fields, change } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(existing(id, overlap_change(fields, change, self.shared.ports.now())))
            }
            ParsedCommand::Change { target, command } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(existing(id, self.with_history(permit, id, *command)?))
            }
            ParsedCommand::RotateSecret { target, mut secrets, replaced } => {
                let id = self.find(permit, workspace, &target)?;
                self.check_new_values(permit, id, None, secrets.iter())?;
                self.check_references(permit, workspace, Some(id), secrets.iter_mut())?;
                let secrets = self.seal_all(workspace, id, secrets)?;
                let replaced = replaced_values(replaced, self.shared.ports.now());
                Ok(existing(id, Command::RotateSecret { secrets, replaced }))
            }
            ParsedCommand::Update { target, revision, mut secrets, detach_secrets } => {
                let id = self.find(permit, workspace, &target)?;
                let values =
                    secrets.iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
                let provider = revision.provider.as_ref().map(Line::as_str);
                self.check_new_values(permit, id, provider, values)?;
                let given = secrets.iter_mut();
                let given = given.filter_map(|(field, given)| Some((field, given.as_mut()?)));
                self.check_references(permit, workspace, Some(id), given)?;
                let (set, removed): (Vec<_>, Vec<_>) =
                    secrets.into_iter().partition(|(_, value)| value.is_some());
                let set = set.into_iter().filter_map(|(field, value)| Some((field, value?)));
                let mut secrets: BTreeMap<FieldName, Option<NewSecret>> = self
                    .seal_all(workspace, id, set.collect())?
                    .into_iter()
                    .map(|(field, secret)| (field, Some(secret)))
                    .collect();
                secrets.extend(removed.into_iter().map(|(field, _)| (field, None)));
                let revision = Box::new(Revision { secrets, ..*revision });
                Ok(existing(id, Command::Update { revision, detach_secrets }))
            }
        }
    }

    /// Adds the state to which a revert returns, so that the deciding thread need not read it. The
    /// decider looks again for a version that is not durable yet.
    fn with_history(
        &self,
        permit: &Permit,
        id: ConnectionId,
        command: Command,
    ) -> Result<Command, ExecuteError> {
        let Command::Revert { to, then: None, detach_secrets } = command else {
            return Ok(command);
        };
        let row = self.shared.models.load().row(id)?;
        let earlier = row.filter(|row| to < row.connection.version && to > Version::ZERO);
        let Some(now) = earlier.map(|row| row.connection) else {
            return Ok(Command::Revert { to, then: None, detach_secrets });
        };
        let then = history::state_at(&self.shared.store, id, to)?;
        if let Some(then) = then.as_ref().filter(|_| permit.check_before(&now).is_ok()) {
            self.check_earlier(&now, then)?;
        }
        Ok(Command::Revert { to, then: then.map(Box::new), detach_secrets })
    }

    /// Checks new values of an existing connection's secrets against the policies. `provider` is
    /// the one that it is to have, if that changes.
    fn check_new_values<'v>(
        &self,
        permit: &Permit,
        id: ConnectionId,
        provider: Option<&str>,
        values: impl Iterator<Item = (&'v FieldName, &'v GivenSecret)>,
    ) -> Result<(), ExecuteError> {
        let row = self.shared.models.load().row(id)?;
        // Who may not do it is told that, and not whether a value would do.
        let row = row.filter(|row| permit.check_before(&row.connection).is_ok());
        let Some(now) = row.map(|row| row.connection) else { return Ok(()) };
        let provider = provider.unwrap_or(now.details.provider.as_str());
        let fields = SecretFields::new(&self.shared.catalogue, &now.workspace, id, provider);
        self.check_values(fields, values)
    }

    /// Finds the connection that a policy is about.
    fn policy(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        connection: Option<&ConnectionRef>,
        command: PolicyCommand,
    ) -> Result<Work, ExecuteError> {
        let connection = match connection {
            None => None,
            Some(_) if workspace.as_str() == subjects::LEDGER => {
                let problem = "must be absent from a policy of the whole ledger";
                let invalid = InvalidField::new("about.connection", problem);
                return Err(Rejection::Invalid(invalid).into());
            }
            Some(target) => Some(self.find(permit, workspace, target)?),
        };
        let about = |subject: PolicySubject| PolicySubject { connection, ..subject };
        Ok(Work::Policy(match command {
            PolicyCommand::Set { subject, policy } => {
                if let Some(id) = connection {
                    let row = self.shared.models.load().row(id)?;
                    let is_here = |row: &ConnectionRow| row.connection.workspace == *workspace;
                    row.filter(is_here).ok_or(ConnectionUnknown::Id)?;
                }
                self.check_pattern(&policy).map_err(Rejection::from)?;
                PolicyCommand::Set { subject: about(subject), policy }
            }
            PolicyCommand::Remove { subject } => PolicyCommand::Remove { subject: about(subject) },
        }))
    }

    fn lease_command(&self, change: LeaseChange) -> LeaseCommand {
        let now = self.shared.ports.now();
        match change {
            LeaseChange::Renew { lease, until } => {
                let default = || self.renewed_until(lease, now);
                let until = until.map_or_else(default, |until| until.time(now));
                LeaseCommand::Renew { lease, until }
            }
            LeaseChange::Return { lease } => LeaseCommand::Return { lease },
            LeaseChange::Revoke { which, reason } => {
                LeaseCommand::End { which, because: LeaseEnd::Revoked, reason }
            }
        }
    }

    /// Checks that a key that is to be issued does not outlast the ceiling.
    fn check_lifetime(&self, command: &ParsedCommand) -> Result<(), Rejection> {
        let ParsedCommand::Principal { command, .. } = command else { return Ok(()) };
        let PrincipalCommand::IssueKey { expires_at, .. } = &**command else { return Ok(()) };
        Ok(self.shared.key_lifetimes.check(*expires_at, self.shared.ports.now())?)
    }

    /// Resolves the connection of a command. A hidden connection is indistinguishable from a
    /// missing one: both fail before the queue and the deadline are considered.
    pub(crate) fn find(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
    ) -> Result<ConnectionId, ExecuteError> {
        let unknown = || connection_unknown(workspace, Some(target));
        let id = self.resolve(workspace, target)?.ok_or_else(unknown)?;
        if permit.knows_all_of(workspace) {
            return Ok(id);
        }
        let row = self.shared.models.load().row(id)?;
        let known = row.is_some_and(|row| permit.knows_from(workspace, &row.connection));
        if known { Ok(id) } else { Err(unknown().into()) }
    }

    /// Resolves a reference to a connection. Archived connections are found only by id.
    pub(crate) fn resolve(
        &self,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
    ) -> Result<Option<ConnectionId>, Fault> {
        let slug = match target {
            ConnectionRef::Id(id) => return Ok(Some(*id)),
            ConnectionRef::Slug(slug) => slug,
        };
        Ok(claims::get(&self.shared.store, &claims::key(workspace, slug))?)
    }
}

/// Returns how the key is handed over that a command issues.
fn key_wrapping(wrap: Wrap) -> Result<Box<KeyWrapping>, Fault> {
    let Wrap { until, receiver, drawn } = wrap;
    let Some(DrawnToken { id, digest, sealed_key: Some(sealed) }) = drawn else {
        return Err(Fault::bug("no token was drawn"));
    };
    Ok(Box::new(KeyWrapping { id, digest, until, receiver, sealed }))
}

/// Returns what becomes of the values that a rotation at `now` replaces.
fn replaced_values(replaced: ReplacedValues, now: Micros) -> Replaced {
    match replaced {
        ReplacedValues::Retired => Replaced::Retired,
        ReplacedValues::Kept(keep) => Replaced::Kept(kept(keep, now)),
        ReplacedValues::Compromised => Replaced::Compromised,
    }
}

/// Returns how long a rotation at `now` keeps the former values.
fn kept(keep: KeepFormer, now: Micros) -> Keep {
    let default = || Micros::new(now.get().saturating_add(limits::OVERLAP_DEFAULT_MICROS));
    let until = keep.until.map_or_else(default, |until| until.time(now));
    Keep { end: FormerEnd { until, once_confirmed: keep.once_confirmed }, now }
}

fn overlap_change(fields: BTreeSet<FieldName>, change: OverlapChange, now: Micros) -> Command {
    match change {
        OverlapChange::Cancel => Command::CancelRotation { fields, now },
        OverlapChange::Retire { at } => {
            let later = |at: Moment| Retirement::At { until: at.time(now), now };
            Command::RetireFormer { fields, when: at.map_or(Retirement::Now, later) }
        }
    }
}

fn existing(id: ConnectionId, command: Command) -> Work {
    Work::Connection { id, command: Box::new(command), new_key: None }
}
