//! Complete tiles of the Merkle tree over the log.
//!
//! ```text
//! level (1), number u64 BE   ->   256 digests or hashes (8,192)
//! ```
//!
//! Of level 0 the digests of records as they were first stored, from which entries and hashes
//! follow; above it hashes. What is in no complete tile is not stored.

use super::{TREE, fixed, u64_from};
use crate::batch::Batch;
use crate::error::{AppendError, ReadError, corrupt};
use crate::store::Store;

/// Bytes of a tile.
const BYTES: usize = 8_192;

/// Stores a tile.
pub fn put(batch: &mut Batch, store: &Store, level: u8, index: u64, tile: &[u8]) {
    debug_assert_eq!(tile.len(), BYTES, "only complete tiles are stored");
    batch.put(store, &fixed(TREE), &key(level, index), tile);
}

/// Returns a tile, or `None` if it is not complete.
pub fn get(store: &Store, level: u8, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let tile = store.get(&fixed(TREE), &key(level, index))?;
    match tile {
        Some(tile) if tile.len() != BYTES => Err(corrupt(&fixed(TREE), "a tile of wrong length")),
        tile => Ok(tile),
    }
}

/// Returns the number of tiles of a level, which have the numbers from zero on.
pub fn count(store: &Store, level: u8) -> Result<u64, ReadError> {
    let wrong = || corrupt(&fixed(TREE), "a key of wrong length");
    let above = [level.saturating_add(1)];
    let Some(row) = store.scan_back(&fixed(TREE), &above).next() else { return Ok(0) };
    let (key, _) = row?;
    let (of, index) = key.split_first().ok_or_else(wrong)?;
    if *of != level {
        return Ok(0);
    }
    Ok(u64_from(index).ok_or_else(wrong)?.saturating_add(1))
}

/// Removes all tiles. Nobody may read or write the table meanwhile.
pub fn clear(store: &Store) -> Result<(), AppendError> {
    store.empty_table(&fixed(TREE))
}

fn key(level: u8, index: u64) -> [u8; 9] {
    let mut key = [level; 9];
    let (_, number) = key.split_at_mut(1);
    number.copy_from_slice(&index.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::created;
    use crate::store::Durability;

    #[test]
    fn tiles_are_counted_level_by_level() {
        let folder = tempfile::tempdir().unwrap();
        let store = created(folder.path());
        assert_eq!(count(&store, 0).unwrap(), 0);
        let mut batch = Batch::new();
        for (level, index) in [(0, 0), (0, 1), (0, 256), (2, 0)] {
            put(&mut batch, &store, level, index, &[level; BYTES]);
        }
        store.commit(batch, Durability::Buffered).unwrap();
        let counts = [0, 1, 2, 3].map(|level| count(&store, level).unwrap());
        assert_eq!(counts, [257, 0, 1, 0]);
        assert_eq!(get(&store, 2, 0).unwrap(), Some(vec![2; BYTES]));
        assert_eq!(get(&store, 1, 0).unwrap(), None);
        clear(&store).unwrap();
        assert_eq!(count(&store, 0).unwrap(), 0);
    }
}
