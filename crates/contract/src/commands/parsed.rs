//! Parsed commands.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{Access, Environment, Revision};
use ledger_domain::principal::KeyEnd;
use ledger_domain::{
    Command, ConsumerCommand, FieldName, Line, MasterKeyId, PrincipalCommand, PrincipalName, Prose,
    WantedGeneration, WorkspaceCreated,
};
use ledger_vault::Plaintext;

use super::{Condition, ConnectionRef, NewConnection, Verb};
use crate::moment::Moment;

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
        secrets: BTreeMap<FieldName, Option<Plaintext>>,
        /// Whether secrets that the change would send elsewhere are removed.
        detach_secrets: bool,
    },
    /// Replaces secret values.
    RotateSecret {
        /// The connection to change.
        target: ConnectionRef,
        /// The new values.
        secrets: BTreeMap<FieldName, Plaintext>,
        /// How long the values before them are kept; not at all when absent.
        keep: Option<KeepFormer>,
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
    /// Creates or changes a principal.
    Principal {
        /// The principal.
        name: PrincipalName,
        /// The command itself.
        command: Box<PrincipalCommand>,
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
    },
    /// Makes another master key the active one; the engine reads which.
    RotateMasterKey,
    /// Retires a master key.
    RetireMasterKey {
        /// The key.
        key: MasterKeyId,
    },
}

/// How long a rotation keeps the values that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepFormer {
    /// The deadline; the default when absent.
    pub until: Option<Moment>,
    /// Whether they are kept only until every consumer has confirmed the new ones.
    pub once_confirmed: bool,
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
        Self::Principal { name, command: Box::new(command) }
    }

    /// Returns a command about tokens, whose blocks are in a stream of their own.
    pub fn tokens(command: PrincipalCommand) -> Self {
        Self::principal(PrincipalName::of_tokens(), command)
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
            Self::CreateWorkspace(_) => Verb::CreateWorkspace,
            Self::Principal { command, .. } => Verb::of_principal(command),
            Self::IssueKey { .. } => Verb::IssueKey,
            Self::RotateMasterKey => Verb::RotateMasterKey,
            Self::RetireMasterKey { .. } => Verb::RetireMasterKey,
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
            | Self::Reveal { target, .. } => Some(target),
            Self::Create(_)
            | Self::CreateWorkspace(_)
            | Self::Principal { .. }
            | Self::IssueKey { .. }
            | Self::RotateMasterKey
            | Self::RetireMasterKey { .. } => None,
        }
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
                | Self::CreateWorkspace(_)
                | Self::Principal { .. }
                | Self::IssueKey { .. }
                | Self::RotateMasterKey
                | Self::RetireMasterKey { .. } => false,
            },
            Condition::Shares => match self {
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

    /// Returns the principal and the domain's command, if this one is about a principal.
    pub(super) fn as_principal(&self) -> Option<(&PrincipalName, &PrincipalCommand)> {
        match self {
            Self::Principal { name, command } => Some((name, command)),
            _ => None,
        }
    }
}
