//! Commands to a principal.

use super::PrincipalKind;
use super::grant::Grant;
use super::key::{ApiKeyId, KeyDigest};
use super::token::TokenRef;
use crate::connection::{Environment, Patch};
use crate::ids::Micros;
use crate::text::{Line, Prose};

/// A requested change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalCommand {
    /// Creates the principal.
    Create(PrincipalDraft),
    /// Changes its display name or its grants.
    Update(PrincipalRevision),
    /// Enables it, so that its keys are accepted again.
    Enable,
    /// Disables it, so that its keys are rejected.
    Disable {
        /// The reason.
        reason: Option<Prose>,
    },
    /// Issues a further key to it.
    IssueKey {
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
    /// Revokes one of its keys.
    RevokeKey {
        /// Id of the key.
        id: ApiKeyId,
        /// The reason.
        reason: Option<Prose>,
    },
    /// Refuses tokens from now on.
    BlockToken {
        /// The tokens.
        token: TokenRef,
        /// The reason.
        reason: Option<Prose>,
    },
    /// Accepts tokens again.
    UnblockToken {
        /// The tokens.
        token: TokenRef,
        /// The reason.
        reason: Option<Prose>,
    },
}

/// A principal to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalDraft {
    /// Kind of caller.
    pub kind: PrincipalKind,
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// Its grants.
    pub grants: Vec<Grant>,
}

/// Changes to a principal; absent parts stay unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalRevision {
    /// Human-readable name.
    pub display_name: Patch<Line>,
    /// All its grants, replacing the previous ones.
    pub grants: Option<Vec<Grant>>,
}
