//! The RocksDB log and tables of one data directory.
//!
//! One database contains everything that the ledger stores: the log, the stream index, claims to
//! slugs, command receipts, wrapped data keys, read models and the outbox mark. One batch and one
//! sync therefore make a change durable as a whole. The meaning of the rows belongs to
//! `ledger-engine`, and no signature has a `rocksdb` type.
//!
//! Start with [`UnkeyedStore`] (open), [`Store`] (read and commit), [`Batch`] (atomic writes),
//! [`Postings`] (bitmaps behind filters and audit) and [`SortedFile`] (bulk loads).
//!
//! Whoever can write to the directory but lacks the master key cannot change what the ledger says
//! unnoticed: every row of the log, of the tables that follow from it one by one, of principals,
//! workspaces and connections, of data keys and of the values in `meta.mac` has a MAC that is bound
//! to its table and key, and is checked whenever it is read. The bitmaps and orders of lists and
//! history have none, because they decide about no right: whoever shows a row that they name checks
//! it against the row itself. Neither have the last uses of keys. What MACs do not show is that a
//! row is missing, or is an earlier one that was authentic in the same place; a comparison with the
//! log shows both, except for a log that was cut or put back as a whole.
//!
//! `tables/mod.rs` is the registry of tables. Each table has one file, whose documentation shows
//! the layout of its keys. A failed write, or a panic in a writer thread, poisons the store:
//! nothing more is written until it is opened again.
//!
//! # Invariants
//!
//! - Only one process holds a data directory (test: `a_second_holder_is_told_who_is_first`).
//! - A directory of a newer or foreign format is refused and left untouched
//!   (test: `newer_foreign_and_missing_formats_are_refused_untouched`).
//! - A row of a table with MACs that was changed or moved is never returned, and the error names it
//!   (test: `every_changed_byte_and_every_moved_row_is_noticed_by_every_way_to_read`).
//! - An upgrade that is interrupted goes on, and gives every row a MAC
//!   (test: `an_interrupted_upgrade_goes_on_where_it_was`).
//! - Changes and flushes never wait for a read of bitmaps
//!   (test: `a_select_in_progress_never_blocks_a_change`).
//! - Tables are dropped only while every write has succeeded
//!   (test: `a_poisoned_store_drops_no_table`).
//! - A database is created only for a new ledger; one that lacks a part is refused and left
//!   untouched (test: `a_database_that_lacks_a_part_is_refused_by_name`).
//! - What is forgotten is in no file
//!   (test: `what_rows_said_is_gone_once_nobody_reads_the_former_files`).
//! - What an interrupted restore leaves is no ledger, and the next restore replaces it
//!   (test: `what_an_interrupted_restore_left_is_no_ledger_and_is_replaced_by_the_next`).
//! - Bitmaps that are gathered in bulk equal, byte for byte, those that are built one change at a
//!   time (test: `gathered_rows_are_what_one_by_one_would_store`).

mod batch;
mod data_dir;
mod error;
mod figures;
mod forgetting;
mod macs;
mod options;
mod poison;
mod postings;
mod presence;
mod private_dir;
mod room;
mod sorted;
mod store;
mod table;
mod unkeyed;
mod upgrade;

#[cfg(test)]
mod fixtures;
pub mod tables;
#[cfg(feature = "testing")]
pub mod testing;

pub use batch::Batch;
pub use data_dir::{DataDir, FORMAT};
pub use error::{AppendError, OpenError, ReadError, StorageFault, UpgradeError};
pub use figures::StoreFigures;
pub use forgetting::{Forgotten, FormerFiles};
pub use options::open_files_max;
pub use poison::Poison;
pub use postings::{BitmapRow, Changes, Frozen, Gathered, Postings, Selection, Term, load_bitmaps};
pub use room::{ROOM_NEEDED_BYTES, Room};
pub use sorted::SortedFile;
pub use store::{Durability, Row, Rows, Store};
pub use table::Table;
pub use unkeyed::UnkeyedStore;
