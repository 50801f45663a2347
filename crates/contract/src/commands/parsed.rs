//! Parsed commands.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{
    Access, AuthorizationGrant, Environment, ReportedFailure, Revision,
};
use ledger_domain::principal::{KeyDigest, KeyEnd};
use ledger_domain::{
    AlertChange, AlertCommand, Command, ConsumerCommand, EndWorkspaceLeases, EndedLeases,
    FieldName, Generation, HandoverId, InvalidField, LeaseId, Line, MasterKeyId, PolicyCommand,
    PrincipalCommand, PrincipalName, Prose, Sealed, WantedGeneration, WorkspaceCreated,
};

use super::input::{Checked as _, Input, MomentRule, PrincipalRule};
use super::{Condition, ConnectionRef, GivenSecret, NewConnection, Verb};
use crate::handover::HandoverToken;
use crate::moment::Moment;

/// What a user of a connection says about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    /// What happened.
    pub outcome: ReportedFailure,
    /// The HTTP status, if there was one.
    pub status: Option<u32>,
    /// The generations that were used, as far as they were told.
    pub generations: BTreeMap<FieldName, Generation>,
}

/// A parsed command, with its secrets still in plaintext.
#[derive(Debug)]
pub enum ParsedCommand {
    /// Creates a connection.
    Create(Box<NewConnection>),
    /// Changes fields and secrets.
    Update {
        /// The connection to change.
        target: ConnectionRef,
        /// The changes, with no secrets in them yet.
        revision: Box<Revision>,
        /// Secret fields to set or remove.
        secrets: BTreeMap<FieldName, Option<GivenSecret>>,
        /// Whether secrets that the change would send elsewhere are removed.
        detach_secrets: bool,
    },
    /// Replaces secret values.
    RotateSecret {
        /// The connection to change.
        target: ConnectionRef,
        /// The new values.
        secrets: BTreeMap<FieldName, GivenSecret>,
        /// What becomes of the values before them.
        replaced: ReplacedValues,
    },
    /// Ends the use of a value, of the former one or of the one that a rotation brought.
    Overlap {
        /// The connection to change.
        target: ConnectionRef,
        /// The secret fields; all that have a former generation when empty.
        fields: BTreeSet<FieldName>,
        /// How it ends.
        change: OverlapChange,
    },
    /// Records or forgets a consumer of a connection.
    Consumer {
        /// The connection.
        target: ConnectionRef,
        /// The command itself.
        command: ConsumerCommand,
    },
    /// Any other change to a connection; none of these contains a secret.
    Change {
        /// The connection to change.
        target: ConnectionRef,
        /// The command itself.
        command: Box<Command>,
    },
    /// Creates a workspace.
    CreateWorkspace(WorkspaceCreated),
    /// Sets or removes a policy of secret fields.
    Policy {
        /// The connection that it is about, if it is about one; the engine finds its id.
        connection: Option<ConnectionRef>,
        /// The command itself.
        command: PolicyCommand,
    },
    /// Creates, changes or uses an alert.
    Alert(AlertCommand),
    /// Creates or changes a principal.
    Principal {
        /// The principal.
        name: PrincipalName,
        /// The command itself.
        command: Box<PrincipalCommand>,
        /// Hands the key that it issues over to the bearer of a token.
        wrap: Option<Box<Wrap>>,
    },
    /// Issues a key to a principal; the engine generates it.
    IssueKey {
        /// The principal that gets the key.
        name: PrincipalName,
        /// The environment named in the key.
        environment: Environment,
        /// Its purpose, in the caller's words.
        label: Option<Line>,
        /// When it expires.
        end: KeyEnd,
        /// Hands it over to the bearer of a token, instead of answering it.
        wrap: Option<Box<Wrap>>,
    },
    /// Requests secrets in the clear.
    Reveal {
        /// The connection to change.
        target: ConnectionRef,
        /// The secret fields; all when empty.
        fields: BTreeSet<FieldName>,
        /// Which of the values that are given out.
        generation: WantedGeneration,
        /// The reason.
        reason: Prose,
        /// Where the request came from, if the endpoint knows it.
        from: Option<Line>,
        /// Hands the values over to the bearer of a token, instead of answering them.
        wrap: Option<Box<Wrap>>,
    },
    /// Tests a connection.
    Test {
        /// The connection to test.
        target: ConnectionRef,
        /// The secret fields that it takes, which the engine finds.
        fields: BTreeSet<FieldName>,
    },
    /// Reports that a connection did not work.
    ReportFailure {
        /// The connection.
        target: ConnectionRef,
        /// What happened.
        report: FailureReport,
    },
    /// Lists the models of a connection.
    ListModels {
        /// The connection.
        target: ConnectionRef,
        /// Whether the provider is asked although there is a recent answer.
        refresh: bool,
        /// The secret fields that the request takes, which the engine finds.
        fields: BTreeSet<FieldName>,
    },
    /// Asks for a token of a connection.
    RefreshToken {
        /// The connection.
        target: ConnectionRef,
    },
    /// Begins to have a person permit the ledger to get tokens of a connection.
    Connect {
        /// The connection.
        target: ConnectionRef,
        /// How the person permits it.
        grant: AuthorizationGrant,
    },
    /// Receives what was handed over.
    Unwrap {
        /// The token, if it is not the credential.
        token: Option<HandoverToken>,
        /// Where the request came from, if the endpoint knows it.
        from: Option<Line>,
    },
    /// Ends a handover before it is used.
    RevokeHandover {
        /// The handover.
        handover: HandoverId,
        /// The reason.
        reason: Option<Prose>,
    },
    /// Takes a lease on secrets, which are given out in the clear.
    LeaseSecrets {
        /// The connection.
        target: ConnectionRef,
        /// The secret fields; all when empty.
        fields: BTreeSet<FieldName>,
        /// When it ends; the default when absent.
        until: Option<Moment>,
        /// The reason.
        reason: Prose,
        /// Where the request came from, if the endpoint knows it.
        from: Option<Line>,
    },
    /// Reads secrets under a lease.
    ReadLeased {
        /// The connection.
        target: ConnectionRef,
        /// The lease.
        lease: LeaseId,
        /// The secret fields; all of the lease when empty.
        fields: BTreeSet<FieldName>,
    },
    /// Changes or ends leases on the secrets of a connection.
    Lease {
        /// The connection.
        target: ConnectionRef,
        /// The change.
        change: LeaseChange,
    },
    /// Ends leases on secrets throughout a workspace.
    EndWorkspaceLeases(EndWorkspaceLeases),
    /// Makes another master key the active one; the engine reads which.
    RotateMasterKey,
    /// Retires a master key.
    RetireMasterKey {
        /// The key.
        key: MasterKeyId,
    },
    /// Seals the ledger.
    SealLedger,
    /// Unseals the ledger; the engine reads its keys.
    UnsealLedger,
    /// A `Create` or `RotateSecret` that is accepted only if a test with its secrets works.
    Checked(Box<ParsedCommand>),
}

