//! The registry of tables. The meaning of a name or key tag never changes.
//!
//! A value in the tables whose names end in `.mac`, and in those of the read model `connections`,
//! is followed by the MAC of its row (16 bytes), which the store adds and checks.
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `log.mac` | position (8, BE) | record, JSON |
//! | `streams.mac` | stream (1 + 16), version (8, BE) | position (8, BE) |
//! | `receipts.mac` | workspace, 0, command id | [`Receipt`], 58 bytes |
//! | `claims.mac` | workspace, 0, folded slug | connection id (16) |
//! | `keys.mac` | connection id (16) | wrapped data key |
//! | `meta` | name | what a ledger was made with, see [`founding`] |
//! | `meta.mac` | name | per name, see [`meta`] |
//! | `journal.mac` | number (8, BE) | an entry of the audit journal, JSON |
//! | `snapshots.mac` | connection id (16), version (8, BE) | the state at that version |
//! | `handovers.mac` | handover id | its state, JSON |
//! | `alerts.mac` | see [`alerts`] | how far messages of alerts are, JSON |
//! | `erasures.mac` | position (8, BE) | connection id (16), when carried out, i64 BE |
//! | `tree.mac` | level (1), number (8, BE) | a tile of the tree over the log, see [`tree`] |
//! | `uses` | API key id | time of its last use, i64 BE |
//! | `seen` | connection id (16), consumer | time when it was last seen, i64 BE |
//! | `connections.g<N>` | see [`connections`] | rows, ordinals, workspaces |
//! | `lists.g<N>` | see [`lists`] | orders and bitmaps for lists |
//! | `audit.g<N>` | see [`crate::Postings`] | bitmaps for history |
//!
//! `log`, `streams`, `receipts`, `claims`, `keys` and `snapshots` were the tables of formats 1 and
//! 2, whose rows have no MACs. `meta` held everything that `meta.mac` has now.

pub mod alerts;
pub mod claims;
pub mod connections;
pub mod erasures;
pub mod founding;
pub mod handovers;
pub mod journal;
pub mod keys;
pub mod lists;
pub mod log;
pub mod meta;
mod place;
pub mod receipts;
pub mod seen;
pub mod snapshots;
pub mod streams;
pub mod tree;
pub mod uses;

pub(crate) use place::place;
pub use place::printable;
pub use receipts::Receipt;
pub use streams::StreamKey;

use std::borrow::Cow;

use crate::table::Table;

pub(crate) const LOG: &str = "log.mac";
pub(crate) const STREAMS: &str = "streams.mac";
pub(crate) const RECEIPTS: &str = "receipts.mac";
pub(crate) const CLAIMS: &str = "claims.mac";
pub(crate) const KEYS: &str = "keys.mac";
pub(crate) const FOUNDING: &str = "meta";
pub(crate) const META: &str = "meta.mac";
pub(crate) const SNAPSHOTS: &str = "snapshots.mac";
pub(crate) const JOURNAL: &str = "journal.mac";
pub(crate) const ERASURES: &str = "erasures.mac";
pub(crate) const USES: &str = "uses";
pub(crate) const SEEN: &str = "seen";
pub(crate) const HANDOVERS: &str = "handovers.mac";
pub(crate) const ALERTS: &str = "alerts.mac";
pub(crate) const TREE: &str = "tree.mac";

/// Tables that every ledger has.
pub(crate) const FIXED: &[&str] = &[
    LOG, STREAMS, RECEIPTS, CLAIMS, KEYS, FOUNDING, META, SNAPSHOTS, JOURNAL, ERASURES, USES, SEEN,
    HANDOVERS, ALERTS, TREE,
];

/// Tables that nothing can replace. The others are derived from them, or are new in this program.
pub(crate) const REQUIRED: &[&str] = &[LOG, RECEIPTS, KEYS, FOUNDING, META];

/// Fixed tables whose rows are stored as they are. Founding values are authenticated by the master
/// key. Nothing depends on the last uses of keys, and on when consumers were seen only how long a
/// rotation waits for them.
const WITHOUT_MACS: &[&str] = &[FOUNDING, USES, SEEN];

/// The ending of the names of tables that formats 1 and 2 had without it.
const MAC: &str = ".mac";

/// Returns the name that a table had while its rows had no MACs, if it is such a table.
pub(crate) fn earlier(name: &str) -> Option<&str> {
    name.strip_suffix(MAC)
}

/// Returns whether a table of a database is of no use any more: its rows have no MACs, and a table
/// with MACs has replaced it.
pub(crate) fn is_retired(name: &str) -> bool {
    name != FOUNDING && FIXED.iter().any(|fixed| earlier(fixed) == Some(name))
}

pub(crate) fn fixed(name: &'static str) -> Table {
    Table { name: Cow::Borrowed(name), has_macs: !WITHOUT_MACS.contains(&name) }
}

/// Returns the table that held the rows of a fixed one before they had MACs.
pub(crate) fn before_macs(name: &'static str) -> Option<Table> {
    earlier(name).map(|name| Table { name: Cow::Borrowed(name), has_macs: false })
}

/// Returns the table of one generation of a read model.
pub fn model(name: &str, generation: u32) -> Table {
    let has_macs = name == connections::MODEL;
    Table { name: Cow::Owned(format!("{name}.g{generation}")), has_macs }
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
