//! Every shape that outlives a process: stored records and rows, messages, subjects, error codes.
//!
//! A serializable type is a promise to someone. All such promises are made here, so that the
//! domain stays free to change. Not here: decisions (`ledger-domain`), ciphertext
//! (`ledger-vault`), or where anything is stored.
//!
//! Read first: [`records::Record`], [`commands::ParsedCommand`], [`queries::Query`], [`errors::Problem`].

mod outline;
mod shape;

pub mod records;
pub mod time;

pub mod access;
pub mod commands;
pub mod errors;
pub mod headers;
pub mod operations;
pub mod queries;
pub mod reply;
pub mod reveal;
pub mod route;
pub mod schemas;
pub mod sealed;
pub mod subjects;
pub mod view;

pub use outline::outline;