/// What becomes of the values that a rotation replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacedValues {
    /// They are retired at once.
    Retired,
    /// They are kept for a while.
    Kept(KeepFormer),
    /// They are known to others: they are retired at once, and never come back.
    Compromised,
}

/// How long a rotation keeps the values that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepFormer {
    /// The deadline; the default when absent.
    pub until: Option<Moment>,
    /// Whether they are kept only until every consumer has confirmed the new ones.
    pub once_confirmed: bool,
}

/// How values, or a key, are handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// When the token expires.
    pub until: Moment,
    /// The only principal that may use it.
    pub receiver: Option<PrincipalName>,
    /// The token, which the engine draws.
    pub drawn: Option<DrawnToken>,
}

/// What is stored of the token of a handover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnToken {
    /// The id of the handover.
    pub id: HandoverId,
    /// A digest of the token.
    pub digest: KeyDigest,
    /// The API key that it stands for, if it is one, as the token opens it.
    pub sealed_key: Option<Sealed>,
}

impl Wrap {
    /// Reads the fields `wrap` and `for` of a body.
    pub(super) fn read(
        until: Option<Input<MomentRule>>,
        receiver: Option<Input<PrincipalRule>>,
    ) -> Result<Option<Box<Self>>, InvalidField> {
        let receiver = receiver.check("for")?;
        match until.check("wrap")? {
            Some(until) => Ok(Some(Box::new(Self { until, receiver, drawn: None }))),
            None if receiver.is_some() => Err(InvalidField::new("for", "takes `wrap` as well")),
            None => Ok(None),
        }
    }
}

/// A change to leases on the secrets of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    /// Its end is moved.
    Renew {
        /// The lease.
        lease: LeaseId,
        /// The new end; the default when absent.
        until: Option<Moment>,
    },
    /// Its holder ends it.
    Return {
        /// The lease.
        lease: LeaseId,
    },
    /// Somebody ends them.
    Revoke {
        /// Which.
        which: EndedLeases,
        /// The reason.
        reason: Option<Prose>,
    },
}

