//! What a command's caller is told, and what gateways are told of its event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::IssuedKey;
use crate::view::ConnectionView;

/// Answer to an accepted command. The same command id gets the same answer, forever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The connection; absent for commands about a workspace or a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The stream's version after the command.
    pub version: u64,
    /// The event's place in the log.
    pub position: u64,
    /// When it was recorded.
    pub recorded_at: String,
}

/// Answer to an accepted `issue-key`: the receipt, and the key unless the command is a repeat.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyReceipt {
    /// The receipt.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// The key. It is stored nowhere and told once: whoever lost it revokes it and has another
    /// issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<IssuedKey>,
}

/// What gateways are told of an event: the event plus the resulting public state. The value of
/// the KV bucket and the body on the event stream.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Notification<'a> {
    /// The event's place in the log; a later state has a greater one.
    pub position: u64,
    /// The stored record, ciphertext left out.
    pub event: Box<RawValue>,
    /// The state right after the event; absent for events about a workspace.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionView<'a>>,
}

/// Answer of the feed of events to a caller that asks for a page of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedPage {
    /// Notifications in the order of the log; none when nothing happened in time, or nothing that
    /// is for this reader. Without `audit`, `event` holds only what the state itself tells.
    #[schemars(with = "Vec<Notification<'static>>")]
    pub events: Vec<Box<RawValue>>,
    /// How far the log was looked through; the next question's `after`.
    pub position: u64,
}
