//! The last reported working state of a connection.

use super::vocabulary::vocabulary;
use crate::ids::{EventId, Micros};
use crate::text::Prose;

vocabulary!(
    /// How well a connection works, as its users report it.
    HealthState, "health", {
        /// It works.
        Operational = "operational",
        /// It fails for now and is being retried.
        Degraded = "degraded",
        /// It fails until a person acts.
        Failed = "failed",
        /// Nobody has said yet.
        Unknown = "unknown",
    }
);

/// The last reported working state, and where the report came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How well it works.
    pub state: HealthState,
    /// Why, in the reporter's words.
    pub reason: Option<Prose>,
    /// Since when it has been in this state (a new reason alone does not restart the clock).
    pub since: Micros,
    /// The event that reported this state.
    pub by: EventId,
}
