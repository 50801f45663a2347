//! Commands as they arrive: JSON bodies that are checked field by field and turned into domain
//! commands.
//!
//! A body is parsed once, here. Plaintext secrets go straight into [`Plaintext`] and stay apart
//! from the domain command until the engine has sealed them.

mod archive;
pub(crate) mod bodies;
mod content;
mod create;
mod create_principal;
mod create_workspace;
mod disable;
mod disable_principal;
mod enable;
mod enable_principal;
mod grant_workspace;
pub mod input;
mod issue_key;
mod link_dependent;
mod mark_degraded;
mod mark_failed;
mod mark_operational;
pub(crate) mod parts;
mod registry;
mod restore;
mod reveal_secret;
mod revert;
mod revoke_key;
mod revoke_workspace;
mod rotate_secret;
mod set_limits;
mod set_model_policy;
mod set_pricing;
mod unlink_dependent;
mod update;
mod update_principal;
mod verb;

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{Access, Details, Environment, ModelPolicy, Pricing, Revision};
use ledger_domain::{
    Command, ConnectionId, FieldName, Line, Micros, PrincipalCommand, PrincipalName, Prose, Slug,
    WorkspaceCreated, WorkspaceName,
};
use ledger_vault::Plaintext;

pub use crate::fields::{Description, DisplayName, ProviderName};
pub use create_workspace::NewWorkspaceBody;
pub use input::{SecretValue, nullable};
pub use parts::{
    AccessBody, Annotations, Config, IdentityBody, LabelValue, Labels, LimitsBody, ModelPolicyBody,
    ModelRuleBody, Multipliers, PermissionBody, PricingBody, SecretReferenceBody, Secrets, Tag,
    UnitFactors, json, secret_references, tags,
};
pub use registry::{Verb, parse};
pub use revoke_key::KeyReasonBody;
pub use verb::{Address, Answer, Condition, Requirement, Target, VerbSpec};

/// How a caller names a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionRef {
    /// By its id.
    Id(ConnectionId),
    /// By its slug in the command's workspace.
    Slug(Slug),
}

impl ConnectionRef {
    /// Reads an id or a slug; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, ledger_domain::InvalidField> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Slug::parse(field, text).map(Self::Slug),
        }
    }

    /// Returns whether both are the same id or, ignoring case, the same slug.
    pub fn is_same_name(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// Returns the canonical text, which is the same for all spellings of a name.
    pub fn canonical(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Slug(slug) => slug.folded(),
        }
    }
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
        secrets: BTreeMap<FieldName, Option<Plaintext>>,
    },
    /// Replaces secret values.
    RotateSecret {
        /// The connection to change.
        target: ConnectionRef,
        /// The new values.
        secrets: BTreeMap<FieldName, Plaintext>,
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
        /// When it expires; never when absent.
        expires_at: Option<Micros>,
    },
    /// Requests secrets in the clear.
    Reveal {
        /// The connection to change.
        target: ConnectionRef,
        /// The secret fields; all when empty.
        fields: BTreeSet<FieldName>,
        /// The reason.
        reason: Prose,
        /// Where the request came from, if the endpoint knows it.
        from: Option<Line>,
    },
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

    /// Returns the connection that the command names; `None` if it is not about an existing
    /// connection.
    pub const fn target(&self) -> Option<&ConnectionRef> {
        match self {
            Self::Update { target, .. }
            | Self::RotateSecret { target, .. }
            | Self::Change { target, .. }
            | Self::Reveal { target, .. } => Some(target),
            Self::Create(_)
            | Self::CreateWorkspace(_)
            | Self::Principal { .. }
            | Self::IssueKey { .. } => None,
        }
    }

    /// Returns whether a condition holds, judging by the command alone. Whether a revert shares the
    /// connection is known only when it is decided.
    pub fn meets(&self, condition: Condition) -> bool {
        match condition {
            Condition::Always => true,
            Condition::ChangesSecrets => match self {
                Self::Create(new) => !new.secrets.is_empty(),
                Self::Update { secrets, .. } => !secrets.is_empty(),
                Self::RotateSecret { .. } => true,
                Self::Change { .. }
                | Self::Reveal { .. }
                | Self::CreateWorkspace(_)
                | Self::Principal { .. }
                | Self::IssueKey { .. } => false,
            },
            Condition::Shares => match self {
                Self::Create(new) => new.access.widens(&Access::default()),
                _ => false,
            },
        }
    }
}

/// A connection to create, with its secrets still in plaintext.
#[derive(Debug)]
pub struct NewConnection {
    /// Home workspace.
    pub workspace: WorkspaceName,
    /// Slug; derived from the provider and the id when absent.
    pub slug: Option<Slug>,
    /// The provider, and how to reach it.
    pub details: Details,
    /// Initial values of its secret fields.
    pub secrets: BTreeMap<FieldName, Plaintext>,
    /// Whether gateways may use the connection once it is created.
    pub enabled: bool,
    /// Initial grants.
    pub access: Access,
    /// Initial model policy.
    pub models: ModelPolicy,
    /// Initial price factors.
    pub pricing: Option<Pricing>,
}
