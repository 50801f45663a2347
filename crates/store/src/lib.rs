//! The RocksDB log and tables of one data directory.
//!
//! Everything the ledger keeps is here: the log, the stream index, unique-name claims, command
//! receipts, wrapped data keys, read models and the outbox mark, in one database, so that one
//! batch and one sync make a change durable as a whole. Not here: what any of it means
//! (`ledger-engine`), or a `rocksdb` type in any signature.
//!
//! Read first: [`Store`] (open and commit), [`Batch`] (what is written together),
//! [`Postings`] (bitmaps behind filters and audit), [`SortedFile`] (how a table is filled at once).

mod batch;
mod data_dir;
mod error;
mod options;
mod postings;
mod sorted;
mod store;
mod table;

pub mod tables;

pub use batch::Batch;
pub use data_dir::{DataDir, FORMAT};
pub use error::{AppendError, OpenError, ReadError, StorageFault};
pub use postings::{BitmapRow, Changes, Gathered, Postings, Selection, Term, load_bitmaps};
pub use sorted::SortedFile;
pub use store::{Durability, Row, Rows, Store};
pub use table::Table;
