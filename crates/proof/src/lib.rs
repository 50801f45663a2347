//! The transparency log of a ledger, and proofs about it: a Merkle tree over all events, signed
//! checkpoints of it, and what can be checked with them by somebody who trusts no server.
//!
//! It knows neither events nor storage: a leaf is a position and a digest. Formats are those of
//! C2SP (`tlog-tiles`, `tlog-checkpoint`, `tlog-cosignature`, `tlog-witness`, `tlog-proof`), so
//! that tools of others read them.
//!
//! Start with [`Leaf`] (what stands in the tree for an event), [`Tree`] (how it grows),
//! [`SignedCheckpoint`] and [`Bundle`] (a proof as one file).
//!
//! # Invariants
//!
//! - The tree is that of RFC 6962, however the events are grouped
//!   (test: `a_tree_that_grows_in_any_groups_is_that_of_rfc_6962`).
//! - A proof of inclusion or consistency holds for one tree only
//!   (test: `proofs_hold_for_their_tree_and_for_no_other`).
//! - Nothing that somebody sends makes a check panic
//!   (test: `no_text_makes_a_parser_or_a_check_panic`).

mod bundle;
mod checkpoint;
mod continuation;
mod cosignature;
mod keys;
mod leaf;
mod proofs;
mod tiles;
mod tree;
mod witness;

#[cfg(test)]
mod tests;

pub use bundle::{BUNDLE_BYTES_MAX, Bundle, BundleError};
pub use checkpoint::{CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError, SignedCheckpoint, origin};
pub use continuation::Continuation;
pub use cosignature::{Cosigned, WitnessKey};
pub use keys::{KeyError, LogKey, LogSigner};
pub use leaf::{Digest, ENTRY_BYTES_MAX, Leaf, digest_of};
pub use proofs::{
    ProofError, SourceError, TileSource, check_consistency, check_inclusion, prove_consistency,
    prove_inclusion, root_of,
};
pub use tiles::{BadTile, EntryBundle, TILE_WIDTH, TileName, leaf_tile, tile_hash, tile_width};
pub use tlog_tiles::tlog::Hash;
pub use tree::{FinishedTile, Growth, LEVELS_MAX, Tree};
pub use witness::{AddCheckpoint, WitnessAnswer};

/// Largest size of a tree, in leaves. Arithmetic on tiles has room up to here.
pub const SIZE_MAX: u64 = 1 << 48;
