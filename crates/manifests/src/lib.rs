//! Manifests: what a ledger is to hold, declared in files. They are read, compared with what is
//! there, planned, and written; and the files of other products are made into them.
//!
//! Everything here is computed from texts and views. Files, the environment and the ledger are for
//! the caller.
//!
//! Read first: [`Reader`] and [`Manifest`], then [`plan::connection`], which compares one of its
//! items with a [`Live`] connection, and [`convert::convert`].
//!
//! # Invariants
//!
//! - What is written from views is read back as the same, and nothing differs
//!   (test: `what_is_exported_is_read_back_and_nothing_differs`).
//! - A mask is never read as a value (test: `a_mask_is_no_value`).
//! - No complaint repeats a value
//!   (test: `what_cannot_be_read_is_told_by_its_place_and_not_quoted`).
//! - Aliases cannot make a small file a large one (test: `aliases_do_not_grow_without_end`).
//! - What a connection remembers of a run tells nothing about values of secrets
//!   (test: `what_is_remembered_and_command_ids_tell_nothing_of_values`).

pub mod limits;
mod place;
mod shapes;
mod tree;

mod applied;
mod form;
mod live;
mod manifest;
mod read;

pub mod convert;
mod export;
pub mod plan;

pub use applied::{APPLIED, Applied};
pub use export::{ExportedSecrets, Exporter};
pub use live::{Drift, Live, LiveSecret};
pub use manifest::{ConnectionItem, Manifest, PrincipalItem, SecretSource, WorkspaceItem};
pub use place::{Complaint, Place};
pub use read::{FORM, Reader, check_value};
