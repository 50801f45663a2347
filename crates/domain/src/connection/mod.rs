//! The state of one connection: the union of what the five products' APIs can express.

mod access;
mod command;
mod decide;
mod dependents;
mod draft;
mod event;
mod evolve;
mod guest;
mod health;
mod limits_of_use;
mod models;
mod pricing;
mod provider_token;
mod redirect;
mod rejection;
mod rotation;
mod tested;
mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

pub use access::{Access, Grant, GrantScope};
pub use command::Command;
pub use decide::{check_expected, decide};
pub use dependents::{Dependent, DependentKey};
pub use draft::{Details, Draft, Patch, Revision, SecretReference};
pub use event::{Emptied, Event, EventFacts, Reverted};
pub use evolve::{advance, evolve};
pub use health::{Health, HealthState};
pub use limits_of_use::{
    Amount, Limits, RateCounts, RateLimit, RateUnit, ResetPeriod, UsageLimit, UsageUnit,
};
pub use models::{ModelPolicy, ModelRule};
pub use pricing::{MULTIPLIER_KEYS, Multiplier, Pricing};
pub use provider_token::{
    ACCESS_TOKEN, AuthorizationGrant, ProviderToken, REFRESH_TOKEN, RefreshFailure, RefreshOutcome,
};
pub use redirect::Attached;
pub use rejection::Rejection;
pub use rotation::{Keep, Replaced, RetiredBy, Retirement};
pub use tested::{ReportedFailure, TestOutcome, TestResult};
pub use vocabulary::{AuthMethod, Environment, Identity, IdentityKind, Kind};

pub(crate) use draft::at_most;
pub(crate) use vocabulary::vocabulary;

use crate::generations::Generations;
use crate::ids::{Actor, ConnectionId, Generation, Micros, Position, Version};
use crate::secret::Secret;
use crate::text::{FieldName, Slug, WorkspaceName};

/// One connection after some number of accepted changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Id of the connection, which never changes.
    pub id: ConnectionId,
    /// Home workspace; never changes.
    pub workspace: WorkspaceName,
    /// Slug, unique among the workspace's active connections.
    pub slug: Slug,
    /// The provider and how to reach it, without secrets.
    pub details: Details,
    /// Current secret values, and former ones that are still given out, sealed.
    pub secrets: BTreeMap<FieldName, Secret>,
    /// Highest generation among removed secrets. A field that is set again continues from here.
    pub generations_removed: Generation,
    /// Generations of secret fields whose values are known to others, and so never come back.
    /// Fields stay here when they are removed.
    pub compromised: BTreeMap<FieldName, Generations>,
    /// Settings whose values before a version are hidden, because they are or were secret.
    pub redacted: BTreeMap<FieldName, Version>,
    /// Lifecycle state.
    pub lifecycle: Lifecycle,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// Last reported health.
    pub health: Health,
    /// Other workspaces that may use it, and their limits.
    pub access: Access,
    /// Which models may be used through it.
    pub models: ModelPolicy,
    /// Factors applied to the provider's prices, if any are set.
    pub pricing: Option<Pricing>,
    /// What is known of the token that the ledger got for it, once it tried to.
    pub provider_token: Option<ProviderToken>,
    /// What depends on the connection.
    pub dependents: BTreeMap<DependentKey, Dependent>,
    /// Number of accepted changes.
    pub version: Version,
    /// Log position of the last change.
    pub position: Position,
    /// When it was created.
    pub created_at: Micros,
    /// Who created it.
    pub created_by: Actor,
    /// Time of the last change.
    pub updated_at: Micros,
    /// Actor of the last change.
    pub updated_by: Actor,
}

impl Connection {
    /// Returns when the next former generation is retired, if there is one.
    pub fn next_former_end(&self) -> Option<Micros> {
        let formers = self.secrets.values().filter_map(|secret| secret.former.as_deref());
        formers.map(|former| former.end.until).min()
    }

    /// Returns whether a generation of a field is compromised.
    pub fn is_compromised(&self, field: &FieldName, generation: Generation) -> bool {
        self.compromised.get(field).is_some_and(|all| all.contains(generation))
    }
}

/// The lifecycle state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// In use or ready for use.
    Active,
    /// Readable, but its slug is free for others and only `restore` changes it.
    Archived {
        /// When it was archived.
        at: Micros,
    },
    /// Its data key and its values are destroyed. Only its history can be read, without values.
    Erased {
        /// When it was erased.
        at: Micros,
    },
}

impl Lifecycle {
    /// Returns an error unless the connection is in use or ready for use.
    ///
    /// Errors: [`Rejection::ConnectionArchived`], [`Rejection::ConnectionErased`].
    pub const fn check_active(self) -> Result<(), Rejection> {
        match self {
            Self::Active => Ok(()),
            Self::Archived { .. } => Err(Rejection::ConnectionArchived),
            Self::Erased { .. } => Err(Rejection::ConnectionErased),
        }
    }

    /// Returns whether it is erased.
    pub const fn is_erased(self) -> bool {
        matches!(self, Self::Erased { .. })
    }

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived { .. } => "archived",
            Self::Erased { .. } => "erased",
        }
    }
}
