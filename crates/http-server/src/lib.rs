//! The HTTP server: accepts connections on one address, with or without TLS, and passes their
//! requests to a router. It also holds what all APIs share: request ids, credentials and problem
//! answers.
//!
//! Not here: the routes (`ledger-http`, `ledger-facades`) and the check of credentials, for which
//! the caller supplies a function (`ledger-engine` implements it).
//!
//! Read first: [`ListenOptions`], `accept.rs` (the accept loop), `connection.rs` (one connection)
//! and `entry.rs` (the checks of a request). All limits are in `limits.rs`.
//!
//! # Invariants
//!
//! - All tokens of one subject share one rate, however they are spelled
//!   (test: `all_tokens_of_one_subject_share_one_rate`).
//! - An address that other machines can reach requires TLS, unless the operator waives it
//!   (test: `what_others_can_reach_is_refused_without_tls`).
//! - Guessing keys never locks out a key that the same address has used before
//!   (test: `guessing_keys_is_locked_out_and_a_key_in_use_is_not`).

mod options;

mod accept;
mod connection;
mod listener;

mod bodies;
mod entry;
mod refusal;

mod connection_limiter;
mod guard;
mod peer;

mod headers;
pub mod limits;
mod socket;
mod timeouts;
mod tls;

pub mod answer;
mod credential;
pub mod request_id;

mod counters;
mod error;
mod stop;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use credential::credential;
pub use error::{ListenError, TlsError};
pub use guard::{Accepts, CredentialGate, RATE_PER_ADDRESS, RATE_PER_KEY, Rates, Refused, Tells};
pub use headers::{NoOrigin, Origin};
pub use ledger_guard::{Clock, Identity, Verdict};
pub use limits::Limits;
pub use listener::Listener;
pub use options::{ListenOptions, Prepared, is_loopback};
pub use peer::ClientAddress;
pub use tls::TlsFiles;
