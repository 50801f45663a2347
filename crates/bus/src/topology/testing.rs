//! What the tests of this folder share.

use async_nats::jetstream::stream::{Config, Info};
use ledger_domain::{Incarnation, LedgerId};
use ledger_engine::Identity;
use serde_json::json;

use super::{Choices, Window};

pub(super) const EARLY: &str = "2026-11-21T01:02:03Z";
pub(super) const LATE: &str = "2026-11-21T02:02:03Z";

pub(super) fn identity() -> Identity {
    let (ledger, incarnation) = (LedgerId::from_bytes([7; 16]), Incarnation::from_bytes([8; 16]));
    Identity { ledger, incarnation, epoch: 1 }
}

pub(super) fn choices() -> Choices {
    Choices { replicas: None, window: Window::default(), bucket: true }
}

/// What the server says of a stream with these settings.
pub(super) fn info(config: &Config, created: &str, first: u64, last: u64, messages: u64) -> Info {
    let info = json!({
        "config": config, "created": created,
        "state": {
            "messages": messages, "bytes": 0, "consumer_count": 0,
            "first_seq": first, "first_ts": created, "last_seq": last, "last_ts": created,
        },
        "sources": [{"name": "LEDGER_EVENTS", "lag": 0, "active": 1_000_000}],
    });
    serde_json::from_value(info).expect("information")
}
