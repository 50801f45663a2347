//! What a gateway links: sends commands, asks questions, and watches connections over NATS.
//!
//! A watcher gets the latest state of every connection, then each change exactly once and in
//! order, over reconnects and restarts of NATS, and is told while it may be behind. Not here:
//! anything of the server above `ledger-contract`.
//!
//! Read first: [`Client`], [`ClientOptions`], [`Mirror`]; `examples/gateway.rs` uses all of them.

mod options;

mod connect;

mod address;
mod command;
mod query;
mod replay;

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
