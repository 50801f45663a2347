//! Gives out secrets under leases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_contract::commands::{ConnectionRef, ParsedCommand, Verb};
use ledger_contract::records::{Happened, Record};
use ledger_contract::reveal::LeaseAnswer;
use ledger_contract::time;
use ledger_domain::{
    CheckedText as _, Connection, EndedLeases, Expected, FieldName, Generation, InvalidField,
    LeaseCommand, LeaseEnd, LeaseEvent, LeaseId, LeasedReads, Micros, Position, Prose, ReadCount,
    Rejection, RevealSecret, WantedGeneration, WorkspaceName, decide_reveal, limits,
};
use ledger_vault::Disclosure;
use tracing::Instrument as _;
use zeroize::Zeroizing;

use super::in_flight::ReadInFlight;
use super::live::{LiveLease, LiveLeases};
use crate::access::{Permit, connection_unknown};
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, Unavailable};
use crate::execute::Outcome;
use crate::master_keys::KeyUse;
use crate::references::ReadBy;
use crate::request::{RequestContext, note};
use crate::reveal::{Recorded, RevealRequest, Revealed, shown};
use crate::writer::{Envelope, LeaseWork, Prepared, Work};

/// Longest wait for reads that began before a lease ended.
const READS_WAIT: Duration = Duration::from_secs(10);

/// An answer with secrets.
#[derive(Debug)]
pub enum SecretsAnswer {
    /// To `reveal-secret` and `unwrap`.
    Revealed(Revealed),
    /// To `lease-secrets` and `read-leased-secrets`.
    Leased(LeaseAnswer, SecretsInFlight),
}

/// Secrets on their way. The end of a lease and sealing the ledger wait until this is dropped: keep
/// it until the answer has been handed to the transport.
#[derive(Debug)]
pub struct SecretsInFlight {
    _read: Option<ReadInFlight>,
    _keys: Option<KeyUse>,
}

impl SecretsInFlight {
    fn leased(read: ReadInFlight, keys: KeyUse) -> Self {
        Self { _read: Some(read), _keys: Some(keys) }
    }
}

impl SecretsAnswer {
    /// Returns the JSON form, which is wiped when dropped, and what is to be kept until it is sent.
    pub fn into_json(self) -> (Zeroizing<Vec<u8>>, SecretsInFlight) {
        match self {
            Self::Revealed(revealed) => {
                let (answer, keys) = revealed.into_parts();
                (answer.to_json(), SecretsInFlight { _read: None, _keys: keys })
            }
            Self::Leased(answer, in_flight) => (answer.to_json(), in_flight),
        }
    }
}

/// A lease that was taken, until it is answered. Dropping it ends the lease.
struct Unanswered<'a> {
    leases: &'a LiveLeases,
    lease: Option<LeaseId>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.lease {
            self.leases.end_later(id, LeaseEnd::Returned);
        }
    }
}

/// What a command does to leases, so that its answer waits for the reads that began before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndsLeases {
    /// Nothing.
    No,
    /// It ends them by the way, or takes a right to read under them.
    Besides,
    /// It is there to end them.
    Only,
}

/// Returns what a command does to leases. That a rotation, an update or a revert ends some is no
/// promise about values that are on their way, unless others know these.
pub(crate) fn ends_leases(command: &ParsedCommand) -> EndsLeases {
    match command.verb() {
        Verb::ReturnLease | Verb::RevokeLeases | Verb::RevokeWorkspaceLeases => EndsLeases::Only,
        Verb::Disable
        | Verb::Archive
        | Verb::Erase
        | Verb::RevokeWorkspace
        | Verb::DisablePrincipal
        | Verb::UpdatePrincipal
        | Verb::RevokeKey
        | Verb::BlockToken => EndsLeases::Besides,
        Verb::RotateSecret if command.is_compromised() => EndsLeases::Besides,
        _ => EndsLeases::No,
    }
}

impl Engine {
    /// Answers a command whose answer has secrets.
    ///
    /// Errors: `verb_unknown` for other commands; those of the command.
    pub async fn secrets(&self, request: RevealRequest) -> Result<SecretsAnswer, ExecuteError> {
        let (verb, started) = (request.command.verb(), Instant::now());
        let span = request.context.span(verb);
        let answer = self.secrets_uncounted(request).instrument(span.clone()).await;
        note(&span, answer.as_ref().err());
        self.count_command(verb, answer.as_ref().map(|_| false), started);
        answer
    }

