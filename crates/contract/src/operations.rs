//! Requests of operators: rebuilding read models, and checking health. Backups are in
//! [`backups`](crate::backups), master keys in [`master_keys`](crate::master_keys).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backups::BackupHealth;

/// The names of all operations, as in `<prefix>.admin.<operation>`.
pub const OPERATIONS: [&str; 5] = ["replay", "backup", "rewrap", "give-share", "step-down"];

/// A request to rebuild read models.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// The read model to rebuild: `connections`, `lists` or `audit`; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// Only compares the rebuilt read model with the live one and replaces nothing. If all are
    /// compared, so are the positions of streams, the claims to slugs and the receipts.
    pub verify: bool,
}

/// Progress of an operation that takes a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Number of events done, or of whatever else is counted.
    pub done: u64,
    /// How many there are in total.
    pub total: u64,
}

/// Result of a replay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReplayReport {
    /// Number of events processed.
    pub events: u64,
    /// Duration, in seconds.
    pub seconds: f64,
    /// The read models that were rebuilt, and with them the tables `streams`, `claims` and
    /// `receipts`, if they were compared or rebuilt.
    pub projections: Vec<String>,
    /// The first difference found while verifying; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// A request to leave it to another node of the cluster to write the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDownRequest {}

/// The end of the term of a node that was asked to step down.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepDownReport {
    /// The number of the term that has ended.
    pub term: u64,
}

/// Answer to a liveness or readiness check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthAnswer {
    /// `alive` or `ready`.
    pub status: &'static str,
    /// The history that the ledger has, once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// Whether the ledger is sealed, so that commands that give a secret a value are refused, and
    /// reveals are; only with `ready`, and absent if it is not. Other commands are accepted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// What is known of backups; only with `ready`, and only if the server makes them. An old or
    /// failed backup is no reason to send no commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupHealth>,
}
