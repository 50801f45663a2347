//! Alerts: what they can be about, what one is told when it is made, and what of their delivery is
//! kept beside the log.

use ledger_domain::{EventId, Micros, Position, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::records::StreamId;
use crate::schemas::event_types;
use crate::shape;

/// The word for every event by which a connection became operational, degraded or failed, and was
/// not before.
pub const HEALTH_CHANGED: &str = "health_changed";
/// The word for rotations that say that the former value is known to others.
pub const SECRET_COMPROMISED: &str = "secret_compromised";
/// The type of event that says that a secret is older than its policy permits.
pub const SECRET_OVERDUE: &str = "secret_overdue";

/// What an alert is about that does not say.
pub const DEFAULT_EVENTS: [&str; 3] = [HEALTH_CHANGED, SECRET_COMPROMISED, SECRET_OVERDUE];

/// Returns every word for events that an alert can name: all types, and two words that stand for
/// events of several types.
pub fn event_words() -> impl Iterator<Item = &'static str> {
    [HEALTH_CHANGED, SECRET_COMPROMISED].into_iter().chain(event_types())
}

/// What messages of an alert are signed with, as it is told once. It is wiped from memory when
/// dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedSigning {
    /// `hmac` or `ed25519`.
    pub signature: String,
    /// With `hmac`, the secret with which receivers check signatures: `whsec_` and Base64. It is
    /// shown only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// With `ed25519`, the public key with which receivers check signatures: `whpk_` and Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

impl Drop for IssuedSigning {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for IssuedSigning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedSigning")
            .field("signature", &self.signature)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// How far the messages of an alert are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertProgress {
    /// Position up to which every event is delivered, waits in a row of its own, or is none of the
    /// alert's.
    #[serde(with = "shape")]
    pub after: Position,
    /// That the receiver as a whole does not take messages, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<ReceiverDown>,
    /// How many dead letters made room for later ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub letters_dropped: u64,
    /// The mail about the events after that, if one was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<BegunMail>,
}

/// A mail that no relay has taken yet. It is stored before it is sent, so that one that is sent
/// again is about the same events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunMail {
    /// The position of the last event that it tells.
    #[serde(with = "shape")]
    pub until: Position,
    /// When it was begun.
    #[serde(with = "shape")]
    pub at: Micros,
    /// How often the relay did not take it, though it was there.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub attempts: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_none_yet(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A receiver that as a whole does not take messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverDown {
    /// Since when.
    #[serde(with = "shape")]
    pub since: Micros,
    /// How often it was tried since.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(with = "shape")]
    pub next: Micros,
    /// Why, in words without anything of the receiver's.
    pub because: String,
}

/// An event of an alert that was not delivered yet, though later events were looked at. Later
/// events of its stream wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEvent {
    /// Its stream.
    #[serde(with = "shape")]
    pub stream: StreamId,
    /// Its version there.
    #[serde(with = "shape")]
    pub version: Version,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next.
    #[serde(with = "shape")]
    pub next: Micros,
    /// Why it was not taken, in words without anything of the receiver's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// An event of an alert that is not sent any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id.
    #[serde(with = "shape")]
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    #[serde(with = "shape")]
    pub stream: StreamId,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was sent last.
    #[serde(with = "shape")]
    pub at: Micros,
    /// Why it was not taken, in words without anything of the receiver's.
    pub because: String,
    /// Whether it is to be sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaying: bool,
}
