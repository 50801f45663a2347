//! The status of the HTTP API, as part of the ledger's status.

use std::fmt;
use std::sync::Arc;

use ledger_contract::queries::HttpStatus;
use parking_lot::RwLock;

use crate::engine::Engine;

/// Reports the status of the HTTP API.
pub trait HttpStatusSource: fmt::Debug + Send + Sync {
    /// Returns the counts since the listener was opened.
    fn http_status(&self) -> HttpStatus;
}

/// The source of the HTTP status, if HTTP is enabled.
#[derive(Debug, Default)]
pub(crate) struct HttpSource(RwLock<Option<Arc<dyn HttpStatusSource>>>);

impl HttpSource {
    pub(crate) fn status(&self) -> Option<HttpStatus> {
        self.0.read().as_ref().map(|source| source.http_status())
    }
}

impl Engine {
    /// Includes the status of the HTTP API in the ledger's status from now on.
    pub fn set_http_status_source(&self, source: Arc<dyn HttpStatusSource>) {
        *self.shared.http_source.0.write() = Some(source);
    }
}
