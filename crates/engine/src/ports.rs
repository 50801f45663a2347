//! The world outside: time and randomness. The only file that may ask for either.

use ledger_domain::{ConnectionId, EventId, LedgerId, MessageId, Micros};
use rand::RngCore;
use uuid::Uuid;

/// Returns the time now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> Micros {
    Micros::new(chrono::Utc::now().timestamp_micros())
}

/// Returns the generator of keys and nonces: a cryptographic one seeded by the operating system.
pub(crate) fn rng() -> rand::rngs::ThreadRng {
    rand::rng()
}

/// Makes a version 7 UUID of a given time, so that ids sort by the recorded time.
fn uuid_at(time: Micros) -> Uuid {
    let mut random = [0; 10];
    rng().fill_bytes(&mut random);
    let millis = u64::try_from(time.get() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

pub(crate) fn connection_id() -> ConnectionId {
    ConnectionId::new(uuid_at(now()))
}

pub(crate) fn event_id(time: Micros) -> EventId {
    EventId::new(uuid_at(time))
}

pub(crate) fn ledger_id() -> LedgerId {
    LedgerId::new(uuid_at(now()))
}

/// Makes an id for a command whose caller gave none.
pub(crate) fn command_id() -> MessageId {
    let text = uuid_at(now()).to_string();
    MessageId::parse("command_id", &text).expect("a UUID is a message id")
}
