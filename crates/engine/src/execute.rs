//! Prepares commands: resolves the connection, seals the secrets and queues the command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger_contract::Moment;
use ledger_contract::access::IssuedKey;
use ledger_contract::commands::{
    ConnectionRef, KeepFormer, NewConnection, OverlapChange, ParsedCommand, Verb,
};
use ledger_contract::reply::KeyReceipt;
use ledger_contract::time;
use ledger_domain::connection::{Draft, Keep, Retirement, Revision};
use ledger_domain::{
    Command, Connection, ConnectionId, FieldName, FormerEnd, MessageId, Micros, NewSecret,
    PrincipalCommand, Rejection, RevealSecret, Secret, Slug, Version, WorkspaceName, limits,
};
use ledger_store::tables::{claims, keys, receipts};
use ledger_vault::{DataKey, Keyring, OpenError as UnsealError, Plaintext, Scope, WrappedDataKey};

use crate::access::{Permit, connection_unknown, new_key};
use crate::engine::{Engine, HeldKey};
use crate::errors::{ConnectionUnknown, ExecuteError, Fault, Unavailable};
use crate::fingerprint::{Fingerprint, Received};
use crate::history;
use crate::ports::Ports;
use crate::request::RequestContext;
use crate::writer::{Answer, Envelope, LedgerWork, Prepared, Work};

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

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The receipt, the same on every repeat.
    pub receipt: ledger_contract::reply::Receipt,
    /// Whether the command had been executed before.
    pub repeated: bool,
    /// The key that `issue-key` created. A repeat has none, because keys are not stored.
    pub api_key: Option<IssuedKey>,
}

impl Executed {
    /// Returns the answer for the caller.
    pub fn answer(&self) -> KeyReceipt {
        KeyReceipt { receipt: self.receipt.clone(), api_key: self.api_key.clone() }
    }
}

/// The writer's result for an accepted command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) receipt: ledger_contract::reply::Receipt,
    pub(crate) repeated: bool,
    /// The state whose secrets may be revealed.
    pub(crate) seen: Option<Arc<Connection>>,
}

