//! Backups of a ledger in a folder or an object store, and restores from them.
//!
//! A backup is a manifest that names segments, which hold the events of a range of positions, and
//! a state, which holds what is not events. Most of its segments were written by earlier backups,
//! so a backup costs what is new, and each can be restored by itself. What the lines in these
//! objects are is the engine's affair (`portable`).
//!
//! What a backup holds of keys: the data keys of connections, the MAC key and the curve keys, each
//! wrapped under the master key, and secrets that are sealed under the data keys. The master key is
//! not in it, so a backup is of no use without it, to a thief and to the operator alike.
//!
//! Not here: the form of the lines and the rebuilding of what follows from them (`ledger-engine`);
//! flags and words (`connledger`).
//!
//! Read first: `manifest.rs`, [`back_up`], [`Target`], `checker.rs`; then `plan.rs`, which says why
//! a hundred thousand backups are not a hundred thousand segments.
//!
//! # Invariants
//!
//! - A backup that was killed at any moment is none, and one that has a manifest is whole
//!   (test: `a_backup_that_ends_at_any_request_is_none_or_whole`).
//! - What is restored is what was backed up
//!   (test: `a_restored_ledger_tells_the_same_as_the_one_that_was_backed_up`).
//! - A changed byte in any object is told before anything is made of it
//!   (test: `a_flipped_bit_in_any_object_is_named_and_nothing_is_restored`), and in a manifest
//!   (test: `every_changed_byte_of_a_manifest_is_noticed`).
//! - Only holders of the master key make or edit a manifest
//!   (test: `an_edited_manifest_with_a_new_digest_is_told_by_its_mac`).
//! - What somebody else made is no backup, and no reason to remove one
//!   (test: `a_forged_manifest_is_no_backup_and_no_reason_to_remove_one`), and what it replaced can
//!   be put back (test: `what_an_edited_manifest_named_before_is_left_alone`).
//! - Segments stay few, however many backups are made
//!   (test: `many_small_backups_have_few_segments_and_write_each_event_a_few_times`).
//! - Nothing is taken over from a log that went on otherwise
//!   (test: `a_copy_that_went_on_by_itself_takes_nothing_over_that_it_does_not_have`).
//! - A backup has nothing of what was erased before
//!   (test: `the_next_backup_has_nothing_of_what_was_erased_and_takes_over_the_rest`), and an
//!   earlier one brings no erased secret back
//!   (test: `an_earlier_backup_brings_no_erased_secret_back_unless_told`).
//! - What a kept backup names is never removed, nor is the latest sound one
//!   (test: `what_is_left_after_a_prune_can_be_restored`).
//! - An address holds no credential (test: `an_address_has_no_credentials_and_no_tricks`), nor does
//!   an error (test: `what_the_other_side_says_is_not_repeated_but_for_its_code`).

mod id;
mod length;
mod names;
mod target;

mod manifest;
mod plan;

mod pace;
mod packing;
mod stop;

mod checker;
mod create;
mod holdings;
mod prune;
mod restore;
mod verify;

mod serving;

mod error;
#[cfg(test)]
mod tests;

pub use checker::Trust;
pub use create::{BackupOptions, RATE, back_up};
pub use error::BackupError;
pub use holdings::{Holding, Summary, list};
pub use id::{BackupId, NoBackupId};
pub use prune::{PruneReport, Retention, prune};
pub use restore::{ErasedSince, RestoreReport, restore};
pub use serving::{Schedule, Serving, ServingOptions};
pub use stop::Stop;
pub use target::{AddressError, PATIENCE, Target, TargetAddress, TargetError, TargetFault};
pub use verify::{VerifyReport, recount, verify};
