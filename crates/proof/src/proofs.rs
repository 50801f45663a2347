//! Roots and proofs, made of tiles, and their checks.

use std::cell::RefCell;
use std::collections::HashMap;

use tlog_tiles::tile::Tile;
use tlog_tiles::tlog::{
    self, EMPTY_HASH, Hash, HashReader, check_record, check_tree, prove_record, prove_tree,
    tree_hash,
};

use crate::SIZE_MAX;
use crate::tiles::{TILE_HEIGHT, tile_width};

/// Most hashes of a proof, since each level gives one, and a proof of consistency one more.
const HASHES_MAX: usize = 65;

/// Why there is no proof, or why one does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The tree has no such leaf, or is smaller than another one.
    #[error("the tree does not reach that far")]
    OutOfRange,
    /// The tree is larger than any log.
    #[error("the tree is too large")]
    TooLarge,
    /// The hashes do not lead to the root.
    #[error("the hashes do not lead to the root")]
    Wrong,
    /// Tiles do not fit together.
    #[error("the tiles do not have what they should")]
    BadTile,
}

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SourceError<E> {
    /// The proof itself.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Tiles could not be read.
    #[error("a tile cannot be read")]
    Source(E),
}

/// Where tiles of hashes come from.
pub trait TileSource {
    /// Why one cannot be read.
    type Error;

    /// Returns the first `width` hashes of a tile, of 32 bytes each.
    fn tile(&self, level: u8, index: u64, width: u32) -> Result<Vec<u8>, Self::Error>;
}

/// Reads hashes out of tiles of a tree of some size, each tile once.
struct Hashes<'a, S: TileSource> {
    source: &'a S,
    size: u64,
    tiles: RefCell<HashMap<Tile, Vec<u8>>>,
    failed: RefCell<Option<S::Error>>,
}

impl<S: TileSource> Hashes<'_, S> {
    fn hash(&self, at: u64) -> Result<Hash, tlog::Error> {
        let least = Tile::from_index(TILE_HEIGHT, at);
        let (level, index) = (least.level(), least.level_index());
        let width = tile_width(self.size, level, index).max(least.width());
        let tile = Tile::new(TILE_HEIGHT, level, index, width, false);
        let mut tiles = self.tiles.borrow_mut();
        if let Some(bytes) = tiles.get(&tile) {
            return tile.hash_at_index(bytes, at);
        }
        let bytes = self.source.tile(level, index, width).map_err(|error| {
            *self.failed.borrow_mut() = Some(error);
            tlog::Error::InvalidTile
        })?;
        let hash = tile.hash_at_index(&bytes, at);
        tiles.insert(tile, bytes);
        hash
    }
}

impl<S: TileSource> HashReader for Hashes<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        indexes.iter().map(|index| self.hash(*index)).collect()
    }
}

fn with_hashes<S: TileSource, T>(
    source: &S,
    size: u64,
    make: impl FnOnce(&Hashes<'_, S>) -> Result<T, tlog::Error>,
) -> Result<T, SourceError<S::Error>> {
    if size > SIZE_MAX {
        return Err(ProofError::TooLarge.into());
    }
    let hashes = Hashes { source, size, tiles: RefCell::default(), failed: RefCell::new(None) };
    make(&hashes).map_err(|_| match hashes.failed.take() {
        Some(error) => SourceError::Source(error),
        None => ProofError::BadTile.into(),
    })
}

/// Returns the root of the tree of the first `size` leaves.
pub fn root_of<S: TileSource>(source: &S, size: u64) -> Result<Hash, SourceError<S::Error>> {
    if size == 0 {
        return Ok(EMPTY_HASH);
    }
    with_hashes(source, size, |hashes| tree_hash(size, hashes))
}

/// Returns the proof that the tree of the first `size` leaves has the leaf with an index.
pub fn prove_inclusion<S: TileSource>(
    source: &S,
    size: u64,
    index: u64,
) -> Result<Vec<Hash>, SourceError<S::Error>> {
    if index >= size {
        return Err(ProofError::OutOfRange.into());
    }
    with_hashes(source, size, |hashes| prove_record(size, index, hashes))
}

/// Returns the proof that the tree of the first `size` leaves begins with that of the first `old`.
pub fn prove_consistency<S: TileSource>(
    source: &S,
    size: u64,
    old: u64,
) -> Result<Vec<Hash>, SourceError<S::Error>> {
    if old > size {
        return Err(ProofError::OutOfRange.into());
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    with_hashes(source, size, |hashes| prove_tree(size, old, hashes))
}

/// Checks that a tree has a leaf with this hash at an index.
pub fn check_inclusion(
    proof: &[Hash],
    (size, root): (u64, Hash),
    (index, leaf): (u64, Hash),
) -> Result<(), ProofError> {
    bounded(proof, size)?;
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    check_record(&proof.to_vec(), size, root, index, leaf).map_err(|_| ProofError::Wrong)
}

/// Checks that a tree begins with an earlier one.
pub fn check_consistency(
    proof: &[Hash],
    (size, root): (u64, Hash),
    (old_size, old_root): (u64, Hash),
) -> Result<(), ProofError> {
    bounded(proof, size)?;
    if old_size > size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == 0 {
        let is_empty = proof.is_empty() && old_root == EMPTY_HASH;
        return if is_empty { Ok(()) } else { Err(ProofError::Wrong) };
    }
    check_tree(&proof.to_vec(), size, root, old_size, old_root).map_err(|_| ProofError::Wrong)
}

fn bounded(proof: &[Hash], size: u64) -> Result<(), ProofError> {
    match size {
        _ if size > SIZE_MAX => Err(ProofError::TooLarge),
        _ if proof.len() > HASHES_MAX => Err(ProofError::Wrong),
        _ => Ok(()),
    }
}
