//! Proofs from the tree.

use ledger_domain::Position;
use ledger_proof::{Hash, Leaf, SignedCheckpoint, TILE_WIDTH, prove_consistency, prove_inclusion};

use super::LogFault;
use super::tiles::Stored;
use crate::engine::Engine;

/// The proof that an event is in the log of a checkpoint.
#[derive(Debug)]
pub struct ProofOf {
    /// The leaf of the event.
    pub leaf: Leaf,
    /// The hashes that lead from there to the root.
    pub hashes: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
}

impl Engine {
    /// Proves that an event is in the log. The latest checkpoint is used if it has the event; if
    /// not, one is signed now, which no witness has seen. Blocks.
    ///
    /// Errors: there is no such event; no checkpoint may be signed; the log is damaged.
    pub fn prove(&self, position: Position) -> Result<ProofOf, LogFault> {
        let (store, transparency) = (&*self.shared.store, &self.shared.transparency);
        if position == Position::ZERO || position.get() > transparency.size()? {
            return Err(LogFault::Unknown);
        }
        let latest = self.checkpoint().filter(|one| one.checkpoint().size >= position.get());
        let checkpoint = match latest {
            Some(checkpoint) if transparency.refusal().is_none() => checkpoint,
            _ => self.sign_checkpoint()?,
        };
        let leaf = self.leaf(position)?;
        let size = checkpoint.checkpoint().size;
        let hashes = prove_inclusion(&Stored { store, transparency }, size, leaf.index())?;
        Ok(ProofOf { leaf, hashes, checkpoint })
    }

    /// Returns the leaf of an event. Blocks.
    fn leaf(&self, position: Position) -> Result<Leaf, LogFault> {
        let index = position.get().saturating_sub(1);
        let (tile, place) = (index / TILE_WIDTH as u64, index % TILE_WIDTH as u64);
        let digests = self.shared.transparency.digests(&self.shared.store, tile)?;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let digest = digests.get(place).copied().ok_or(LogFault::Unknown)?;
        Ok(Leaf { position: position.get(), digest })
    }

    /// Proves that the tree of a size begins with that of an earlier size. Blocks.
    ///
    /// Errors: the log does not reach that far; the log is damaged.
    pub fn prove_continued(&self, size: u64, old: u64) -> Result<Vec<Hash>, LogFault> {
        let (store, transparency) = (&*self.shared.store, &self.shared.transparency);
        if size > transparency.size()? {
            return Err(LogFault::Unknown);
        }
        Ok(prove_consistency(&Stored { store, transparency }, size, old)?)
    }
}