/// How the overlap of two generations ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapChange {
    /// The former one is retired.
    Retire {
        /// When; at once when absent.
        at: Option<Moment>,
    },
    /// The rotation is taken back.
    Cancel,
}

impl ParsedCommand {
    /// Returns a command that changes a connection and contains no secret.
    pub fn change(target: ConnectionRef, command: Command) -> Self {
        Self::Change { target, command: Box::new(command) }
    }

    /// Returns a command about a principal.
    pub fn principal(name: PrincipalName, command: PrincipalCommand) -> Self {
        Self::Principal { name, command: Box::new(command), wrap: None }
    }

    /// Returns a command about tokens, whose blocks are in a stream of their own.
    pub fn tokens(command: PrincipalCommand) -> Self {
        Self::principal(PrincipalName::of_tokens(), command)
    }

    /// Returns whether it says that others know the values that it replaces.
    pub fn is_compromised(&self) -> bool {
        matches!(self, Self::RotateSecret { replaced: ReplacedValues::Compromised, .. })
    }

    /// Returns the command's verb.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Update { .. } => Verb::Update,
            Self::RotateSecret { .. } => Verb::RotateSecret,
            Self::Overlap { change: OverlapChange::Retire { .. }, .. } => Verb::RetireFormer,
            Self::Overlap { change: OverlapChange::Cancel, .. } => Verb::CancelRotation,
            Self::Consumer { command: ConsumerCommand::Confirm { .. }, .. } => Verb::ConfirmSecret,
            Self::Consumer { command: ConsumerCommand::Remove { .. }, .. } => Verb::RemoveConsumer,
            Self::Change { command, .. } => Verb::of_connection(command),
            Self::Reveal { .. } => Verb::RevealSecret,
            Self::Test { .. } => Verb::TestConnection,
            Self::ReportFailure { .. } => Verb::ReportFailure,
            Self::ListModels { .. } => Verb::ListModels,
            Self::RefreshToken { .. } => Verb::RefreshToken,
            Self::Connect { .. } => Verb::Connect,
            Self::Unwrap { .. } => Verb::Unwrap,
            Self::RevokeHandover { .. } => Verb::RevokeHandover,
            Self::LeaseSecrets { .. } => Verb::LeaseSecrets,
            Self::ReadLeased { .. } => Verb::ReadLeasedSecrets,
            Self::Lease { change: LeaseChange::Renew { .. }, .. } => Verb::RenewLease,
            Self::Lease { change: LeaseChange::Return { .. }, .. } => Verb::ReturnLease,
            Self::Lease { change: LeaseChange::Revoke { .. }, .. } => Verb::RevokeLeases,
            Self::EndWorkspaceLeases(_) => Verb::RevokeWorkspaceLeases,
            Self::CreateWorkspace(_) => Verb::CreateWorkspace,
            Self::Policy { command: PolicyCommand::Set { .. }, .. } => Verb::SetSecretPolicy,
            Self::Policy { command: PolicyCommand::Remove { .. }, .. } => Verb::RemoveSecretPolicy,
            Self::Alert(command) => verb_of_alert(&command.change),
            Self::Principal { command, .. } => Verb::of_principal(command),
            Self::IssueKey { .. } => Verb::IssueKey,
            Self::RotateMasterKey => Verb::RotateMasterKey,
            Self::RetireMasterKey { .. } => Verb::RetireMasterKey,
            Self::SealLedger => Verb::SealLedger,
            Self::UnsealLedger => Verb::UnsealLedger,
            Self::Checked(command) => command.verb(),
        }
    }

    /// Returns the connection that the command names; `None` if it is not about an existing
    /// connection.
    pub const fn target(&self) -> Option<&ConnectionRef> {
        match self {
            Self::Update { target, .. }
            | Self::RotateSecret { target, .. }
            | Self::Overlap { target, .. }
            | Self::Consumer { target, .. }
            | Self::Change { target, .. }
            | Self::Reveal { target, .. }
            | Self::Test { target, .. }
            | Self::ReportFailure { target, .. }
            | Self::ListModels { target, .. }
            | Self::RefreshToken { target }
            | Self::Connect { target, .. }
            | Self::LeaseSecrets { target, .. }
            | Self::ReadLeased { target, .. }
            | Self::Lease { target, .. } => Some(target),
            Self::Create(_)
            | Self::CreateWorkspace(_)
            | Self::Policy { .. }
            | Self::Alert(_)
            | Self::EndWorkspaceLeases(_)
            | Self::Principal { .. }
            | Self::IssueKey { .. }
            | Self::Unwrap { .. }
            | Self::RevokeHandover { .. }
            | Self::RotateMasterKey
            | Self::RetireMasterKey { .. }
            | Self::SealLedger
            | Self::UnsealLedger => None,
            Self::Checked(command) => command.target(),
        }
    }

    /// Returns the command that is accepted only if a test with its secrets works, if `check` says
    /// so.
    pub(super) fn checked_if(self, check: bool) -> Self {
        if check { Self::Checked(Box::new(self)) } else { self }
    }

    /// Returns whether a condition holds, judging by the command alone. Whether a revert shares the
    /// connection, whether a change sends secrets elsewhere, and whether a principal exceeds its
    /// sender, takes the state.
    pub fn meets(&self, condition: Condition) -> bool {
        match condition {
            Condition::Always => true,
            Condition::ChangesSecrets => match self {
                Self::Create(new) => !new.secrets.is_empty(),
                Self::Update { secrets, detach_secrets, .. } => {
                    *detach_secrets || !secrets.is_empty()
                }
                Self::RotateSecret { .. } => true,
                Self::Change { .. }
                | Self::Overlap { .. }
                | Self::Consumer { .. }
                | Self::Reveal { .. }
                | Self::Test { .. }
                | Self::ReportFailure { .. }
                | Self::ListModels { .. }
                | Self::RefreshToken { .. }
                | Self::Connect { .. }
                | Self::Unwrap { .. }
                | Self::RevokeHandover { .. }
                | Self::LeaseSecrets { .. }
                | Self::ReadLeased { .. }
                | Self::Lease { .. }
                | Self::EndWorkspaceLeases(_)
                | Self::CreateWorkspace(_)
                | Self::Policy { .. }
                | Self::Alert(_)
                | Self::Principal { .. }
                | Self::IssueKey { .. }
                | Self::RotateMasterKey
                | Self::RetireMasterKey { .. }
                | Self::SealLedger
                | Self::UnsealLedger => false,
                Self::Checked(command) => command.meets(condition),
            },
            Condition::Refers => match self {
                Self::Checked(command) => command.meets(condition),
                Self::Create(new) => new.secrets.values().any(GivenSecret::is_reference),
                Self::Update { secrets, .. } => {
                    secrets.values().flatten().any(GivenSecret::is_reference)
                }
                Self::RotateSecret { secrets, .. } => {
                    secrets.values().any(GivenSecret::is_reference)
                }
                _ => false,
            },
            Condition::Shares => match self {
                Self::Checked(command) => command.meets(condition),
                Self::Create(new) => new.access.widens(&Access::default()),
                _ => false,
            },
            Condition::Redirects | Condition::ExceedsSender => false,
        }
    }
    /// Returns the domain's command, if this one changes a connection and contains no secret.
    pub(super) fn as_change(&self) -> Option<&Command> {
        match self {
            Self::Change { command, .. } => Some(command),
            _ => None,
        }
    }

    /// Returns the domain's command, if this one is about a consumer.
    pub(super) fn as_consumer(&self) -> Option<&ConsumerCommand> {
        match self {
            Self::Consumer { command, .. } => Some(command),
            _ => None,
        }
    }

    /// Returns the change, if this one changes or ends leases of a connection.
    pub(super) fn as_lease(&self) -> Option<&LeaseChange> {
        match self {
            Self::Lease { change, .. } => Some(change),
            _ => None,
        }
    }

    /// Returns the principal and the domain's command, if this one is about a principal.
    pub(super) fn as_principal(&self) -> Option<(&PrincipalName, &PrincipalCommand)> {
        match self {
            Self::Principal { name, command, .. } => Some((name, command)),
            _ => None,
        }
    }
}

/// Returns the verb of a command about an alert. The ledger disables alerts by itself, and callers
/// by an update.
const fn verb_of_alert(change: &AlertChange) -> Verb {
    match change {
        AlertChange::Create { .. } => Verb::CreateAlert,
        AlertChange::Update(_) | AlertChange::Disable { .. } => Verb::UpdateAlert,
        AlertChange::RotateSecret { .. } => Verb::RotateAlertSecret,
        AlertChange::Test => Verb::TestAlert,
        AlertChange::Replay { .. } => Verb::ReplayAlert,
        AlertChange::Remove => Verb::RemoveAlert,
    }
}
