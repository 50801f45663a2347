//! Every shape that outlives a process: stored records and rows, messages, subjects, error codes.
//!
//! Every serializable type is a promise to clients or to stored data. All of them are in this
//! crate, so that the domain stays free to change. Not here: decisions (`ledger-domain`),
//! ciphertext (`ledger-vault`), and storage (`ledger-store`).
//!
//! Read first: [`records::Record`], [`commands::ParsedCommand`], [`queries::Query`],
//! [`errors::Problem`].
//!
//! Stored records are in `records/`, command bodies in `commands/`, the fields of a connection as
//! callers know them in `fields.rs`, subjects and header names in `subjects.rs`, error codes in
//! `errors/codes.rs`. `shape.rs` gives domain types their JSON form,
//! so that the domain needs no serde.
//!
//! # Invariants
//!
//! - An error about a body names the place and never repeats the value
//!   (test: `complaints_name_the_place_and_never_the_value`).
//! - Every error code has a page, and every page has a code
//!   (test: `every_error_code_has_a_page_and_every_page_a_code`).
//! - A body whose numbers would lose digits is refused
//!   (test: `a_number_that_would_lose_digits_is_refused`).
//! - A position of another history is not taken for one of this
//!   (test: `only_a_position_that_the_history_has_is_continued_after`).

mod as_of;
mod declared;
mod difference;
mod fields;
mod moment;
mod reduced;
mod shape;

pub mod records;
pub mod time;

pub mod access;
pub mod alerts;
pub mod backups;
pub mod cluster;
pub mod commands;
pub mod errors;
pub mod handover;
pub mod headers;
pub mod journal;
pub mod lease;
pub mod log_stream;
pub mod master_keys;
pub mod numbers;
pub mod operations;
pub mod parameter;
pub mod queries;
pub mod reply;
pub mod resume;
pub mod reveal;
pub mod route;
pub mod schemas;
pub mod sealed;
pub mod subjects;
pub mod view;

pub use as_of::AsOf;
pub use declared::{Declared, declared_by, declared_in};
pub use difference::{Difference, FieldChange, PatchOperation};
pub use moment::Moment;
pub use reduced::reduced;
pub use resume::ResumePoint;
