//! What can be asked of a principal.

use super::PrincipalKind;
use super::grant::Grant;
use super::key::{ApiKeyId, KeyDigest};
use crate::connection::{Environment, Patch};
use crate::ids::Micros;
use crate::text::{Line, Prose};

/// A change asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalCommand {
    /// Makes the principal.
    Create(PrincipalDraft),
    /// Changes its name for people or what it may do.
    Update(PrincipalRevision),
    /// Lets its keys open something again.
    Enable,
    /// Lets its keys open nothing.
    Disable {
        /// Why.
        reason: Option<Prose>,
    },
    /// Gives it one more key.
    IssueKey {
        /// The key's public part.
        id: ApiKeyId,
        /// A digest of the key.
        digest: KeyDigest,
        /// What the key says of itself.
        environment: Environment,
        /// What it is for.
        label: Option<Line>,
        /// From when on it opens nothing.
        expires_at: Option<Micros>,
    },
    /// Takes a key from it.
    RevokeKey {
        /// Which.
        id: ApiKeyId,
        /// Why.
        reason: Option<Prose>,
    },
}

/// A principal to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalDraft {
    /// What sort of caller it is.
    pub kind: PrincipalKind,
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// Changes to a principal; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalRevision {
    /// Human-readable name.
    pub display_name: Patch<Line>,
    /// What it may do, in place of all before.
    pub grants: Option<Vec<Grant>>,
}
