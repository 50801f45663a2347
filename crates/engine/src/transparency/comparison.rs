//! Compares the stored tree with the log.

use ledger_domain::Position;
use ledger_proof::{Digest, TILE_WIDTH, Tree};
use ledger_store::Store;
use ledger_store::tables::tree;

use super::growing::original_digest;
use crate::errors::Fault;

/// A tree that is made of the log again, beside the stored one.
pub(crate) struct TreeComparison<'a> {
    store: &'a Store,
    tree: Tree,
    digests: Vec<Digest>,
    difference: Option<String>,
}

impl<'a> TreeComparison<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, tree: Tree::default(), digests: Vec::new(), difference: None }
    }

    /// Takes the next record.
    pub(crate) fn take(&mut self, position: Position, record: &[u8]) -> Result<(), Fault> {
        self.digests.push(original_digest(position, record)?);
        if self.digests.len() == TILE_WIDTH { self.compare() } else { Ok(()) }
    }

    fn compare(&mut self) -> Result<(), Fault> {
        let growth = self.tree.grow(&std::mem::take(&mut self.digests));
        for tile in growth.tiles() {
            let stored = tree::get(self.store, tile.level, tile.index)?;
            let what = match stored {
                None => "is missing",
                Some(stored) if stored != tile.bytes => "is not that of the records",
                Some(_) => continue,
            };
            let (level, index) = (tile.level, tile.index);
            let what = format!("tile {index} of level {level} {what}");
            self.difference.get_or_insert(what);
        }
        self.tree.add(growth);
        Ok(())
    }

    /// Returns the first difference.
    pub(crate) fn difference(mut self) -> Result<Option<String>, Fault> {
        self.compare()?;
        let mut level = 0;
        while self.difference.is_none() {
            let (found, due) = (tree::count(self.store, level)?, self.tree.complete(level.into()));
            // More may have become complete since the log was read.
            if found < due {
                let what = format!("level {level} has {found} tiles instead of {due}");
                self.difference = Some(what);
            }
            if due == 0 {
                break;
            }
            level += 1;
        }
        Ok(self.difference)
    }
}
