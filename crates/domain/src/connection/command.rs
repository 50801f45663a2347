//! What can be asked of a connection.

use std::collections::BTreeMap;

use super::access::GrantScope;
use super::dependents::{Dependent, DependentKey};
use super::draft::{Draft, Revision};
use super::limits_of_use::Limits;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use crate::ids::Version;
use crate::secret::NewSecret;
use crate::text::{FieldName, Prose, Slug};

/// A wish, which [`super::decide`] grants or refuses. Secrets in it are sealed already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Makes the connection.
    Create(Box<Draft>),
    /// Changes any of its editable fields.
    Update(Box<Revision>),
    /// Replaces the values of secret fields it has.
    RotateSecret(BTreeMap<FieldName, NewSecret>),
    /// Lets gateways use it.
    Enable,
    /// Keeps gateways from using it.
    Disable {
        /// Why.
        reason: Option<Prose>,
    },
    /// Reports that it fails for now and is being retried.
    MarkDegraded {
        /// Why.
        reason: Option<Prose>,
    },
    /// Reports that it fails until a person acts.
    MarkFailed {
        /// Why.
        reason: Option<Prose>,
    },
    /// Reports that it works.
    MarkOperational {
        /// Why, or how it was found out.
        reason: Option<Prose>,
    },
    /// Sets it aside.
    Archive {
        /// Why.
        reason: Option<Prose>,
        /// Also when something depends on it.
        force: bool,
    },
    /// Takes it back from the archive.
    Restore {
        /// A new handle, needed when the old one has been taken meanwhile.
        slug: Option<Slug>,
    },
    /// Lets one or all other workspaces use it.
    GrantWorkspace {
        /// Whom.
        scope: GrantScope,
        /// How much.
        limits: Limits,
    },
    /// Shuts one or all other workspaces out.
    RevokeWorkspace {
        /// Whom.
        scope: GrantScope,
    },
    /// Changes the limits of an existing grant.
    SetLimits {
        /// Whose.
        scope: GrantScope,
        /// How much.
        limits: Limits,
    },
    /// Replaces the model policy.
    SetModelPolicy(ModelPolicy),
    /// Replaces the price factors.
    SetPricing(Option<Pricing>),
    /// Records that something uses it.
    LinkDependent {
        /// What.
        key: DependentKey,
        /// Facts about it.
        dependent: Dependent,
    },
    /// Records that something no longer uses it.
    UnlinkDependent {
        /// What.
        key: DependentKey,
    },
    /// Brings the settings of an earlier version back, secret values too, as a new change.
    Revert {
        /// Which version.
        to: Version,
        /// The connection as it was then, found by the engine; `None` when there was no such
        /// version.
        then: Option<Box<super::Connection>>,
    },
}

impl Command {
    /// Returns the verb, as subjects, routes and the command line spell it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::RotateSecret(_) => "rotate-secret",
            Self::Enable => "enable",
            Self::Disable { .. } => "disable",
            Self::MarkDegraded { .. } => "mark-degraded",
            Self::MarkFailed { .. } => "mark-failed",
            Self::MarkOperational { .. } => "mark-operational",
            Self::Archive { .. } => "archive",
            Self::Restore { .. } => "restore",
            Self::GrantWorkspace { .. } => "grant-workspace",
            Self::RevokeWorkspace { .. } => "revoke-workspace",
            Self::SetLimits { .. } => "set-limits",
            Self::SetModelPolicy(_) => "set-model-policy",
            Self::SetPricing(_) => "set-pricing",
            Self::LinkDependent { .. } => "link-dependent",
            Self::UnlinkDependent { .. } => "unlink-dependent",
            Self::Revert { .. } => "revert",
        }
    }
}
