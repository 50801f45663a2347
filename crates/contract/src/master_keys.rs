//! Master keys of a ledger that is served: what is wrapped under which, wrapping it anew, and
//! shares of them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::operations::Progress;
use crate::reply::Receipt;

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

/// A share of the master keys of a sealed ledger.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareRequest {
    /// The text of the share: its line, which may have comments before it.
    #[schemars(with = "String", extend("writeOnly" = true))]
    pub share: Zeroizing<String>,
    /// Whether shares that were given before are wiped first.
    #[serde(default)]
    pub start_over: bool,
}

impl fmt::Debug for ShareRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareRequest").field("start_over", &self.start_over).finish_non_exhaustive()
    }
}

/// What became of a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShareReport {
    /// Name of the set that the share belongs to.
    pub set: String,
    /// How many shares of the set were given.
    pub given: u8,
    /// How many it takes.
    pub threshold: u8,
    /// Until when they are held in memory; absent if they were enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<String>,
    /// The receipt of the event by which the ledger was unsealed; absent if they were not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Shares that are held until there are enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharesView {
    /// Name of their set.
    pub set: String,
    /// How many were given.
    pub given: u8,
    /// How many it takes.
    pub threshold: u8,
    /// Until when they are held in memory.
    pub held_until: String,
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
    /// Whether the ledger is sealed: it has no key in memory that opens a secret.
    #[serde(default)]
    pub sealed: bool,
    /// What wraps them anew, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrap: Option<RewrapStatus>,
}
