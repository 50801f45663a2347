//! Whether this instance may write: a condition from outside the engine, such as a lease.

use std::fmt;
use std::sync::Arc;

use ledger_contract::queries::NatsStatus;
use parking_lot::RwLock;

use crate::engine::Engine;
use crate::errors::Unavailable;

/// Decides whether this instance may write.
pub trait Fence: fmt::Debug + Send + Sync {
    /// Returns why this instance may not write now, or `None` if it may. Called three
    /// times for every command, so it must be quick.
    fn refusal(&self) -> Option<String>;

    /// Returns what the ledger's status says about it.
    fn status(&self) -> NatsStatus;
}

/// The fence, if there is one besides the lock of the data directory.
#[derive(Debug, Default)]
pub(crate) struct FenceSlot(RwLock<Option<Arc<dyn Fence>>>);

impl FenceSlot {
    pub(crate) fn status(&self) -> Option<NatsStatus> {
        self.0.read().as_ref().map(|fence| fence.status())
    }

    /// Returns an error if this instance may not write.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        match self.0.read().as_ref().and_then(|fence| fence.refusal()) {
            None => Ok(()),
            Some(refusal) => Err(Unavailable::NotOwner(refusal)),
        }
    }
}

impl Engine {
    /// Returns what the fence says about the ledger's names, if there is one.
    pub fn names(&self) -> Option<NatsStatus> {
        self.shared.fence.status()
    }

    /// Accepts commands from now on only while `fence` permits it. Without a fence, the lock of the
    /// data directory is enough.
    pub fn set_fence(&self, fence: Arc<dyn Fence>) {
        *self.shared.fence.0.write() = Some(fence);
    }
}
