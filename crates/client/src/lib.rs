//! Client library for gateways: sends commands, queries and watches connections over NATS.
//!
//! A watcher receives the latest state of every connection, then each change exactly once and in
//! order, across reconnects and restarts of NATS. It is notified while it may be behind. The
//! library depends on `ledger-contract` and on no part of the server above it.
//!
//! Start with [`Client`], [`ClientOptions`] and [`Mirror`]; `examples/gateway.rs` uses all of them.
//!
//! # Invariants
//!
//! - A gateway needs no NATS permission beyond the filter of its own workspace
//!   (test: `a_gateway_has_its_workspace_and_nothing_else`).
//! - Nothing is sent in the clear unless the options say so
//!   (test: `our_client_sends_nothing_in_the_clear_unless_it_is_told_to`).
//! - A reply that the ledger did not seal is not believed
//!   (test: `an_answer_that_is_not_the_ledgers_is_not_believed`).

mod options;

mod connect;

mod address;
mod command;
mod operation;
mod query;

mod watch;

mod mirror;
mod reveal;
mod sealed;
mod slot;

mod error;
mod moment;

pub use command::{Accepted, CommandHeaders};
pub use connect::Client;
pub use error::ClientError;
pub use mirror::{Mirror, Seen};
pub use moment::new_command_id;
pub use options::{ClientOptions, Credentials, Key};
pub use reveal::Secret;
pub use watch::{Notice, WatchItem, WatchScope, Watcher};
