//! What operators ask for: read models rebuilt, and whether the program works.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for read models to be rebuilt.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// `connections`, `lists` or `audit`; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<String>,
    /// Compare the rebuilt model with the live one and swap nothing.
    pub verify: bool,
}

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayProgress {
    /// Events folded.
    pub done: u64,
    /// Events there are.
    pub total: u64,
}

/// How a replay ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReplayReport {
    /// Events folded.
    pub events: u64,
    /// Time it took.
    pub seconds: f64,
    /// Which read models were rebuilt.
    pub projections: Vec<String>,
    /// The first difference found while verifying; absent when all is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// Whether the program lives, or is ready to work.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HealthAnswer {
    /// `alive` or `ready`.
    pub status: &'static str,
}
