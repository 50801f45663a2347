//! What has happened to a connection.

use std::collections::BTreeMap;

use super::access::{Access, GrantScope};
use super::dependents::{Dependent, DependentKey};
use super::draft::{Details, Draft, Revision};
use super::limits_of_use::Limits;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use crate::ids::{Actor, ConnectionId, EventId, Micros, Position, Version};
use crate::secret::{NewSecret, Secret};
use crate::text::{FieldName, Prose, Slug};

/// A fact. One accepted command is one event, so a version number counts accepted changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection was made.
    Created(Box<Draft>),
    /// Fields were changed; only those that differ are in it.
    Updated(Box<Revision>),
    /// Secret fields got new values.
    SecretRotated(BTreeMap<FieldName, NewSecret>),
    /// Gateways may use it.
    Enabled,
    /// Gateways may not use it.
    Disabled {
        /// Why.
        reason: Option<Prose>,
    },
    /// It fails for now.
    MarkedDegraded {
        /// Why.
        reason: Option<Prose>,
    },
    /// It fails until a person acts.
    MarkedFailed {
        /// Why.
        reason: Option<Prose>,
    },
    /// It works.
    MarkedOperational {
        /// Why, or how it was found out.
        reason: Option<Prose>,
    },
    /// It was set aside.
    Archived {
        /// Why.
        reason: Option<Prose>,
    },
    /// It was taken back from the archive.
    Restored {
        /// The new handle, when it got one.
        slug: Option<Slug>,
    },
    /// One or all workspaces were let in.
    WorkspaceGranted {
        /// Whom.
        scope: GrantScope,
        /// How much.
        limits: Limits,
    },
    /// One or all workspaces were shut out.
    WorkspaceRevoked {
        /// Whom.
        scope: GrantScope,
    },
    /// The limits of a grant changed.
    LimitsSet {
        /// Whose.
        scope: GrantScope,
        /// How much.
        limits: Limits,
    },
    /// The model policy was replaced.
    ModelPolicySet(ModelPolicy),
    /// The price factors were replaced.
    PricingSet(Option<Pricing>),
    /// Something was recorded as using it.
    DependentLinked {
        /// What.
        key: DependentKey,
        /// Facts about it.
        dependent: Dependent,
    },
    /// Something was recorded as no longer using it.
    DependentUnlinked {
        /// What.
        key: DependentKey,
    },
    /// The fields of an earlier version came back.
    Reverted(Box<Reverted>),
}

/// The state an earlier version's fields came back to. Dependents, health and lifecycle are
/// reports about the world, not settings, and stay as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// The version whose fields came back.
    pub to: Version,
    /// The handle.
    pub slug: Slug,
    /// The provider, and how to reach it.
    pub details: Details,
    /// The secret values of that version; one that differs from the current value counts as a new
    /// generation.
    pub secrets: BTreeMap<FieldName, Secret>,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// The grants.
    pub access: Access,
    /// The model policy.
    pub models: ModelPolicy,
    /// The price factors.
    pub pricing: Option<Pricing>,
}

/// What the record around an event says of it, as far as the state depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// The connection it happened to.
    pub connection: ConnectionId,
    /// Its own identity.
    pub event_id: EventId,
    /// Its place in the connection's stream.
    pub version: Version,
    /// Its place in the whole log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Who did it.
    pub actor: Actor,
}

impl Event {
    /// Every stored type name, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 18] = [
        "connection_created",
        "connection_updated",
        "secret_rotated",
        "connection_enabled",
        "connection_disabled",
        "marked_degraded",
        "marked_failed",
        "marked_operational",
        "connection_archived",
        "connection_restored",
        "workspace_granted",
        "workspace_revoked",
        "limits_set",
        "model_policy_set",
        "pricing_set",
        "dependent_linked",
        "dependent_unlinked",
        "connection_reverted",
    ];

    /// Returns the stored type name: its own word, independent of the Rust name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Created(_) => "connection_created",
            Self::Updated(_) => "connection_updated",
            Self::SecretRotated(_) => "secret_rotated",
            Self::Enabled => "connection_enabled",
            Self::Disabled { .. } => "connection_disabled",
            Self::MarkedDegraded { .. } => "marked_degraded",
            Self::MarkedFailed { .. } => "marked_failed",
            Self::MarkedOperational { .. } => "marked_operational",
            Self::Archived { .. } => "connection_archived",
            Self::Restored { .. } => "connection_restored",
            Self::WorkspaceGranted { .. } => "workspace_granted",
            Self::WorkspaceRevoked { .. } => "workspace_revoked",
            Self::LimitsSet { .. } => "limits_set",
            Self::ModelPolicySet(_) => "model_policy_set",
            Self::PricingSet(_) => "pricing_set",
            Self::DependentLinked { .. } => "dependent_linked",
            Self::DependentUnlinked { .. } => "dependent_unlinked",
            Self::Reverted(_) => "connection_reverted",
        }
    }
}
