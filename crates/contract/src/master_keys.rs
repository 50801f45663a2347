//! Master keys of a ledger that is served: what is wrapped under which, and wrapping it anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operations::Progress;

/// A request to wrap everything under the active master key that is still under another one, and to
/// follow that. It begins by itself after a rotation, and goes on after a restart.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RewrapRequest {}

/// What was wrapped anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RewrapReport {
    /// Id of the active master key.
    pub active: String,
    /// Number of data keys that are wrapped under it now.
    pub data_keys: u64,
    /// Number of data keys that were wrapped anew since the request.
    pub rewrapped: u64,
    /// Number of data keys that could not be opened and are still under another key.
    pub failed: u64,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// One master key, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MasterKeyView {
    /// Its id.
    pub id: String,
    /// `active`: everything new is wrapped under it. `former`: it only opens what was wrapped under
    /// it. `retired`: it is not used.
    pub state: MasterKeyState,
    /// Number of data keys that are wrapped under it.
    pub data_keys: u64,
    /// Whether the server holds it.
    pub held: bool,
}

/// What a master key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MasterKeyState {
    /// Everything new is wrapped under it.
    Active,
    /// It only opens what was wrapped under it.
    Former,
    /// It is not used.
    Retired,
}

impl MasterKeyState {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Former => "former",
            Self::Retired => "retired",
        }
    }
}

/// The wrapping anew that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RewrapStatus {
    /// How many data keys are wrapped anew, of those that were under another key.
    pub progress: Progress,
    /// Number of data keys that could not be opened.
    pub failed: u64,
    /// Why it does not go on now; absent if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
}

/// What the ledger's status says of its master keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MasterKeyStatus {
    /// Id of the active one.
    pub active: String,
    /// Number of data keys that are wrapped under others.
    pub left_behind: u64,
    /// What wraps them anew, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrap: Option<RewrapStatus>,
}
