//! Decides commands in order and collects groups to commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Sender;
use ledger_contract::records::{self, Metadata, StoredFingerprint, StreamId};
use ledger_domain::connection::GrantScope;
use ledger_domain::{
    Command, Connection, ConnectionId, Event, Expected, HandoverCommand, LeaseCommand, LeaseEnd,
    MessageId, Micros, Rejection, Version, Workspace, WorkspaceCreated, WorkspaceName, decide,
    limits,
};
use ledger_store::tables::{Receipt, StreamKey, log, receipts, streams};
use parking_lot::Mutex;

use super::beside::ConsumerOutcome;
use super::changes::{Changed, KeyChange, evolved};
use super::clock::ClockWatch;
use super::committer::Committer;
use super::queue::{CloseOnDrop, Queue};
use super::quotas::{Meter, Taking, is_always_permitted};
use super::state::{Head, State};
use super::{
    Accepted, Effect, Envelope, GROUP_BYTES_MAX, GROUP_COMMANDS_MAX, Group, Job, LeaseWork,
    Prepared, ReplyTo, Work, answer,
};
use crate::access::Permit;
use crate::destination::{self, SecretsGiven};
use crate::engine::Shared;
use crate::errors::{DeadlineExpired, ExecuteError, Fault, Unavailable};
use crate::execute::Outcome;
use crate::exposure;
use crate::fingerprint::Fingerprint;
use crate::history;
use crate::models::Change;
use crate::redaction;
use crate::replication::{ValueBeside, data_key_name};

/// An event that was decided on, and what is known of its command.
pub(super) struct Decided {
    pub(super) event: Event,
    /// The secrets that the command had.
    pub(super) given: SecretsGiven,
    /// Whether it is permitted whatever is used up.
    pub(super) always: bool,
    /// The data key of a new connection.
    pub(super) new_key: Option<Vec<u8>>,
}

/// The decider, which runs on its own thread.
pub(crate) struct Decider {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) meter: Meter,
    queue: Arc<Queue>,
    groups: Sender<Group>,
    committer: Arc<Mutex<Committer>>,
    /// Whether the committing thread is working on a group.
    busy: bool,
    /// Whether the last group was a single command.
    alone: bool,
    /// What the clock says, if it went back since the last event.
    clock: Option<Micros>,
    clock_watch: ClockWatch,
    /// The connection whose leases the command that is being decided ends, and why.
    pub(super) ends_leases: Option<(ConnectionId, LeaseEnd)>,
    pub(super) group: Group,
    pub(super) record: Vec<u8>,
    /// The place of the command in a trace that is being decided.
    traceparent: Option<Arc<str>>,
}

impl Decider {
    pub(crate) fn new(
        shared: Arc<Shared>,
        queue: Arc<Queue>,
        groups: Sender<Group>,
        committer: Arc<Mutex<Committer>>,
    ) -> Result<Self, Fault> {
        let state = State::load(shared.clone())?;
        let group = Group::default();
        let (now, moment) = (shared.ports.now(), Instant::now());
        let mut clock_watch = ClockWatch::new(now, moment);
        clock_watch.look(now, moment, state.recorded_at);
        let record = Vec::with_capacity(4 * 1_024);
        Ok(Self {
            shared,
            state,
            meter: Meter::default(),
            queue,
            groups,
            committer,
            busy: false,
            alone: true,
            clock: None,
            clock_watch,
            ends_leases: None,
            group,
            record,
            traceparent: None,
        })
    }

