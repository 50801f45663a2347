//! Events of a connection.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Access, GrantScope};
use super::dependents::{Dependent, DependentKey};
use super::draft::{Details, Draft, Revision};
use super::health::HealthState;
use super::limits_of_use::Limits;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use super::provider_token::AuthorizationGrant;
use super::rotation::RetiredBy;
use super::tested::TestResult;
use crate::ids::{Actor, ConnectionId, EventId, Generation, Micros, Position, Version};
use crate::policies::Overdue;
use crate::secret::{FormerEnd, NewSecret, Secret};
use crate::text::{FieldName, Line, Prose, Slug, WorkspaceName};

/// The result of an accepted command. Each accepted command is one event, so a version number
/// counts accepted changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection was created.
    Created(Box<Draft>),
    /// Fields were changed. The event contains only those that differ.
    Updated(Box<Revision>),
    /// Secret fields got new values.
    SecretRotated {
        /// The new values.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// Until when the values before them are still given out; not at all when absent.
        former: Option<FormerEnd>,
        /// The generations of each field whose values are known to others; none unless the command
        /// says so.
        compromised: BTreeMap<FieldName, BTreeSet<Generation>>,
        /// Whether the health becomes unknown.
        health_unknown: bool,
    },
    /// Former generations are given out no more.
    FormerRetired {
        /// The retired generation of each field.
        generations: BTreeMap<FieldName, Generation>,
        /// Why.
        cause: RetiredBy,
    },
    /// Former generations are retired at another time than was said.
    FormerEndSet {
        /// The former generation of each field.
        generations: BTreeMap<FieldName, Generation>,
        /// The new time.
        until: Micros,
    },
    /// A rotation was taken back: former values are current again, under a new generation.
    RotationCancelled {
        /// The former generation of each field, whose value is current now.
        generations: BTreeMap<FieldName, Generation>,
        /// Whether the health becomes unknown.
        health_unknown: bool,
    },
    /// Values are older than their policies permit.
    SecretOverdue {
        /// The value of each field.
        overdue: BTreeMap<FieldName, Overdue>,
    },
    /// Gateways may use the connection.
    Enabled,
    /// Gateways may no longer use the connection.
    Disabled {
        /// The reason.
        reason: Option<Prose>,
    },
    /// A temporary failure was reported.
    MarkedDegraded {
        /// The reason.
        reason: Option<Prose>,
    },
    /// A failure that needs manual intervention was reported.
    MarkedFailed {
        /// The reason.
        reason: Option<Prose>,
    },
    /// It works.
    MarkedOperational {
        /// The reason, or how it was found out.
        reason: Option<Prose>,
    },
    /// It was tested with its credentials.
    Tested {
        /// What was found out.
        result: Box<TestResult>,
        /// The health that follows; absent if it stays as it is.
        health: Option<HealthState>,
    },
    /// The token service of its provider gave out a token.
    TokenRefreshed {
        /// The values that are new: the token, and what the next one is asked for with if the
        /// service replaced it.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// Until when the token is valid; absent if the settings changed while it was asked for.
        expires_at: Option<Micros>,
        /// The health that follows; absent if it stays as it is.
        health: Option<HealthState>,
    },
    /// No token could be got, which changes the health.
    RefreshFailed {
        /// Why, without anything of a secret.
        reason: Prose,
        /// Whether nothing is tried any more until somebody changes the connection.
        gives_up: bool,
    },
    /// A person permitted the ledger to get tokens, and it has the first. The connection works.
    Authorized {
        /// The token, and what the next one is asked for with if there is such a value.
        secrets: BTreeMap<FieldName, NewSecret>,
        /// What earlier ones were asked for with, which is forgotten because nothing replaces it.
        removed: BTreeSet<FieldName>,
        /// Until when the token is valid, if that is known.
        expires_at: Option<Micros>,
        /// How it was permitted.
        grant: AuthorizationGrant,
    },
    /// The connection was archived.
    Archived {
        /// The reason.
        reason: Option<Prose>,
    },
    /// The connection was restored from the archive.
    Restored {
        /// The new slug, if it got one.
        slug: Option<Slug>,
    },
    /// The connection was erased: its data key is destroyed, and what it said is forgotten.
    Erased {
        /// The slug that it had, by which people know it.
        slug: Slug,
        /// The reason.
        reason: Prose,
    },
    /// An event of a connection that was erased since, without its values.
    Emptied(Box<Emptied>),
    /// One workspace, or all, got access.
    WorkspaceGranted {
        /// The workspaces.
        scope: GrantScope,
        /// The limits of their use.
        limits: Limits,
    },
    /// One workspace, or all, lost access.
    WorkspaceRevoked {
        /// The workspaces.
        scope: GrantScope,
    },
    /// The limits of a grant changed.
    LimitsSet {
        /// The workspaces of the grant.
        scope: GrantScope,
        /// The limits of their use.
        limits: Limits,
    },
    /// The model policy was replaced.
    ModelPolicySet(ModelPolicy),
    /// The price factors were replaced.
    PricingSet(Option<Pricing>),
    /// Something was recorded as using it.
    DependentLinked {
        /// The dependent.
        key: DependentKey,
        /// Its name and attributes.
        dependent: Dependent,
    },
    /// Something was recorded as no longer using it.
    DependentUnlinked {
        /// The dependent.
        key: DependentKey,
    },
    /// The settings of an earlier version were restored.
    Reverted(Box<Reverted>),
}

