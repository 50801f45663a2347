//! What has happened to a principal.

use super::command::{PrincipalDraft, PrincipalRevision};
use super::key::{ApiKeyId, KeyDigest};
use crate::connection::Environment;
use crate::ids::Micros;
use crate::text::{Line, Prose};

/// An accepted change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalEvent {
    /// The principal was made.
    Created(PrincipalDraft),
    /// Its name for people or what it may do was changed.
    Updated(PrincipalRevision),
    /// Its keys open something again.
    Enabled,
    /// Its keys open nothing.
    Disabled {
        /// Why.
        reason: Option<Prose>,
    },
    /// It was given one more key.
    KeyIssued {
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
    /// A key was taken from it.
    KeyRevoked {
        /// Which.
        id: ApiKeyId,
        /// Why.
        reason: Option<Prose>,
    },
}

impl PrincipalEvent {
    /// The stored names of all types.
    pub const TYPE_NAMES: [&'static str; 6] = [
        "principal_created",
        "principal_updated",
        "principal_enabled",
        "principal_disabled",
        "api_key_issued",
        "api_key_revoked",
    ];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Created(_) => "principal_created",
            Self::Updated(_) => "principal_updated",
            Self::Enabled => "principal_enabled",
            Self::Disabled { .. } => "principal_disabled",
            Self::KeyIssued { .. } => "api_key_issued",
            Self::KeyRevoked { .. } => "api_key_revoked",
        }
    }
}