    /// Runs until the queue is closed and everything is committed.
    pub(crate) fn run(mut self) {
        let _close_on_drop =
            CloseOnDrop::new(Arc::clone(&self.queue), Arc::clone(&self.shared.store));
        let mut jobs = VecDeque::new();
        loop {
            let pending = self.group.len() > 0;
            let news = self.queue.take(&mut jobs, self.busy, pending);
            self.busy &= !news.committed;
            if jobs.is_empty() {
                if news.closed {
                    break;
                }
                if pending && !self.busy {
                    self.hand_over();
                }
            }
            for job in jobs.drain(..) {
                self.work(job);
            }
        }
        self.drain();
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Command(prepared, reply) => self.command(*prepared, reply),
            Job::Rewrapped(rows, tell) => self.put_rewrapped(rows, tell),
            Job::Remove(removals, tell) => self.remove(removals, tell),
            Job::AlertRows(writes, tell) => self.put_alert_rows(writes, tell),
            Job::Follow(group, tell) => self.follow(*group, tell),
            Job::Lead(epoch, tell) => self.lead(epoch, &tell),
            Job::Pause(work) => {
                self.drain();
                work();
            }
        }
        if self.is_full() {
            self.await_committer();
            self.hand_over();
        }
    }

    fn is_full(&self) -> bool {
        self.group.len() >= GROUP_COMMANDS_MAX
            || self.group.batch.size_bytes() >= GROUP_BYTES_MAX
            || self.group.beside.is_full()
    }

    /// Waits until the committing thread is idle.
    pub(super) fn await_committer(&mut self) {
        if self.busy {
            self.queue.wait_for_commit();
            self.busy = false;
        }
    }

    /// Hands the group over to be committed. Lone commands in succession are committed on this
    /// thread: there is nothing to decide meanwhile, and waking another thread takes as long as a
    /// sync of a good disk.
    fn hand_over(&mut self) {
        self.put_counts();
        let mut group = std::mem::take(&mut self.group);
        group.head = self.state.position;
        let was_alone = std::mem::replace(&mut self.alone, group.len() == 1);
        if was_alone && self.alone {
            return self.committer.lock().commit(group);
        }
        self.busy = self.groups.send(group).is_ok();
        if !self.busy {
            tracing::error!("the committing thread has ended");
        }
    }

    /// Waits until everything decided is durable.
    pub(super) fn drain(&mut self) {
        self.await_committer();
        if self.group.len() > 0 {
            self.hand_over();
            self.await_committer();
        }
    }

    fn command(&mut self, prepared: Prepared, reply: ReplyTo) {
        let span = prepared.envelope.span.clone();
        self.traceparent = ledger_spans::traceparent(&span).map(Arc::from);
        let decided = ledger_spans::decide(&span);
        let outcome = self.execute(prepared);
        drop(decided);
        self.traceparent = None;
        if !span.is_disabled() {
            self.group.spans.push(span);
        }
        if let Err(error) = &outcome {
            self.shared.refusals.count(error.code());
        }
        self.group.replies.push((reply, outcome));
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of work")]
    fn execute(&mut self, mut prepared: Prepared) -> Result<Outcome, ExecuteError> {
        if let Some(poison) = self.shared.store.poisoned_by() {
            return Err(Unavailable::from(poison).into());
        }
        // A process that was stopped for a while finds commands here that it accepted before.
        self.shared.may_write()?;
        let now = self.shared.ports.now();
        self.clock_watch.look(now, Instant::now(), self.state.recorded_at);
        let state = &self.state;
        let Envelope { permit, workspace, .. } = &mut prepared.envelope;
        let changes = state.principal_changes();
        let renewed = permit.renew(workspace, now, changes, |caller| state.again(caller, now))?;
        if let (true, Work::Principal { name, command, .. }) = (renewed, &prepared.work) {
            permit.check_principal_again(state.principal(name).as_deref(), command)?;
        }
        let fingerprint = prepared.envelope.fingerprint.as_ref().map(Fingerprint::stored);
        // A command that nobody can repeat has no receipt.
        let key = fingerprint.map(|_| receipt_key(&prepared.envelope));
        let used = key.as_ref().map(|key| self.state.receipt(key)).transpose()?.flatten();
        if let Some(receipt) = &used
            && let Some(outcome) = self.repeat(&prepared.envelope, receipt)?
        {
            return Ok(outcome);
        }
        let Prepared { work, envelope } = prepared;
        let sent = self.shared.log.is_set().then(|| sent_to(&envelope));
        if envelope.deadline.is_some_and(|deadline| deadline < now) {
            return Err(DeadlineExpired.into());
        }
        if used.is_some() {
            // The caller may not know the command that used this id. The error appears only if the
            // caller is entitled to send this command.
            self.check_sender(&work, &envelope)?;
            return Err(ExecuteError::CommandIdReused);
        }
        let recorded_at = now.max(self.state.recorded_at);
        self.clock = (now < recorded_at).then_some(now);
        let (mut seen, mut handed_over, mut further) = (None, None, None);
        let (connection, version) = match work {
            Work::Workspace(created) => {
                self.create_workspace(envelope, created, recorded_at)?;
                (None, Version::new(1))
            }
            Work::Connection { id, command, new_key } => {
                let version = self.change(envelope, id, *command, new_key, recorded_at)?;
                (Some(id), version)
            }
            Work::Policy(command) => (None, self.change_policies(envelope, command, recorded_at)?),
            Work::Alert(command) => (None, self.change_alerts(envelope, command, recorded_at)?),
            Work::Overdue(id) => (Some(id), self.note_overdue(envelope, id, recorded_at)?),
            Work::Ledger(work) => (None, self.change_ledger(envelope, work, recorded_at)?),
            Work::Principal { name, command, wrapping } => {
                if let Some(wrapping) = wrapping {
                    let made = self.wrap_key(&envelope, &name, &command, *wrapping, recorded_at);
                    further = Some(made?);
                }
                (None, self.change_principal(envelope, &name, *command, recorded_at)?)
            }
            Work::Consumer { id, command } => {
                match self.consumer(envelope, id, command, recorded_at)? {
                    ConsumerOutcome::New(version) => (Some(id), version),
                    ConsumerOutcome::Known(receipt) => {
                        return Ok(answer(&self.shared, &receipt, true));
                    }
                }
            }
            Work::HandOver { id, wrapping } => {
                (Some(id), self.wrap(envelope, id, *wrapping, recorded_at)?)
            }
            // Nothing is used up for values that could not be given out.
            Work::Handover { command: HandoverCommand::Use { .. }, .. }
            | Work::Reveal { .. }
            | Work::Lease(
                LeaseWork::Command { command: LeaseCommand::Take(_), .. } | LeaseWork::First { .. },
            ) if self.state.ledger.is_sealed => {
                return Err(Rejection::Sealed.into());
            }
            Work::Handover { id, digest, command } => {
                let step = self.handover(envelope, &id, digest.as_ref(), command, recorded_at)?;
                (seen, further) = (step.connection, step.further);
                handed_over = Some(step.before);
                (seen.as_ref().map(|connection| connection.id), step.version)
            }
            Work::Lease(work) => {
                let leased = self.lease(envelope, work, recorded_at)?;
                seen = leased.seen;
                (leased.connection, leased.version)
            }
            Work::Reveal { id, command } => {
                let (version, connection) = self.reveal(envelope, id, command, recorded_at)?;
                seen = Some(connection);
                (Some(id), version)
            }
        };
        let position = self.state.position;
        let fingerprint = fingerprint.unwrap_or_default();
        let receipt = Receipt { connection, version, position, recorded_at, fingerprint };
        if let Some(key) = key {
            receipts::put(&mut self.group.batch, &self.shared.store, &key, &receipt);
            if let Some((workspace, command)) = &sent {
                self.group.beside.add_receipt(workspace, command.as_str(), &receipt);
            }
            self.state.set_receipt(key, receipt);
        }
        self.state.recorded_at = recorded_at;
        further.map_or(Ok(()), |further| self.record_further(further, recorded_at))?;
        self.end_leases(recorded_at)?;
        Ok(Outcome { seen, handed_over, ..answer(&self.shared, &receipt, false) })
    }

    /// Returns what the clock says, of a command that is recorded `at` a time.
    pub(super) fn now(&self, at: Micros) -> Micros {
        self.clock.unwrap_or(at)
    }

    /// Checks an event by what the catalogue says of its settings, and adds what follows from that.
    ///
    /// Errors: `secret_exposed`, `destination_forbidden`.
    fn settle(
        &self,
        permit: &Permit,
        before: Option<&Connection>,
        given: &SecretsGiven,
        event: Event,
    ) -> Result<Event, ExecuteError> {
        let catalogue = &self.shared.catalogue;
        let Some(before) = before else {
            if let Event::Created(draft) = &event {
                exposure::check_settings(catalogue, None, &draft.details)?;
                exposure::check_models(None, &draft.models)?;
            }
            return Ok(event);
        };
        if let Event::ModelPolicySet(policy) = &event {
            exposure::check_models(Some(&before.models), policy)?;
        }
        let Some(after) = event.details_after(before) else { return Ok(event) };
        exposure::check(catalogue, before, &event, &after)?;
        let event = redaction::settle(catalogue, before, &after, event);
        destination::settle(catalogue, permit, before, given, &after, event)
    }

    /// Returns the metadata of the next event.
    pub(super) fn metadata(
        &self,
        envelope: Envelope,
        stream: StreamId,
        version: Version,
        at: Micros,
    ) -> Metadata {
        Metadata {
            position: self.state.position.next(),
            stream,
            version,
            event_id: self.shared.ports.event_id(at),
            workspace: envelope.workspace,
            recorded_at: at,
            clock: self.clock,
            epoch: Some(self.shared.epoch.load(Ordering::SeqCst)),
            actor: envelope.permit.actor().clone(),
            provenance: envelope.provenance,
            fingerprint: envelope.fingerprint.as_ref().map(|own| StoredFingerprint(own.stored())),
        }
    }

    fn create_workspace(
        &mut self,
        envelope: Envelope,
        created: WorkspaceCreated,
        at: Micros,
    ) -> Result<(), ExecuteError> {
        if self.state.has_workspace(&created.name) {
            return Err(ExecuteError::WorkspaceTaken);
        }
        if matches!(envelope.expected, Expected::At(_)) {
            return Err(ExecuteError::WorkspaceVersion);
        }
        let stream = StreamId::Workspace(created.name.clone());
        let metadata = self.metadata(envelope, stream, Version::new(1), at);
        self.record.clear();
        records::encode_workspace(&mut self.record, &metadata, &created);
        let key = StreamKey::workspace(&created.name);
        let workspace = Workspace::of(created, at, metadata.actor.clone(), metadata.position);
        self.shared.models.load().write_workspace(&mut self.group.batch, &workspace);
        self.meter.begin(&workspace.name, self.now(at));
        self.state.add_workspace(workspace.name);
        self.append(metadata, key, WorkspaceCreated::TYPE_NAME, Effect::None);
        Ok(())
    }

    /// Decides a command to a connection. If it is accepted, adds its changes to the group.
    fn change(
        &mut self,
        envelope: Envelope,
        id: ConnectionId,
        command: Command,
        new_key: Option<Vec<u8>>,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        // A data key comes with an id that was generated for this command.
        let is_new = new_key.is_some();
        let head = self.head_for(&envelope, id, is_new)?;
        let workspace = &envelope.workspace;
        let new_key = new_key.map(|key| self.under_active(workspace, id, key)).transpose()?;
        let before = head.as_ref().map(|head| head.connection.clone());
        self.check_grantees(&command)?;
        let permit = envelope.permit.clone();
        let command = self.with_history(id, before.as_deref(), command)?;
        let command = self.with_confirmations(before.as_deref(), command, at)?;
        let (given, always) = (SecretsGiven::of(&command), is_always_permitted(&command));
        let event = decide(before.as_deref(), envelope.expected, command)?;
        let event = self.settle(&permit, before.as_deref(), &given, event)?;
        self.accept(envelope, id, head, Decided { event, given, always, new_key }, at)
    }

    /// Adds the changes of an event to the group, if its result is within the limits and the rights
    /// of who caused it.
    pub(super) fn accept(
        &mut self,
        envelope: Envelope,
        id: ConnectionId,
        head: Option<Head>,
        decided: Decided,
        at: Micros,
    ) -> Result<Version, ExecuteError> {
        let Decided { event, given, always, new_key } = decided;
        let destroyed = match event {
            Event::Erased { .. } => Some(self.wrapping_key(id)?),
            _ => None,
        };
        let before = head.as_ref().map(|head| head.connection.clone());
        let permit = envelope.permit.clone();
        let version = before.as_ref().map_or(Version::ZERO, |state| state.version).next();
        let metadata = self.metadata(envelope, StreamId::Connection(id), version, at);
        self.record.clear();
        records::encode_event(&mut self.record, &metadata, &event);
        if self.record.len() + given.bytes_left_out(&event) > limits::RECORD_BYTES {
            return Err(ExecuteError::RecordTooLarge);
        }
        let (type_name, adds_content) = (event.type_name(), event.adds_content());
        // A value that others know is used no more from here on: this is where everything ends that
        // was given out with it.
        let is_urgent = event.is_urgent();
        let after = evolved(before.as_deref(), event, &metadata, id)?;
        permit.check_after(&after)?;
        self.check_unsealed(before.as_deref(), &after)?;
        permit.check_opened(before.as_deref(), &after)?;
        if let Some(before) = &before {
            permit.check_gain(before, &after)?;
        }
        let row_bytes = head.as_ref().map_or(0, |head| head.row_bytes);
        let ordinal = head.map_or(self.state.next_ordinal, |head| head.ordinal);
        let change = Change { ordinal, before: before.as_deref(), after: &after };
        let row = change.row();
        if adds_content {
            check_size(row_bytes, row.len())?;
        }
        let taking = Taking::of(before.as_deref(), &after, always);
        let place = self.check_change_quotas(&after.workspace, taking, self.now(at))?;
        self.move_claim(before.as_deref(), &after)?;
        self.count_change(place, taking);
        if let Some(wrapped) = &new_key
            && self.shared.log.is_set()
        {
            let (name, value) = (data_key_name(id), wrapped.clone());
            self.group.beside.add_value(ValueBeside { name, value, lifetime: None });
        }
        if let Some(because) =
            before.as_deref().and_then(|before| LeaseEnd::of_change(before, &after))
        {
            self.end_leases_of(id, because);
        }
        let key = match (new_key, destroyed) {
            (Some(wrapped), _) => KeyChange::IsMade(wrapped),
            (None, Some(under)) => KeyChange::IsDestroyed(under),
            (None, None) => KeyChange::Stays,
        };
        let changed = Changed { ordinal, before, after, row, is_urgent, key };
        self.put_change(metadata, type_name, changed);
        Ok(version)
    }

    /// Adds the encoded record to the log and to its stream.
    pub(super) fn append(
        &mut self,
        metadata: Metadata,
        stream: StreamKey,
        type_name: &'static str,
        effect: Effect,
    ) {
        let store = &self.shared.store;
        let batch = &mut self.group.batch;
        log::put(batch, store, metadata.position, &self.record);
        streams::put(batch, store, stream, metadata.version, metadata.position);
        self.state.position = metadata.position;
        let record = self.record.as_slice().into();
        let traceparent = self.traceparent.clone();
        let accepted = Accepted { metadata, type_name, record, effect, traceparent };
        self.group.accepted.push(accepted);
    }

    pub(super) fn known_workspace(&self, name: &WorkspaceName) -> Result<(), ExecuteError> {
        if self.state.has_workspace(name) {
            return Ok(());
        }
        Err(ExecuteError::WorkspaceUnknown(name.clone()))
    }

    /// Rejects a grant to a workspace that does not exist.
    fn check_grantees(&self, command: &Command) -> Result<(), ExecuteError> {
        let known = |name: &WorkspaceName| self.known_workspace(name);
        match command {
            Command::Create(draft) => draft.access.workspaces.keys().try_for_each(known),
            Command::GrantWorkspace { scope: GrantScope::Workspace(name), .. }
            | Command::RevokeWorkspace { scope: GrantScope::Workspace(name) } => known(name),
            _ => Ok(()),
        }
    }

    /// Loads the state to which a revert returns, unless its sender could. The log must be complete
    /// up to there.
    fn with_history(
        &mut self,
        id: ConnectionId,
        before: Option<&Connection>,
        command: Command,
    ) -> Result<Command, ExecuteError> {
        let Command::Revert { to, then: None, detach_secrets } = command else {
            return Ok(command);
        };
        let earlier = before.is_some_and(|state| to < state.version && to > Version::ZERO);
        if !earlier {
            return Ok(Command::Revert { to, then: None, detach_secrets });
        }
        self.drain();
        let then = history::state_at(&self.shared.store, id, to)?.map(Box::new);
        // Values are checked before a command is queued. A repeat finds the version durable.
        if then
            .as_deref()
            .is_some_and(|then| self.state.policies.concern_values(&self.shared.catalogue, then))
        {
            return Err(ExecuteError::Busy);
        }
        Ok(Command::Revert { to, then, detach_secrets })
    }
}

/// Returns to which workspace a command was sent, and its id.
fn sent_to(envelope: &Envelope) -> (WorkspaceName, MessageId) {
    (envelope.workspace.clone(), envelope.provenance.command_id.clone())
}

fn receipt_key(envelope: &Envelope) -> Vec<u8> {
    receipts::key(&envelope.workspace, &envelope.provenance.command_id)
}

/// Refuses a state that is too large, unless it is smaller than before.
fn check_size(before_bytes: usize, bytes: usize) -> Result<(), ExecuteError> {
    let max = limits::CONNECTION_BYTES;
    if bytes <= max || bytes < before_bytes {
        return Ok(());
    }
    Err(ExecuteError::ConnectionTooLarge { bytes, max })
}

/// Returns the fault for an accepted event that cannot be applied to its state.
pub(super) fn left_no_state(metadata: &Metadata) -> Fault {
    Fault::bug(format!("the event at position {} left no state", metadata.position))
}
