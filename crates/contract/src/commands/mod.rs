//! Commands as they arrive: JSON bodies, checked field by field into domain commands.
//!
//! A body is parsed once, here. Plaintext secrets go straight into [`Plaintext`] and stay apart
//! from the domain command until the engine has sealed them.

mod bodies;
mod forms;
mod parse;
mod parts;

use std::collections::BTreeMap;

use ledger_domain::connection::{Access, Details, ModelPolicy, Pricing, Revision};
use ledger_domain::{
    Command, ConnectionId, FieldName, Slug, Version, WorkspaceCreated, WorkspaceName,
};
use ledger_vault::Plaintext;

pub use bodies::*;
pub use parse::parse;
pub use parts::SecretValue;

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
