//! Tiles of the tree, as others read them.

use std::sync::Arc;

use ledger_proof::{EntryBundle, Hash, TileName, TileSource, root_of};
use ledger_store::Store;
use ledger_store::tables::tree;

use super::growing::{digests_of, first_position, hashes_of, lacks_tile};
use super::{LogFault, Transparency};
use crate::engine::Engine;
use crate::errors::Fault;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Where proofs get their tiles: the store, and what is not complete from memory.
pub(super) struct Stored<'a> {
    pub(super) store: &'a Store,
    pub(super) transparency: &'a Transparency,
}

impl TileSource for Stored<'_> {
    type Error = LogFault;

    fn tile(&self, level: u8, index: u64, width: u32) -> Result<Vec<u8>, LogFault> {
        let Self { store, transparency } = self;
        let mut bytes = match transparency.edge(level, index)? {
            Edge::Within(hashes) => hashes,
            Edge::Complete => {
                let tile = tree::get(store, level, index).map_err(Fault::from)?;
                let tile = tile.ok_or_else(|| lacks_tile(level, index))?;
                hashes_of(level, index, &tile)
            }
        };
        let wanted = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(HASH_BYTES);
        if bytes.len() < wanted {
            return Err(LogFault::Unknown);
        }
        bytes.truncate(wanted);
        Ok(bytes)
    }
}

/// Where the hashes of a tile are.
enum Edge {
    /// In the store.
    Complete,
    /// In memory.
    Within(Vec<u8>),
}

impl Transparency {
    fn edge(&self, level: u8, index: u64) -> Result<Edge, LogFault> {
        let tree = self.tree.read();
        let tree = tree.as_ref().map_err(|why| LogFault::Broken(Arc::clone(why)))?;
        let complete = tree.complete(level.into());
        Ok(match index {
            _ if index < complete => Edge::Complete,
            _ if index == complete => {
                let hashes = tree.level(level.into()).iter();
                Edge::Within(hashes.flat_map(|hash| hash.0).collect())
            }
            _ => return Err(LogFault::Unknown),
        })
    }

    /// Returns the number of events in the tree.
    pub(super) fn size(&self) -> Result<u64, LogFault> {
        let tree = self.tree.read();
        tree.as_ref().map(ledger_proof::Tree::size).map_err(|why| LogFault::Broken(Arc::clone(why)))
    }

    /// Returns the root of the tree over the first events.
    pub(super) fn root_at(&self, store: &Store, size: u64) -> Result<Hash, LogFault> {
        if size > self.size()? {
            return Err(LogFault::Unknown);
        }
        root_of(&Stored { store, transparency: self }, size).map_err(LogFault::from)
    }
}

impl From<ledger_proof::SourceError<LogFault>> for LogFault {
    fn from(error: ledger_proof::SourceError<LogFault>) -> Self {
        match error {
            ledger_proof::SourceError::Source(fault) => fault,
            ledger_proof::SourceError::Proof(ledger_proof::ProofError::OutOfRange) => Self::Unknown,
            ledger_proof::SourceError::Proof(error) => Fault::Damaged(error.to_string()).into(),
        }
    }
}

impl Engine {
    /// Returns the content of a tile. Blocks; reads one row at most.
    ///
    /// Errors: the tree does not have it yet; the log is damaged.
    pub fn log_tile(&self, name: &TileName) -> Result<Vec<u8>, LogFault> {
        let transparency = &self.shared.transparency;
        if !name.is_in(transparency.size()?) {
            return Err(LogFault::Unknown);
        }
        let store = &*self.shared.store;
        let Some(level) = name.level else {
            let width = usize::try_from(name.width).unwrap_or(usize::MAX);
            let digests = transparency.digests(store, name.index)?;
            let digests = digests.get(..width).ok_or(LogFault::Unknown)?;
            return Ok(EntryBundle::write(first_position(name.index), digests));
        };
        Stored { store, transparency }.tile(level, name.index, name.width)
    }
}

impl Transparency {
    /// Returns the digests of a tile of level 0, as far as there are any.
    pub(super) fn digests(
        &self,
        store: &Store,
        index: u64,
    ) -> Result<Vec<ledger_proof::Digest>, LogFault> {
        {
            let tree = self.tree.read();
            let tree = tree.as_ref().map_err(|why| LogFault::Broken(Arc::clone(why)))?;
            if index == tree.complete(0) {
                return Ok(tree.digests().to_vec());
            }
        }
        let tile = tree::get(store, 0, index).map_err(Fault::from)?;
        Ok(digests_of(&tile.ok_or(LogFault::Unknown)?))
    }
}
