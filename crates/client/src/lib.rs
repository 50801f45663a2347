//! What a gateway links: sends commands, asks questions, and watches connections over NATS.
//!
//! A watcher gets the latest state of every connection, then each change exactly once and in
//! order, over reconnects and restarts of NATS, and is told while it may be behind. Not here:
//! anything of the server above `ledger-contract`.
//!
//! Read first: [`Client`], [`ClientOptions`], [`WatchItem`].

mod options;

mod connect;

mod command;
mod query;
mod replay;

mod watch;

mod error;
mod moment;

pub use command::{Accepted, CommandHeaders};
pub use connect::Client;
pub use error::ClientError;
pub use moment::new_command_id;
pub use options::{ClientOptions, Credentials, Key};
pub use watch::{Notice, WatchItem, WatchScope, Watcher};
