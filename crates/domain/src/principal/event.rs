//! Events of a principal.

use super::command::{PrincipalDraft, PrincipalRevision};
use super::key::{ApiKeyId, KeyDigest};
use super::token::TokenRef;
use crate::connection::Environment;
use crate::ids::Micros;
use crate::text::{Line, Prose};

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalEvent {
    /// The principal was created.
    Created(PrincipalDraft),
    /// Its display name or its grants were changed.
    Updated(PrincipalRevision),
    /// It was enabled, so its keys are accepted again.
    Enabled,
    /// It was disabled, so its keys are rejected.
    Disabled {
        /// The reason.
        reason: Option<Prose>,
    },
    /// A further key was issued to it.
    KeyIssued {
        /// Id of the key, its public part.
        id: ApiKeyId,
        /// A digest of the key.
        digest: KeyDigest,
        /// The environment named in the key.
        environment: Environment,
        /// Purpose of the key, in the issuer's words.
        label: Option<Line>,
        /// When the key expires; never when absent.
        expires_at: Option<Micros>,
    },
    /// One of its keys was revoked.
    KeyRevoked {
        /// Id of the key.
        id: ApiKeyId,
        /// The reason.
        reason: Option<Prose>,
    },
    /// Tokens were blocked.
    TokenBlocked {
        /// The tokens.
        token: TokenRef,
        /// The reason.
        reason: Option<Prose>,
    },
    /// Tokens were unblocked.
    TokenUnblocked {
        /// The tokens.
        token: TokenRef,
        /// The reason.
        reason: Option<Prose>,
    },
}

impl PrincipalEvent {
    /// The stored names of all types.
    pub const TYPE_NAMES: [&'static str; 8] = [
        "principal_created",
        "principal_updated",
        "principal_enabled",
        "principal_disabled",
        "api_key_issued",
        "api_key_revoked",
        "token_blocked",
        "token_unblocked",
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
            Self::TokenBlocked { .. } => "token_blocked",
            Self::TokenUnblocked { .. } => "token_unblocked",
        }
    }
}
