//! References, which secret fields hold in place of values: checked when they are set, and followed
//! when they are revealed.
//!
//! What lies outside of the ledger is reached through [`FollowReference`]. Fields of other
//! connections are found here.

mod chain;
mod content;
mod follow;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ledger_domain::{Reference, WorkspaceName};
use ledger_vault::Plaintext;
use parking_lot::RwLock;

use crate::engine::Engine;

pub(crate) use follow::ReadBy;

/// Connections that a reference may lead through, one after the other.
pub(crate) const DEPTH_MAX: usize = 4;

/// Reaches what is outside of the ledger.
pub trait FollowReference: fmt::Debug + Send + Sync {
    /// Checks that the operator permits to follow a reference of a workspace. It must not block.
    fn check(
        &self,
        workspace: &WorkspaceName,
        reference: &Reference,
    ) -> Result<(), ReferenceProblem>;

    /// Returns all that is at the place, whatever key and format the reference has. It ends within
    /// a time that the implementation limits.
    fn follow<'a>(&'a self, workspace: &'a WorkspaceName, reference: &'a Reference)
    -> Followed<'a>;

    /// Drops what was found and all credentials that were obtained, because the ledger is being
    /// sealed. It must not block.
    fn forget(&self);
}

/// What following a reference will lead to.
pub type Followed<'a> =
    Pin<Box<dyn Future<Output = Result<Arc<Plaintext>, ReferenceProblem>> + Send + 'a>>;

/// What kind of reason there is for a reference not to give a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceFault {
    /// It may not be set or followed.
    Forbidden,
    /// What is there is missing, refused or not a value.
    Unusable,
    /// What has it does not answer now.
    Away,
}

/// Why a reference does not give a value. Never repeats what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct ReferenceProblem {
    /// What kind of reason it is.
    pub fault: ReferenceFault,
    /// The reason, for whoever sets or follows the reference.
    pub cause: String,
}

impl ReferenceProblem {
    /// Returns the problem of a reference that may not be set or followed.
    pub fn forbidden(cause: impl Into<String>) -> Self {
        Self { fault: ReferenceFault::Forbidden, cause: cause.into() }
    }

    /// Returns the problem of a reference that leads to no value.
    pub fn unusable(cause: impl Into<String>) -> Self {
        Self { fault: ReferenceFault::Unusable, cause: cause.into() }
    }

    /// Returns the problem of a reference to what does not answer now.
    pub fn away(cause: impl Into<String>) -> Self {
        Self { fault: ReferenceFault::Away, cause: cause.into() }
    }
}

/// What follows references, if something is set. Without it, none may be set that leads outside.
#[derive(Debug, Default)]
pub(crate) struct ReferenceFollower(RwLock<Option<Arc<dyn FollowReference>>>);

impl ReferenceFollower {
    fn get(&self) -> Result<Arc<dyn FollowReference>, ReferenceProblem> {
        let none = "this server permits no references (--allow-reference)";
        self.0.read().clone().ok_or_else(|| ReferenceProblem::forbidden(none))
    }
}

impl ReferenceFollower {
    /// Drops what was found, as the ledger is being sealed.
    pub(crate) fn forget(&self) {
        if let Some(follower) = &*self.0.read() {
            follower.forget();
        }
    }
}

impl Engine {
    /// Follows references with this from now on.
    pub fn set_reference_follower(&self, follower: Arc<dyn FollowReference>) {
        *self.shared.references.0.write() = Some(follower);
    }

    /// Returns whether the operator permits to follow a reference of a workspace that leads
    /// outside.
    pub fn permits_reference(&self, workspace: &WorkspaceName, reference: &Reference) -> bool {
        let follower = self.shared.references.get();
        follower.is_ok_and(|follower| follower.check(workspace, reference).is_ok())
    }
}
