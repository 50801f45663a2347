//! The options of the API.

use ledger_engine::AdmissionLimits;

use crate::feed::FeedLimits;

/// Options of the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Limits on what is in progress over HTTP.
    pub limits: AdmissionLimits,
    /// Sizes and times of the event feeds.
    pub feeds: FeedLimits,
    /// Whether secrets may be revealed, which requires a private transport.
    pub reveals: bool,
    /// Whether anybody may read the tree over the log and its checkpoints.
    pub public_log: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        let (limits, feeds) = (AdmissionLimits::default(), FeedLimits::default());
        Self { limits, feeds, reveals: true, public_log: false }
    }
}
