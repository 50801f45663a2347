//! Status of the endpoints in front of the engine.

use std::fmt;
use std::sync::Arc;

use ledger_contract::queries::HttpStatus;
use parking_lot::RwLock;

use crate::engine::Engine;

/// Provides the status of the HTTP endpoint for the ledger's own status.
pub trait TellHttpStatus: fmt::Debug + Send + Sync {
    /// Returns counts since the endpoint was opened.
    fn http_status(&self) -> HttpStatus;
}

/// The endpoints that report a status.
#[derive(Debug, Default)]
pub(crate) struct Doors(RwLock<Option<Arc<dyn TellHttpStatus>>>);

impl Doors {
    pub(crate) fn http_status(&self) -> Option<HttpStatus> {
        self.0.read().as_ref().map(|door| door.http_status())
    }
}

impl Engine {
    /// Includes the counts of an HTTP endpoint in the ledger's status from now on.
    pub fn set_http_door(&self, door: Arc<dyn TellHttpStatus>) {
        *self.shared.doors.0.write() = Some(door);
    }
}