    async fn secrets_uncounted(
        &self,
        request: RevealRequest,
    ) -> Result<SecretsAnswer, ExecuteError> {
        match request.command {
            ParsedCommand::LeaseSecrets { .. } => self
                .lease(request)
                .await
                .map(|(answer, in_flight)| SecretsAnswer::Leased(answer, in_flight)),
            ParsedCommand::ReadLeased { .. } => {
                let attempt = request.context.attempt(&request.workspace, &request.command);
                let read = self.read_leased(request).await.inspect_err(|error| {
                    self.refused(error.code(), &attempt);
                });
                read.map(|(answer, in_flight)| SecretsAnswer::Leased(answer, in_flight))
            }
            _ => self.reveal(request).await.map(SecretsAnswer::Revealed),
        }
    }

    /// Waits, if a command ends leases, until no value is on its way that was read under them.
    ///
    /// Errors: `busy` if a reader does not take its answer in time, for commands that are there to
    /// end leases.
    pub(crate) async fn finish_leased_reads(&self, ends: EndsLeases) -> Result<(), ExecuteError> {
        if ends == EndsLeases::No || self.shared.leases.finish_reads(READS_WAIT).await {
            return Ok(());
        }
        if ends == EndsLeases::Only {
            return Err(ExecuteError::ReadsInFlight);
        }
        tracing::warn!(
            "values that were read under leases before their end are still on their way"
        );
        Ok(())
    }

    /// Takes a lease. The event is durable before any value is opened.
    async fn lease(
        &self,
        request: RevealRequest,
    ) -> Result<(LeaseAnswer, SecretsInFlight), ExecuteError> {
        let recorded = self.recorded(request).await?;
        let connection = recorded.connection()?;
        let Recorded { context, attempt, keys, outcome: Outcome { receipt, .. }, record } =
            recorded;
        let position = Position::new(receipt.position);
        let Record { metadata, happened } = record;
        let Happened::Lease(LeaseEvent::Taken { generations, until, reason, from, .. }) = happened
        else {
            return Err(Fault::bug("a lease was recorded as something else").into());
        };
        let read = self.shared.leases.begin();
        let id = LeaseId::of(metadata.event_id);
        // Nobody knows of a lease that was not answered.
        let mut unanswered = Unanswered { leases: &self.shared.leases, lease: Some(id) };
        let recorded = Disclosure::recorded(id.event());
        let by = ReadBy {
            context: &context,
            keys: &keys,
            recorded: &recorded,
            reason: &reason,
            from: from.as_ref(),
            depth: 0,
        };
        let values = self.open_recorded(&connection, &generations, &by).await;
        let values = values.inspect_err(|error| self.note_unopened(error, &attempt))?;
        let values = shown(values, &recorded)?;
        let now = self.clock().now();
        let live = self.shared.leases.get(id).and_then(|lease| lease.until(now));
        live.ok_or(Rejection::SecretLeaseEnded)?;
        let revealed = self.answer_with(connection.id, position, values);
        let answer = LeaseAnswer { lease: id.to_string(), until: time::format(until), revealed };
        unanswered.lease = None;
        Ok((answer, SecretsInFlight::leased(read, keys)))
    }

    /// Reads under a lease. Nothing here waits for the writer, unless a generation is read first.
    async fn read_leased(
        &self,
        request: RevealRequest,
    ) -> Result<(LeaseAnswer, SecretsInFlight), ExecuteError> {
        let RevealRequest { workspace, command, mut context } = request;
        // Only the owner of the ledger's name knows which leases have ended.
        self.ready()?;
        self.in_time(context.deadline)?;
        self.freshen(&workspace, &command, &mut context).await?;
        let leases = &self.shared.leases;
        let read = leases.begin();
        let keys = self.shared.master_keys.enter()?;
        self.renew(&mut context.caller)?;
        let permit = Permit::of(context.caller.clone(), &workspace, &command)?;
        let ParsedCommand::ReadLeased { target, lease, fields } = command else {
            return Err(ExecuteError::VerbUnknown);
        };
        let connection = self.reached(&workspace, &target)?;
        let lease = leases.get(lease).filter(|lease| {
            lease.holder == *context.caller.actor() && lease.connection == connection.id
        });
        if let Err(refused) = permit.check_before(&connection) {
            if let Some(lease) = lease {
                leases.end_later(lease.id, LeaseEnd::RightLost);
            }
            return Err(refused);
        }
        let lease = lease.ok_or(Rejection::SecretLeaseEnded)?;
        let now = self.clock().now();
        let Some(until) = lease.until(now) else {
            // Its end is recorded whatever the clock says next.
            leases.end_later(lease.id, LeaseEnd::Expired);
            return Err(Rejection::SecretLeaseEnded.into());
        };
        let generations = wanted(&connection, &lease, fields, now)?;
        let new = lease.unrecorded_of(&generations);
        let mut recorded = BTreeMap::new();
        if !new.is_empty() {
            recorded = self.record_first(&workspace, &lease, &generations, &context).await?;
        }
        // The event by which the lease was taken is the record that permits to open the values.
        let opened_by = Disclosure::recorded(lease.id.event());
        let reason = Prose::stored(format!("read under lease {}", lease.id).into());
        let (context, reason) = (&context, &reason);
        let by =
            ReadBy { context, keys: &keys, recorded: &opened_by, reason, from: None, depth: 0 };
        let values = shown(self.open_recorded(&connection, &generations, &by).await?, &opened_by)?;
        let (via, key) = (context.provenance.via, context.provenance.key.as_ref());
        let now = self.clock().now();
        if !leases.count_read(&lease, &generations, &recorded, (now, via, key)) {
            return Err(Rejection::SecretLeaseEnded.into());
        }
        let revealed = self.answer_with(connection.id, lease.position, values);
        let lease = lease.id.to_string();
        let answer = LeaseAnswer { lease, until: time::format(until), revealed };
        Ok((answer, SecretsInFlight::leased(read, keys)))
    }

