//! The limits of the API.

use crate::feed::FeedLimits;

/// The limits of the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Bodies awaited at the same time; more are answered `busy`.
    pub bodies_max: usize,
    /// Bodies of one caller awaited at the same time; more are answered `busy`.
    pub bodies_per_caller_max: usize,
    /// Commands in progress at the same time; more are answered `busy`.
    pub commands_max: usize,
    /// Queries in progress or waiting at the same time; more are answered `busy`.
    pub queries_max: usize,
    /// Queries that read the store at the same time.
    pub readers_max: usize,
    /// Limits of the event feeds.
    pub feeds: FeedLimits,
    /// Whether secrets may be revealed, which requires a private transport.
    pub reveals: bool,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            bodies_max: 1_024,
            bodies_per_caller_max: 256,
            commands_max: 1_024,
            queries_max: 256,
            readers_max: 16,
            feeds: FeedLimits::default(),
            reveals: true,
        }
    }
}
