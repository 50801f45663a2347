//! Alerts by mail: people are told in words, through one relay that the operator names.
//!
//! ```text
//! log ──walk──> the first event ──some time──> gather all that came ──> one mail ──> relay
//!                     ^                                                     │
//!                     └── taken, or refused for good: dead letters <────────┴──> not now: again
//! ```
//!
//! What differs from requests follows from that an alert by mail has one address at one relay: its
//! events go in the order of the log, many of them in one mail, and no mail goes before the one
//! before it has an outcome. Which events a mail tells is stored before it is sent, so one that is
//! sent again, also after a crash, has the same events and the same id.
//!
//! `mailer/mod.rs` is the worker of an alert, `entry.rs` has what is told of an event, `compose.rs`
//! writes the mail, and `relay.rs` speaks SMTP.

mod compose;
mod entry;
mod mailer;
mod relay;

pub(crate) use mailer::Mailer;
pub use relay::{Relay, RelayError, RelayOptions, RelayUrl};