    /// Returns the connection that a request from a workspace names.
    pub(crate) fn reached(
        &self,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
    ) -> Result<Arc<Connection>, ExecuteError> {
        let unknown = || connection_unknown(workspace, Some(target));
        let id = self.resolve(workspace, target)?.ok_or_else(unknown)?;
        let models = self.shared.models.load();
        let connection = self.shared.leases.connection(&models, id)?.ok_or_else(unknown)?;
        let is_here = connection.workspace == *workspace || connection.access.allows(workspace);
        if is_here { Ok(connection) } else { Err(unknown().into()) }
    }

    /// Records the first read of generations, before their values are given out. Returns what it
    /// recorded.
    async fn record_first(
        &self,
        workspace: &WorkspaceName,
        lease: &LiveLease,
        generations: &BTreeMap<FieldName, Generation>,
        context: &RequestContext,
    ) -> Result<BTreeMap<FieldName, Generation>, ExecuteError> {
        let _recording = lease.recording.lock().await;
        let new = lease.unrecorded_of(generations);
        if new.is_empty() {
            return Ok(new);
        }
        let last = self.clock().now();
        let read = |(field, generation): (&FieldName, &Generation)| {
            (field.clone(), vec![ReadCount { generation: *generation, count: 1, last }])
        };
        let reads: LeasedReads = new.iter().map(read).collect();
        let parsed = ParsedCommand::ReadLeased {
            target: ConnectionRef::Id(lease.connection),
            lease: lease.id,
            fields: BTreeSet::new(),
        };
        let permit = Permit::of(context.caller.clone(), workspace, &parsed)?;
        let mut provenance = context.provenance.clone();
        provenance.command_id = self.shared.ports.command_id();
        let command = LeaseCommand::Note { lease: lease.id, reads };
        let envelope = Envelope {
            workspace: workspace.clone(),
            fingerprint: None,
            permit,
            expected: Expected::Any,
            deadline: context.deadline,
            provenance,
            span: tracing::Span::current(),
        };
        let work = Work::Lease(LeaseWork::First { id: lease.connection, command });
        let answer = self.submit(Prepared { work, envelope })?;
        let Ok(decided) = answer.await else {
            self.ready()?;
            return Err(Unavailable::ShuttingDown.into());
        };
        decided?;
        self.ready()?;
        Ok(new)
    }

    /// Moves the end of a lease by default: to an hour from now, or to what is left of its day.
    pub(crate) fn renewed_until(&self, lease: LeaseId, now: Micros) -> Micros {
        let hour = now.get().saturating_add(limits::LEASE_DEFAULT_MICROS);
        let day =
            self.shared.leases.get(lease).map_or(i64::MAX, |lease| {
                lease.taken_at.get().saturating_add(limits::LEASE_MICROS)
            });
        Micros::new(hour.min(day))
    }
}

/// Returns the generations that a read gives out.
fn wanted(
    connection: &Connection,
    lease: &Arc<LiveLease>,
    fields: BTreeSet<FieldName>,
    now: Micros,
) -> Result<BTreeMap<FieldName, Generation>, ExecuteError> {
    let of_lease = lease.fields();
    if !fields.is_subset(&of_lease) {
        let problem = "must be fields of the lease; take another one for others";
        return Err(Rejection::from(InvalidField::new("fields", problem)).into());
    }
    let fields = if fields.is_empty() { of_lease } else { fields };
    let (generation, reason) = (WantedGeneration::Current, lease.reason.clone());
    let command = RevealSecret { fields, generation, reason, from: None, for_test: false };
    Ok(decide_reveal(Some(connection), command, now)?.generations)
}

/// Returns the command that ends one lease by the ledger itself.
pub(super) fn end_of(lease: LeaseId, because: LeaseEnd) -> LeaseCommand {
    LeaseCommand::End { which: EndedLeases::One(lease), because, reason: None }
}
