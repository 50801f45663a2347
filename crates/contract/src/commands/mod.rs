//! Commands as they arrive: JSON bodies, checked field by field into domain commands.
//!
//! A body is parsed once, here. Plaintext secrets go straight into [`Plaintext`] and stay apart
//! from the domain command until the engine has sealed them.

mod access_bodies;
mod bodies;
mod forms;
mod parse;
mod parts;
mod principal;

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::connection::{Access, Details, Environment, ModelPolicy, Pricing, Revision};
use ledger_domain::{
    Command, ConnectionId, FieldName, Line, Micros, PrincipalCommand, PrincipalName, Prose, Slug,
    Version, WorkspaceCreated, WorkspaceName,
};
use ledger_vault::Plaintext;

pub use access_bodies::*;
pub use bodies::*;
pub use parse::{checked_create, checked_update, parse};
pub use parts::{
    SecretValue, limits as checked_limits, model_policy as checked_model_policy,
    pricing as checked_pricing,
};
pub use principal::{parse as parse_principal, permission as parse_permission};

/// Every verb, in the order of a connection's life.
pub const VERBS: [&str; 19] = [
    "create",
    "update",
    "rotate-secret",
    "enable",
    "disable",
    "mark-degraded",
    "mark-failed",
    "mark-operational",
    "archive",
    "restore",
    "grant-workspace",
    "revoke-workspace",
    "set-limits",
    "set-model-policy",
    "set-pricing",
    "link-dependent",
    "unlink-dependent",
    "revert",
    "create-workspace",
];

/// The verbs about who may ask, sent to the workspace [`crate::subjects::LEDGER`].
pub const PRINCIPAL_VERBS: [&str; 6] = [
    "create-principal",
    "update-principal",
    "enable-principal",
    "disable-principal",
    "issue-key",
    "revoke-key",
];

/// The verb that asks for secrets in the clear. It has doors of its own, because what it answers
/// must not go everywhere.
pub const REVEAL: &str = "reveal-secret";

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
    Create(Box<ParsedDraft>),
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
    /// Brings an earlier version back.
    Revert {
        /// Which connection.
        target: ConnectionRef,
        /// Which version.
        to: Version,
    },
    /// Any command that carries no secret.
    Plain {
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

/// A connection to be made, with its secrets still in plaintext.
#[derive(Debug)]
pub struct ParsedDraft {
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
