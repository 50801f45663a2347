//! Errors of a replay.

use super::{Fault, OpenError, Unavailable};

/// Why a replay failed. The live read models are unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no read model with the given name.
    #[error("there is no read model with that name; the known ones are {known}")]
    ProjectionUnknown {
        /// The known names.
        known: String,
    },
    /// Another replay is running.
    #[error("another replay is running")]
    Running,
    /// The data directory cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The ledger accepts no more writes.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger failed, or the log is damaged.
    #[error(transparent)]
    Fault(#[from] Fault),
}
