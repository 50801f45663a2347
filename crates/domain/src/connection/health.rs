//! The last reported health of a connection.

use super::vocabulary::vocabulary;
use crate::ids::{EventId, Micros};
use crate::text::Prose;

vocabulary!(
    /// How well a connection works, as reported by its users.
    HealthState, "health", {
        /// It works.
        Operational = "operational",
        /// It fails temporarily and is being retried.
        Degraded = "degraded",
        /// A failure that needs manual intervention was reported.
        Failed = "failed",
        /// No report yet.
        Unknown = "unknown",
    }
);

/// The last reported health, and where the report came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How well it works.
    pub state: HealthState,
    /// The reason, in the reporter's words.
    pub reason: Option<Prose>,
    /// Since when it has been in this state. A new reason alone does not change this time.
    pub since: Micros,
    /// The event that reported this state.
    pub by: EventId,
}
