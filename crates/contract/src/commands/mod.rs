//! Commands as they arrive: JSON bodies, checked field by field into domain commands.
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
use ledger_domain::principal::Scope;
use ledger_domain::{
    Command, ConnectionId, FieldName, Line, Micros, PrincipalCommand, PrincipalName, Prose, Slug,
    WorkspaceCreated, WorkspaceName,
};
use ledger_vault::Plaintext;

pub use create_workspace::NewWorkspaceBody;
pub use input::{SecretValue, nullable};
pub use parts::{
    AccessBody, IdentityBody, LimitsBody, ModelPolicyBody, ModelRuleBody, PermissionBody,
    PricingBody, RateLimitBody, SecretReferenceBody, UsageLimitBody,
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

    /// Tells whether both are the same id or, without regard to case, the same slug.
    pub fn is_same_name(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// Returns one text for all ways to write the same name.
    pub fn canonical(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Slug(slug) => slug.folded(),
        }
    }
}

/// A command that has been read, with its secrets still in plaintext.
#[derive(Debug)]
pub enum ParsedCommand {
    /// Makes a connection.
    Create(Box<NewConnection>),
    /// Changes fields and secrets.
    Update {
        /// Which connection.
        target: ConnectionRef,
        /// The changes, with no secrets in them yet.
        revision: Box<Revision>,
        /// Secret fields to set or remove.
        secrets: BTreeMap<FieldName, Option<Plaintext>>,
    },
    /// Replaces secret values.
    RotateSecret {
        /// Which connection.
        target: ConnectionRef,
        /// The new values.
        secrets: BTreeMap<FieldName, Plaintext>,
    },
    /// Any other change to a connection, none of which carries a secret.
    Change {
        /// Which connection.
        target: ConnectionRef,
        /// The command itself.
        command: Box<Command>,
    },
    /// Makes a workspace.
    CreateWorkspace(WorkspaceCreated),
    /// Makes or changes a principal.
    Principal {
        /// Which.
        name: PrincipalName,
        /// The command itself.
        command: Box<PrincipalCommand>,
    },
    /// Gives a principal a key, which the engine makes.
    IssueKey {
        /// Whose.
        name: PrincipalName,
        /// What the key says of itself.
        environment: Environment,
        /// What it is for.
        label: Option<Line>,
        /// From when on it opens nothing.
        expires_at: Option<Micros>,
    },
    /// Asks for secrets in the clear.
    Reveal {
        /// Which connection.
        target: ConnectionRef,
        /// Which fields; all when empty.
        fields: BTreeSet<FieldName>,
        /// Why.
        reason: Prose,
        /// Where the request came from, as far as the door knows.
        from: Option<Line>,
    },
}

impl ParsedCommand {
    /// Makes a change to a connection that carries no secret.
    pub fn change(target: ConnectionRef, command: Command) -> Self {
        Self::Change { target, command: Box::new(command) }
    }

    /// Makes a command about a principal.
    pub fn principal(name: PrincipalName, command: PrincipalCommand) -> Self {
        Self::Principal { name, command: Box::new(command) }
    }

    /// Returns how the command names its connection, when it is about one that is there.
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

    /// Tells whether a condition holds for the command, as far as the command alone can tell: a
    /// revert that shares is found out when it is decided.
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

    /// Returns the scopes that the command requires of its sender, all of them.
    pub fn required_scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        let met = |requirement: &&Requirement| self.meets(requirement.when);
        self.verb().spec().requires.iter().filter(met).flat_map(|met| met.scopes).copied()
    }
}

/// A connection to be made, with its secrets still in plaintext.
#[derive(Debug)]
pub struct NewConnection {
    /// Home workspace.
    pub workspace: WorkspaceName,
    /// Handle; made from the provider and the id when absent.
    pub slug: Option<Slug>,
    /// What it reaches and how.
    pub details: Details,
    /// First values of its secret fields.
    pub secrets: BTreeMap<FieldName, Plaintext>,
    /// Whether gateways may use it from the start.
    pub enabled: bool,
    /// First grants.
    pub access: Access,
    /// First model policy.
    pub models: ModelPolicy,
    /// First price factors.
    pub pricing: Option<Pricing>,
}
