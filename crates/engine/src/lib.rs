//! Use cases: execute a command, project its event, answer a query, replay the log.
//!
//! One writer decides commands in order and one committer makes them durable, a group at a time;
//! everything that can be done beforehand (reading, authorizing, sealing) is done by the callers
//! in parallel. Not here: messages of any transport, or the bytes of any table.
//!
//! Read first: [`Engine`], then `writer/decider.rs` and `writer/committer.rs` (the life of a
//! command), then `projections` (what read models are made of).

mod faults;
mod models;
mod ports;

mod access;
mod doors;
mod engine;
mod execute;
mod history;
mod outbox;
mod projections;
mod queries;
mod replay;
mod reveal;
mod sealed;
mod tail;
mod writer;

pub use access::{Caller, Standing, VerifyToken};
pub use doors::TellHttpStatus;
pub use engine::{Engine, EngineOptions};
pub use execute::{CommandRequest, Executed, Fingerprint};
pub use outbox::OutboxItem;
pub use queries::{Keep, ListOptions, ListResult, QueryAnswer, Reader, VersionLine, Versions};
pub use replay::ReplayLimits;