/// The restored settings. Dependents, health and lifecycle describe the present, so a revert does
/// not change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// The version whose settings were restored.
    pub to: Version,
    /// The slug.
    pub slug: Slug,
    /// The provider, and how to reach it.
    pub details: Details,
    /// The secret values of that version, each with the generation with which it came first. A
    /// value that differs from the current one gets a new generation.
    pub secrets: BTreeMap<FieldName, Secret>,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// The grants.
    pub access: Access,
    /// The model policy.
    pub models: ModelPolicy,
    /// The price factors.
    pub pricing: Option<Pricing>,
    /// Present settings whose values are hidden from now on, because they held a secret.
    pub redact: BTreeSet<FieldName>,
    /// The fields by which restored secrets are sent elsewhere than the present ones.
    pub destination: Vec<Line>,
    /// Whether the health becomes unknown, because a secret has another value.
    pub health_unknown: bool,
}

/// What is left of an event of a connection that was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The stored type name of the event.
    pub type_name: &'static str,
    /// The home workspace, if the event created the connection.
    pub workspace: Option<WorkspaceName>,
    /// The names of the fields that the event had.
    pub fields: Vec<Line>,
    /// The SHA-256 digest of the record that was stored before.
    pub digest: [u8; 32],
}

/// The metadata of an event that the state depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// The connection that the event belongs to.
    pub connection: ConnectionId,
    /// Id of the event.
    pub event_id: EventId,
    /// Version in the connection's stream.
    pub version: Version,
    /// Log position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Actor of the event.
    pub actor: Actor,
}

impl Event {
    /// Returns whether the event can make the state larger without bound when it is repeated.
    /// Events about health, the switch and the archive replace what the last one said.
    pub const fn adds_content(&self) -> bool {
        match self {
            Self::Created(_)
            | Self::Updated(_)
            | Self::SecretRotated { .. }
            | Self::TokenRefreshed { .. }
            | Self::Authorized { .. }
            | Self::WorkspaceGranted { .. }
            | Self::LimitsSet { .. }
            | Self::ModelPolicySet(_)
            | Self::PricingSet(_)
            | Self::DependentLinked { .. }
            | Self::Reverted(_) => true,
            Self::Enabled
            | Self::Disabled { .. }
            | Self::MarkedDegraded { .. }
            | Self::MarkedFailed { .. }
            | Self::MarkedOperational { .. }
            | Self::Tested { .. }
            | Self::RefreshFailed { .. }
            | Self::Archived { .. }
            | Self::Restored { .. }
            | Self::Erased { .. }
            | Self::Emptied(_)
            | Self::FormerRetired { .. }
            | Self::FormerEndSet { .. }
            | Self::RotationCancelled { .. }
            | Self::SecretOverdue { .. }
            | Self::WorkspaceRevoked { .. }
            | Self::DependentUnlinked { .. } => false,
        }
    }

