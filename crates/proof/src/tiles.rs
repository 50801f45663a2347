//! Names and contents of tiles, as `tlog-tiles` has them.
//!
//! ```text
//! tile/<level>/<number>           256 hashes of 32 bytes
//! tile/<level>/<number>.p/<W>     its first W hashes
//! tile/entries/<number>[.p/<W>]   entries, each after its length in two bytes, big-endian
//! ```
//!
//! A number is written in groups of three digits, all but the last after an `x`: `x001/x234/067`.
//! The crate that computes tiles has the paths of another format, which are not used here.

use std::fmt;
use std::str::FromStr;

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::Hash;

use crate::SIZE_MAX;
use crate::leaf::{Digest, ENTRY_BYTES_MAX, Leaf};
use crate::tree::bytes_of;

/// Hashes of a complete tile.
pub const TILE_WIDTH: usize = 256;
/// The same in the name of a tile.
const COMPLETE: u32 = 256;
/// The same as a power of two.
pub(crate) const TILE_HEIGHT: u8 = 8;
/// Highest level that a tile can have.
const LEVEL_MAX: u8 = 63;
/// Longest name.
const NAME_CHARS_MAX: usize = 64;
const GROUP: u64 = 1_000;
const ENTRIES: &str = "entries";

/// A name that is not that of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the name of a tile")]
pub struct BadTile;

/// Returns how many hashes a tile has in a tree of some size.
pub fn tile_width(size: u64, level: u8, index: u64) -> u32 {
    let hashes = size.checked_shr(u32::from(level) * 8).unwrap_or(0);
    let before = index.saturating_mul(TILE_WIDTH as u64);
    let width = hashes.saturating_sub(before).min(TILE_WIDTH as u64);
    u32::try_from(width).unwrap_or_default()
}

/// The name of a tile, without `tile/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileName {
    /// Its level; none for entries.
    pub level: Option<u8>,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes or entries it has: 1 to 256.
    pub width: u32,
}

impl TileName {
    /// Returns whether it is complete, so that it never changes.
    pub const fn is_complete(&self) -> bool {
        self.width == COMPLETE
    }

    /// Returns whether a tree of some size has it.
    pub fn is_in(&self, size: u64) -> bool {
        tile_width(size, self.level.unwrap_or(0), self.index) >= self.width
    }
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => write!(f, "{ENTRIES}/")?,
        }
        let mut groups = vec![self.index % GROUP];
        let mut left = self.index / GROUP;
        while left > 0 {
            groups.push(left % GROUP);
            left /= GROUP;
        }
        for (at, group) in groups.iter().enumerate().rev() {
            let end = if at > 0 { "/" } else { "" };
            let mark = if at > 0 { "x" } else { "" };
            write!(f, "{mark}{group:03}{end}")?;
        }
        if !self.is_complete() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TileName {
    type Err = BadTile;

    fn from_str(name: &str) -> Result<Self, BadTile> {
        if name.len() > NAME_CHARS_MAX {
            return Err(BadTile);
        }
        let (level, rest) = name.split_once('/').ok_or(BadTile)?;
        let level = match level {
            ENTRIES => None,
            level => Some(level.parse().map_err(|_| BadTile)?),
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => (groups, width.parse().map_err(|_| BadTile)?),
            None => (rest, COMPLETE),
        };
        let mut index = 0_u64;
        for group in groups.split('/') {
            let group: u64 =
                group.strip_prefix('x').unwrap_or(group).parse().map_err(|_| BadTile)?;
            let so_far = index.checked_mul(GROUP).and_then(|index| index.checked_add(group));
            index = so_far.filter(|index| *index <= SIZE_MAX).ok_or(BadTile)?;
        }
        let read = Self { level, index, width };
        let is_good = level.unwrap_or(0) <= LEVEL_MAX && (1..=COMPLETE).contains(&width);
        // There is one name of each tile.
        if is_good && read.to_string() == name { Ok(read) } else { Err(BadTile) }
    }
}

/// Returns the tile of level 0 of leaves with these digests, of which the first has a position.
pub fn leaf_tile(first: u64, digests: &[Digest]) -> Vec<u8> {
    let hashes: Vec<Hash> = (first..)
        .zip(digests)
        .map(|(position, digest)| Leaf { position, digest: *digest }.hash())
        .collect();
    bytes_of(&hashes)
}

/// Returns the hash of a complete tile of hashes.
///
/// # Panics
///
/// If it is empty.
pub fn tile_hash(hashes: &[u8]) -> Hash {
    Tile::subtree_hash(hashes)
}

/// Entries of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryBundle;

impl EntryBundle {
    /// Returns the entries of leaves with these digests, of which the first has a position.
    pub fn write(first: u64, digests: &[Digest]) -> Vec<u8> {
        let mut bundle = Vec::with_capacity(digests.len() * (ENTRY_BYTES_MAX + 2));
        for (position, digest) in (first..).zip(digests) {
            let entry = Leaf { position, digest: *digest }.entry();
            let length = u16::try_from(entry.len()).expect("an entry is a short line");
            bundle.extend_from_slice(&length.to_be_bytes());
            bundle.extend_from_slice(&entry);
        }
        bundle
    }

    /// Reads entries. Returns `None` unless all of them are entries of a ledger.
    pub fn read(mut bundle: &[u8]) -> Option<Vec<Leaf>> {
        let mut leaves = Vec::new();
        while !bundle.is_empty() {
            let (length, rest) = bundle.split_first_chunk::<2>()?;
            let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            leaves.push(Leaf::parse(entry)?);
            bundle = rest;
        }
        Some(leaves)
    }
}
