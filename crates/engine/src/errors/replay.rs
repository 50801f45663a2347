//! Why read models are not rebuilt.

use super::{Fault, Unavailable};

/// Why a replay did not run to its end. The live read models are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no read model of the name that was given.
    #[error("there is no read model of that name; known are {known}")]
    ProjectionUnknown {
        /// The names there are.
        known: String,
    },
    /// Another replay is under way.
    #[error("a replay is running already")]
    Running,
    /// Nothing is written any more.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger failed, or the log is damaged.
    #[error(transparent)]
    Fault(#[from] Fault),
}