    /// Returns whether the event can say how well the connection works.
    pub const fn reports_health(&self) -> bool {
        match self {
            Self::MarkedDegraded { .. }
            | Self::MarkedFailed { .. }
            | Self::MarkedOperational { .. }
            | Self::Tested { .. }
            | Self::TokenRefreshed { health: Some(_), .. }
            | Self::RefreshFailed { .. }
            | Self::Authorized { .. } => true,
            Self::Created(_)
            | Self::Updated(_)
            | Self::SecretRotated { .. }
            | Self::TokenRefreshed { health: None, .. }
            | Self::FormerRetired { .. }
            | Self::FormerEndSet { .. }
            | Self::RotationCancelled { .. }
            | Self::SecretOverdue { .. }
            | Self::Enabled
            | Self::Disabled { .. }
            | Self::Archived { .. }
            | Self::Restored { .. }
            | Self::Erased { .. }
            | Self::Emptied(_)
            | Self::WorkspaceGranted { .. }
            | Self::WorkspaceRevoked { .. }
            | Self::LimitsSet { .. }
            | Self::ModelPolicySet(_)
            | Self::PricingSet(_)
            | Self::DependentLinked { .. }
            | Self::DependentUnlinked { .. }
            | Self::Reverted(_) => false,
        }
    }

    /// All stored type names, in the order of the variants. A change that sends secrets elsewhere
    /// has a name of its own, so that auditors find it. An emptied event keeps its name.
    pub const TYPE_NAMES: [&'static str; 29] = [
        "connection_created",
        "connection_updated",
        "destination_changed",
        "secret_rotated",
        "former_retired",
        "former_end_set",
        "rotation_cancelled",
        "secret_overdue",
        "connection_enabled",
        "connection_disabled",
        "marked_degraded",
        "marked_failed",
        "marked_operational",
        "connection_tested",
        "provider_token_refreshed",
        "provider_token_failed",
        "connection_authorized",
        "connection_archived",
        "connection_restored",
        "connection_erased",
        "workspace_granted",
        "workspace_revoked",
        "limits_set",
        "model_policy_set",
        "pricing_set",
        "dependent_linked",
        "dependent_unlinked",
        "connection_reverted",
        "destination_reverted",
    ];

    /// Returns whether the event says that a value is known to others, so that nobody may use it
    /// for one moment longer.
    pub fn is_urgent(&self) -> bool {
        matches!(self, Self::SecretRotated { compromised, .. } if !compromised.is_empty())
    }

    /// Returns the stored type name, which is independent of the Rust name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Created(_) => "connection_created",
            Self::Updated(revision) if revision.destination.is_empty() => "connection_updated",
            Self::Updated(_) => "destination_changed",
            Self::SecretRotated { .. } => "secret_rotated",
            Self::FormerRetired { .. } => "former_retired",
            Self::FormerEndSet { .. } => "former_end_set",
            Self::RotationCancelled { .. } => "rotation_cancelled",
            Self::SecretOverdue { .. } => "secret_overdue",
            Self::Enabled => "connection_enabled",
            Self::Disabled { .. } => "connection_disabled",
            Self::MarkedDegraded { .. } => "marked_degraded",
            Self::MarkedFailed { .. } => "marked_failed",
            Self::MarkedOperational { .. } => "marked_operational",
            Self::Tested { .. } => "connection_tested",
            Self::TokenRefreshed { .. } => "provider_token_refreshed",
            Self::RefreshFailed { .. } => "provider_token_failed",
            Self::Authorized { .. } => "connection_authorized",
            Self::Archived { .. } => "connection_archived",
            Self::Restored { .. } => "connection_restored",
            Self::Erased { .. } => "connection_erased",
            Self::Emptied(emptied) => emptied.type_name,
            Self::WorkspaceGranted { .. } => "workspace_granted",
            Self::WorkspaceRevoked { .. } => "workspace_revoked",
            Self::LimitsSet { .. } => "limits_set",
            Self::ModelPolicySet(_) => "model_policy_set",
            Self::PricingSet(_) => "pricing_set",
            Self::DependentLinked { .. } => "dependent_linked",
            Self::DependentUnlinked { .. } => "dependent_unlinked",
            Self::Reverted(reverted) if reverted.destination.is_empty() => "connection_reverted",
            Self::Reverted(_) => "destination_reverted",
        }
    }
}