/// The state of a command after the first checks.
enum Begun {
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
        let CommandRequest { workspace, mut command, received, context } = request;
        if matches!(command, ParsedCommand::Reveal { .. }) {
            // `execute` would record the reveal and return no secret.
            return Err(ExecuteError::VerbUnknown);
        }
        // Comes first, because a repeat draws another key. A repeated confirmation is known by what
        // it says, whichever workspace it comes from.
        let repeatable = context.repeatable && command.verb() != Verb::ConfirmSecret;
        let fingerprint = repeatable.then(|| self.fingerprint(&workspace, &command, received));
        let issued = self.draw_key(&mut command);
        let outcome = self.decide(workspace, command, fingerprint, context).await?;
        let api_key = issued.filter(|_| !outcome.repeated);
        Ok(Executed { receipt: outcome.receipt, repeated: outcome.repeated, api_key })
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
        self.shared.fence.check()
    }

    /// Reads the master keys again for a command that needs them, if its sender may send it.
    async fn read_master_keys(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        context: &RequestContext,
    ) -> Result<Option<Keyring>, ExecuteError> {
        if !matches!(command, ParsedCommand::RotateMasterKey) {
            return Ok(None);
        }
        let mut caller = context.caller.clone();
        self.renew(&mut caller)?;
        Permit::of(caller, workspace, command)?;
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || shared.master_keys.read_source());
        let read = read.await.map_err(|_| Fault::bug("reading the master keys panicked"))?;
        Ok(Some(read?))
    }

    /// Checks a command before it is queued, then queues it. `given` are the master keys as they
    /// are now, for a command that needs them.
    fn begin(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
        given: Option<Keyring>,
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
        let envelope = Envelope { workspace, fingerprint, permit, expected, deadline, provenance };
        self.submit(Prepared { work, envelope }).map(Begun::Waits)
    }

    /// Returns the earlier answer to a command, if the caller may see it.
    fn answered(
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

    fn work(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        command: ParsedCommand,
        given: Option<Keyring>,
    ) -> Result<Work, ExecuteError> {
        match command {
            ParsedCommand::RotateMasterKey => {
                let given = given.ok_or_else(|| Fault::bug("no master keys were read"))?;
                Ok(Work::Ledger(LedgerWork::Rotate(given)))
            }
            ParsedCommand::RetireMasterKey { key } => Ok(Work::Ledger(LedgerWork::Retire(key))),
            ParsedCommand::CreateWorkspace(created) => Ok(Work::Workspace(created)),
            ParsedCommand::Create(draft) => Ok(self.create(*draft)),
            ParsedCommand::Principal { name, command } => Ok(Work::Principal { name, command }),
            // `draw_key` has already replaced this command.
            ParsedCommand::IssueKey { .. } => Err(Fault::bug("no key was generated").into()),
            ParsedCommand::Reveal { target, fields, generation, reason, from } => {
                let id = self.find(permit, workspace, &target)?;
                Ok(Work::Reveal { id, command: RevealSecret { fields, generation, reason, from } })
            }
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
                Ok(existing(id, self.with_history(id, *command)?))
            }
            ParsedCommand::RotateSecret { target, secrets, keep } => {
                let id = self.find(permit, workspace, &target)?;
                let secrets = self.seal_all(workspace, id, secrets)?;
                let keep = keep.map(|keep| kept(keep, self.shared.ports.now()));
                Ok(existing(id, Command::RotateSecret { secrets, keep }))
            }
            ParsedCommand::Update { target, revision, secrets, detach_secrets } => {
                let id = self.find(permit, workspace, &target)?;
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
    fn with_history(&self, id: ConnectionId, command: Command) -> Result<Command, ExecuteError> {
        let Command::Revert { to, then: None, detach_secrets } = command else {
            return Ok(command);
        };
        let row = self.shared.models.load().row(id)?;
        let is_earlier = row.is_some_and(|row| to < row.connection.version && to > Version::ZERO);
        let then = if is_earlier { history::state_at(&self.shared.store, id, to)? } else { None };
        Ok(Command::Revert { to, then: then.map(Box::new), detach_secrets })
    }

    fn create(&self, draft: NewConnection) -> Work {
        let ports = &self.shared.ports;
        let id = ports.connection_id();
        let scope = Scope { workspace: &draft.workspace, connection: id };
        let (key, wrapped) = self.shared.master_keys.ring().new_data_key(&mut ports.rng(), scope);
        let seal = |(field, value): (FieldName, Plaintext)| {
            let secret = seal(ports, &key, scope, &field, &value);
            (field, secret)
        };
        let draft = Draft {
            slug: draft.slug.unwrap_or_else(|| made_slug(draft.details.provider.as_str(), id)),
            secrets: draft.secrets.into_iter().map(seal).collect(),
            workspace: draft.workspace.clone(),
            details: draft.details,
            enabled: draft.enabled,
            access: draft.access,
            models: draft.models,
            pricing: draft.pricing,
        };
        let held = HeldKey { workspace: draft.workspace.clone(), key: Arc::new(key) };
        self.shared.data_keys.lock().set(id, held);
        Work::Connection {
            id,
            command: Box::new(Command::Create(Box::new(draft))),
            new_key: Some(wrapped.to_bytes()),
        }
    }

    /// Generates the key that a command issues and replaces it by its digest in the command.
    fn draw_key(&self, command: &mut ParsedCommand) -> Option<IssuedKey> {
        let ParsedCommand::IssueKey { name, environment, label, end } = command else {
            return None;
        };
        let ports = &self.shared.ports;
        let key = new_key(*environment, &mut ports.rng());
        let expires_at = self.shared.key_lifetimes.end(*end, ports.now());
        let issue = PrincipalCommand::IssueKey {
            id: key.id.clone(),
            digest: key.digest,
            environment: *environment,
            label: label.take(),
            expires_at,
        };
        *command = ParsedCommand::Principal { name: name.clone(), command: Box::new(issue) };
        let (id, key) = (key.id.as_str().to_owned(), key.text.as_str().to_owned());
        Some(IssuedKey { id, key, expires_at: expires_at.map(time::format) })
    }

    /// Checks that a key that is to be issued does not outlast the ceiling.
    fn check_lifetime(&self, command: &ParsedCommand) -> Result<(), Rejection> {
        let ParsedCommand::Principal { command, .. } = command else { return Ok(()) };
        let PrincipalCommand::IssueKey { expires_at, .. } = &**command else { return Ok(()) };
        Ok(self.shared.key_lifetimes.check(*expires_at, self.shared.ports.now())?)
    }

    /// Resolves the connection of a command. A hidden connection is indistinguishable from a
    /// missing one: both fail before the queue and the deadline are considered.
    fn find(
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

    /// Seals the secrets of a command. A value that is stored already keeps its ciphertext, so that
    /// the decider sees that nothing changes.
    fn seal_all(
        &self,
        workspace: &WorkspaceName,
        id: ConnectionId,
        secrets: BTreeMap<FieldName, Plaintext>,
    ) -> Result<BTreeMap<FieldName, NewSecret>, ExecuteError> {
        if secrets.is_empty() {
            return Ok(BTreeMap::new());
        }
        let scope = Scope { workspace, connection: id };
        let key = self.data_key(scope)?.ok_or(ConnectionUnknown::Id)?;
        let row = self.shared.models.load().row(id)?;
        let stored = row.map(|row| row.connection.secrets).unwrap_or_default();
        let mut sealed = BTreeMap::new();
        for (field, value) in secrets {
            let secret = match stored.get(&field) {
                Some(old) if is_value_of(old, &value, &key, scope, &field) => {
                    NewSecret { sealed: old.sealed.clone(), hint: old.hint.clone() }
                }
                _ => seal(&self.shared.ports, &key, scope, &field, &value),
            };
            sealed.insert(field, secret);
        }
        Ok(sealed)
    }

    /// Returns a connection's data key, or `None` if the workspace has no such connection.
    pub(crate) fn data_key(&self, scope: Scope<'_>) -> Result<Option<Arc<DataKey>>, Fault> {
        let id = scope.connection;
        if let Some(held) = self.shared.data_keys.lock().get(&id) {
            // A cached key is also withheld from callers of other workspaces; see below.
            let own = held.workspace == *scope.workspace;
            return Ok(own.then(|| held.key.clone()));
        }
        let Some(wrapped) = keys::get(&self.shared.store, id)? else { return Ok(None) };
        // A data key is bound to its workspace. For callers of another workspace the connection
        // does not exist.
        let row = self.shared.models.load().row(id)?;
        if row.is_some_and(|row| row.connection.workspace != *scope.workspace) {
            return Ok(None);
        }
        let key = Arc::new(self.unwrap(scope, &wrapped)?);
        let held = HeldKey { workspace: scope.workspace.clone(), key: key.clone() };
        self.shared.data_keys.lock().set(id, held);
        Ok(Some(key))
    }
}

impl Engine {
    /// Unwraps the data key of a connection, given its stored form.
    fn unwrap(&self, scope: Scope<'_>, stored: &[u8]) -> Result<DataKey, Fault> {
        let opened = |stored: &[u8]| {
            let wrapped = WrappedDataKey::from_bytes(stored)?;
            self.shared.master_keys.ring().unwrap(scope, &wrapped)
        };
        match opened(stored) {
            // It was wrapped anew since it was read, and its former master key retired.
            Err(error @ UnsealError::UnknownKey { .. }) => {
                match keys::get(&self.shared.store, scope.connection)? {
                    Some(now) if now != stored => Ok(opened(&now)?),
                    _ => Err(error.into()),
                }
            }
            opened => Ok(opened?),
        }
    }
}

/// Returns how long a rotation at `now` keeps the former values.
fn kept(keep: KeepFormer, now: Micros) -> Keep {
    let default = || Micros::new(now.get().saturating_add(limits::OVERLAP_DEFAULT_MICROS));
    let until = keep.until.map_or_else(default, |until| until.from(now));
    Keep { end: FormerEnd { until, once_confirmed: keep.once_confirmed }, now }
}

fn overlap_change(fields: BTreeSet<FieldName>, change: OverlapChange, now: Micros) -> Command {
    match change {
        OverlapChange::Cancel => Command::CancelRotation { fields, now },
        OverlapChange::Retire { at } => {
            let later = |at: Moment| Retirement::At { until: at.from(now), now };
            Command::RetireFormer { fields, when: at.map_or(Retirement::Now, later) }
        }
    }
}

fn existing(id: ConnectionId, command: Command) -> Work {
    Work::Connection { id, command: Box::new(command), new_key: None }
}

/// Returns whether a stored secret has this value, in a time that depends only on the lengths. One
/// that cannot be opened has another, so that it can be replaced.
fn is_value_of(
    stored: &Secret,
    value: &Plaintext,
    key: &DataKey,
    scope: Scope<'_>,
    field: &FieldName,
) -> bool {
    key.open(scope, field, &stored.sealed).is_ok_and(|old| old.same_as(value))
}

fn seal(
    ports: &Ports,
    key: &DataKey,
    scope: Scope<'_>,
    field: &FieldName,
    value: &Plaintext,
) -> NewSecret {
    NewSecret { sealed: key.seal(&mut ports.rng(), scope, field, value), hint: value.hint(field) }
}

/// Derives a slug from the provider's name and the random end of the id.
fn made_slug(provider: &str, id: ConnectionId) -> Slug {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = provider.chars().map(plain).take(40).collect();
    let name = name.trim_matches('-');
    let id = id.uuid().simple().to_string();
    let tail = id.get(20..).unwrap_or(&id);
    let text = if name.is_empty() { format!("c-{tail}") } else { format!("{name}-{tail}") };
    Slug::parse("slug", &text).expect("made of the slug alphabet")
}
