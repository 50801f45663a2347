//! The registry of tables. The meaning of a name or key tag never changes.
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `log` | position (8, BE) | record, JSON |
//! | `streams` | stream (1 + 16), version (8, BE) | position (8, BE) |
//! | `receipts` | workspace, 0, command id | [`Receipt`], 58 bytes |
//! | `claims` | workspace, 0, folded slug | connection id (16) |
//! | `keys` | connection id (16) | wrapped data key |
//! | `meta` | name | per name, see [`meta`] |
//! | `snapshots` | connection id (16), version (8, BE) | the connection's state at that version |
//! | `uses` | API key id | time of its last use, i64 BE |
//! | `connections.g<N>` | see [`connections`] | rows, ordinals, workspaces |
//! | `lists.g<N>` | see [`lists`] | orders and bitmaps for lists |
//! | `audit.g<N>` | see [`crate::Postings`] | bitmaps for history |

pub mod claims;
pub mod connections;
pub mod keys;
pub mod lists;
pub mod log;
pub mod meta;
pub mod receipts;
pub mod snapshots;
pub mod streams;
pub mod uses;

pub use receipts::Receipt;
pub use streams::StreamKey;

use std::borrow::Cow;

use crate::table::Table;

pub(crate) const LOG: &str = "log";
pub(crate) const STREAMS: &str = "streams";
pub(crate) const RECEIPTS: &str = "receipts";
pub(crate) const CLAIMS: &str = "claims";
pub(crate) const KEYS: &str = "keys";
pub(crate) const META: &str = "meta";
pub(crate) const SNAPSHOTS: &str = "snapshots";
pub(crate) const USES: &str = "uses";

/// Tables that every ledger has.
pub(crate) const FIXED: &[&str] = &[LOG, STREAMS, RECEIPTS, CLAIMS, KEYS, META, SNAPSHOTS, USES];

/// Tables that nothing can replace. The others are derived from them, or are new in this program.
pub(crate) const REQUIRED: &[&str] = &[LOG, RECEIPTS, KEYS, META];

pub(crate) const fn fixed(name: &'static str) -> Table {
    Table(Cow::Borrowed(name))
}

/// Returns the table of one generation of a read model.
pub fn model(name: &str, generation: u32) -> Table {
    Table(Cow::Owned(format!("{name}.g{generation}")))
}

/// Returns the read model and generation in a table's name, if it is the name of one.
pub fn model_generation(table: &str) -> Option<(&str, u32)> {
    let (name, generation) = table.rsplit_once(".g")?;
    Some((name, generation.parse().ok()?))
}

/// Reads a big-endian number.
pub(crate) fn u64_from(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Joins two texts with a NUL between them, which neither can contain.
pub(crate) fn joined(first: &str, second: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(first.len() + 1 + second.len());
    key.extend_from_slice(first.as_bytes());
    key.push(0);
    key.extend_from_slice(second.as_bytes());
    key
}
