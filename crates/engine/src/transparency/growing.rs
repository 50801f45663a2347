//! How the tree grows: with each group, and at a start by what the log has beyond it.

use std::sync::Arc;

use ledger_contract::operations::Progress;
use ledger_contract::records::Frame;
use ledger_domain::Position;
use ledger_proof::{Digest, Growth, Hash, TILE_WIDTH, Tree, digest_of, leaf_tile};
use ledger_store::tables::{log, tree};
use ledger_store::{Batch, Durability, Store};

use super::Transparency;
use crate::derived;
use crate::errors::Fault;
use crate::replay::{log_tenths, missing};
use crate::writer::Accepted;

/// Records between commits while the tree of an existing log is made.
const EVENTS_PER_COMMIT: usize = 64 * TILE_WIDTH;
/// Records from which on it is worth telling how far that is.
const EVENTS_TO_TELL: u64 = 100_000;

/// What a group adds to the tree.
pub(crate) enum Grown {
    /// Nothing: there is no tree, or no event.
    Nothing,
    /// This.
    By(Growth),
    /// Its events do not follow those of the tree, which only a bug can do.
    Misplaced,
}

impl Transparency {
    /// Adds the tiles that a group completes to its batch.
    pub(crate) fn grow(&self, store: &Store, batch: &mut Batch, accepted: &[Accepted]) -> Grown {
        let tree = self.tree.read();
        let (Ok(tree), Some(first)) = (&*tree, accepted.first()) else {
            return Grown::Nothing;
        };
        if first.metadata.position.get() != tree.size() + 1 {
            return Grown::Misplaced;
        }
        let digests: Vec<Digest> = accepted.iter().map(|one| digest_of(&one.record)).collect();
        let growth = tree.grow(&digests);
        put(batch, store, &growth);
        Grown::By(growth)
    }

    /// Adds to the tree what a durable group added to its tiles.
    pub(crate) fn add(&self, grown: Grown) {
        match (grown, &mut *self.tree.write()) {
            (Grown::By(growth), Ok(tree)) => tree.add(growth),
            (Grown::Misplaced, tree) => {
                let what = "it does not reach the last event; the next start makes it again";
                tracing::error!(error = what, "the tree over the log is not known");
                *tree = Err(what.into());
            }
            (Grown::By(_) | Grown::Nothing, _) => {}
        }
    }
}

fn put(batch: &mut Batch, store: &Store, growth: &Growth) {
    for tile in growth.tiles() {
        tree::put(batch, store, tile.level, tile.index, &tile.bytes);
    }
}

/// Returns the digest of a record as it was first stored.
pub(super) fn original_digest(position: Position, record: &[u8]) -> Result<Digest, Fault> {
    let emptied = Frame::read(position, record)?.emptied_digest()?;
    Ok(emptied.unwrap_or_else(|| digest_of(record)))
}

/// Reads the tree, and adds to it what the log has beyond it.
pub(super) fn load(store: &Arc<Store>, head: Position) -> Result<Tree, Fault> {
    let mut tree = Tree::of_tiles(tree::count(store, 0)?, |level, index| {
        let tile = tree::get(store, level, index)?;
        let tile = tile.ok_or_else(|| lacks_tile(level, index))?;
        Ok::<_, Fault>(hash_of(level, index, &tile))
    })?;
    if tree.size() > head.get() {
        let what = format!(
            "the tree over the log has {} events, and the log ends at position {head}",
            tree.size()
        );
        return Err(Fault::Damaged(what));
    }
    let is_long = head.get() - tree.size() >= EVENTS_TO_TELL;
    let tell = log_tenths("adding the log to its tree");
    catch_up(store, &mut tree, head, &|progress| {
        if is_long {
            tell(progress);
        }
    })?;
    Ok(tree)
}

fn catch_up(
    store: &Store,
    tree: &mut Tree,
    head: Position,
    progress: &dyn Fn(Progress),
) -> Result<(), Fault> {
    let mut digests = Vec::with_capacity(EVENTS_PER_COMMIT.min(TILE_WIDTH));
    let mut next = Position::new(tree.size() + 1);
    let mut rows = log::scan_all(store, next);
    while next <= head {
        let (position, record) = match rows.next().transpose()? {
            Some(row) if row.0 == next => row,
            _ => return Err(missing(next)),
        };
        digests.push(original_digest(position, &record)?);
        if digests.len() == EVENTS_PER_COMMIT || position == head {
            let growth = tree.grow(&digests);
            let mut batch = Batch::new();
            put(&mut batch, store, &growth);
            store.commit(batch, Durability::Buffered)?;
            tree.add(growth);
            digests.clear();
            progress(Progress { done: position.get(), total: head.get() });
        }
        next = next.next();
    }
    Ok(())
}

/// Returns the hash of a tile as it is stored.
pub(super) fn hash_of(level: u8, index: u64, tile: &[u8]) -> Hash {
    let bytes = hashes_of(level, index, tile);
    ledger_proof::tile_hash(&bytes)
}

/// Returns the hashes of a tile as it is stored.
pub(super) fn hashes_of(level: u8, index: u64, tile: &[u8]) -> Vec<u8> {
    if level > 0 {
        return tile.to_vec();
    }
    leaf_tile(first_position(index), &digests_of(tile))
}

pub(super) fn digests_of(tile: &[u8]) -> Vec<Digest> {
    tile.as_chunks::<32>().0.to_vec()
}

/// Returns the position of the first leaf of a tile of level 0.
pub(super) const fn first_position(index: u64) -> u64 {
    index.saturating_mul(TILE_WIDTH as u64).saturating_add(1)
}

pub(super) fn lacks_tile(level: u8, index: u64) -> Fault {
    Fault::Damaged(format!(
        "the tree over the log lacks tile {index} of level {level}; `connledger replay` on the \
         directory makes it anew"
    ))
}

/// Removes the tree, and notes that today's code writes it from now on. A process that ends
/// afterwards leaves a tree that is right as far as it goes.
pub(crate) fn clear(store: &Store) -> Result<(), Fault> {
    tree::clear(store)?;
    let mut batch = Batch::new();
    derived::put_tree(&mut batch, store);
    store.commit(batch, Durability::Synced)?;
    Ok(())
}

/// Makes the tree anew. Nobody else may use the ledger meanwhile.
pub(crate) fn rebuild(store: &Store, progress: &(dyn Fn(Progress) + Sync)) -> Result<(), Fault> {
    clear(store)?;
    catch_up(store, &mut Tree::default(), log::head(store)?, &|done| progress(done))?;
    store.sync()?;
    Ok(())
}
