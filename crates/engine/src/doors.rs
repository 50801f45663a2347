//! What the engine is told of the doors in front of it.

use std::fmt;
use std::sync::Arc;

use ledger_contract::queries::HttpStatus;
use parking_lot::RwLock;

use crate::engine::Engine;

/// Tells how the HTTP door is, for the ledger's status.
pub trait TellHttpStatus: fmt::Debug + Send + Sync {
    /// Returns counts since the door was opened.
    fn http_status(&self) -> HttpStatus;
}

/// The doors there are.
#[derive(Debug, Default)]
pub(crate) struct Doors(RwLock<Option<Arc<dyn TellHttpStatus>>>);

impl Doors {
    pub(crate) fn http_status(&self) -> Option<HttpStatus> {
        self.0.read().as_ref().map(|door| door.http_status())
    }
}

impl Engine {
    /// Shows the counts of an HTTP door in the ledger's status from now on.
    pub fn set_http_door(&self, door: Arc<dyn TellHttpStatus>) {
        *self.shared.doors.0.write() = Some(door);
    }
}
