//! How the tree grows: complete tiles go to the store, and the rest stays in memory.
//!
//! A tile has 256 hashes of one level, and its own hash is one hash of the level eight times
//! further up, which is called the next level of tiles. Tiles of level 0 are stored as digests of
//! records, of which entries, leaves and hashes follow.

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::Hash;

use crate::SIZE_MAX;
use crate::leaf::{Digest, Leaf};
use crate::proofs::{ProofError, TileSource, root_of};
use crate::tiles::TILE_WIDTH;

/// Most levels of tiles.
pub const LEVELS_MAX: usize = 7;

/// A tile that became complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedTile {
    /// Its level.
    pub level: u8,
    /// Its number within the level.
    pub index: u64,
    /// The digests of records at level 0, hashes above it: 8,192 bytes.
    pub bytes: Vec<u8>,
}

/// The right edge of a tree: of each level the hashes that are in no complete tile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    size: u64,
    digests: Vec<Digest>,
    levels: Vec<Vec<Hash>>,
}

/// What a group of events adds to a tree, so that it can be stored before the tree has it.
#[derive(Debug, Default)]
pub struct Growth {
    from: u64,
    digests: Vec<Digest>,
    added: Vec<Vec<Hash>>,
    tiles: Vec<FinishedTile>,
}

impl Growth {
    /// Returns the tiles that become complete.
    pub fn tiles(&self) -> &[FinishedTile] {
        &self.tiles
    }
}

impl Tree {
    /// Continues with a tree of complete tiles of level 0. `hash_of` returns the hash of one of its
    /// complete tiles by level and number; it is asked for at most 255 of each level.
    pub fn of_tiles<E>(
        count: u64,
        mut hash_of: impl FnMut(u8, u64) -> Result<Hash, E>,
    ) -> Result<Self, E> {
        let mut levels = vec![Vec::new()];
        let (mut level, mut complete) = (0_u8, count);
        while complete > 0 {
            let first = complete - complete % WIDTH;
            let hashes = (first..complete).map(|index| hash_of(level, index));
            levels.push(hashes.collect::<Result<Vec<_>, E>>()?);
            complete /= WIDTH;
            level += 1;
        }
        Ok(Self { size: count.saturating_mul(WIDTH), digests: Vec::new(), levels })
    }

    /// Returns the number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Computes what records with these digests add.
    pub fn grow(&self, digests: &[Digest]) -> Growth {
        let leaves = (self.size + 1..).zip(digests);
        let hashes =
            leaves.map(|(position, digest)| Leaf { position, digest: *digest }.hash()).collect();
        let mut growth = Growth {
            from: self.size,
            digests: digests.to_vec(),
            added: vec![hashes],
            tiles: Vec::new(),
        };
        for level in 0..LEVELS_MAX {
            let Some(added) = growth.added.get(level) else { break };
            let kept = self.level(level);
            let mut above = Vec::new();
            let all: Vec<Hash> = if kept.len() + added.len() < TILE_WIDTH {
                Vec::new()
            } else {
                kept.iter().chain(added).copied().collect()
            };
            let first = self.complete(level);
            for (index, tile) in (first..).zip(all.chunks_exact(TILE_WIDTH)) {
                let bytes = bytes_of(tile);
                above.push(Tile::subtree_hash(&bytes));
                let level = u8::try_from(level).unwrap_or(u8::MAX);
                growth.tiles.push(FinishedTile { level, index, bytes });
            }
            if above.is_empty() {
                break;
            }
            growth.added.push(above);
        }
        if growth.tiles.is_empty() {
            return growth;
        }
        // What is stored of level 0 are the digests, from which its hashes follow.
        let digests: Vec<u8> =
            self.digests.iter().chain(&growth.digests).flatten().copied().collect();
        let stored = digests.chunks_exact(TILE_WIDTH * 32);
        for (tile, bytes) in growth.tiles.iter_mut().filter(|tile| tile.level == 0).zip(stored) {
            tile.bytes = bytes.to_vec();
        }
        growth
    }

    /// Adds what was computed for this tree.
    pub fn add(&mut self, growth: Growth) {
        debug_assert_eq!(growth.from, self.size, "it was computed for another tree");
        self.size += u64::try_from(growth.digests.len()).unwrap_or(u64::MAX);
        self.digests.extend(growth.digests);
        drop_complete(&mut self.digests);
        for (level, added) in growth.added.into_iter().enumerate() {
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            if let Some(kept) = self.levels.get_mut(level) {
                kept.extend(added);
                drop_complete(kept);
            }
        }
    }

    /// Returns the number of complete tiles of a level.
    pub fn complete(&self, level: usize) -> u64 {
        let shift = u32::try_from(level + 1).unwrap_or(u32::MAX).saturating_mul(8);
        self.size.checked_shr(shift).unwrap_or(0)
    }

    /// Returns the hashes of a level that are in no complete tile.
    pub fn level(&self, level: usize) -> &[Hash] {
        self.levels.get(level).map_or(&[], Vec::as_slice)
    }

    /// Returns the digests of records that are in no complete tile.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Returns the hash of the whole tree, which needs nothing but what is in memory.
    pub fn root(&self) -> Result<Hash, ProofError> {
        root_of(&Edge(self), self.size).map_err(|error| match error {
            crate::proofs::SourceError::Proof(error) => error,
            crate::proofs::SourceError::Source(never) => match never {},
        })
    }
}

const WIDTH: u64 = TILE_WIDTH as u64;

fn drop_complete<T>(kept: &mut Vec<T>) {
    let complete = kept.len() - kept.len() % TILE_WIDTH;
    kept.drain(..complete);
}

/// Returns hashes as the bytes of a tile.
pub(crate) fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The tiles at the right edge, which are all that the root needs.
struct Edge<'a>(&'a Tree);

impl TileSource for Edge<'_> {
    type Error = std::convert::Infallible;

    fn tile(&self, level: u8, _: u64, width: u32) -> Result<Vec<u8>, Self::Error> {
        debug_assert!(self.0.size <= SIZE_MAX, "it is larger than anything is made for");
        let hashes = self.0.level(usize::from(level));
        let width = usize::try_from(width).unwrap_or(usize::MAX).min(hashes.len());
        Ok(bytes_of(hashes.get(..width).unwrap_or_default()))
    }
}
