//! The Merkle tree over the log, checkpoints of it, and proofs from it.
//!
//! ```text
//! committer: digests of a group ─> tiles that are complete ─> the batch of the group
//!                                └> right edge in memory, after the batch is durable
//! checkpoint: root of the edge ─> compared with those seen before ─> signed, remembered
//! ```
//!
//! What a leaf is and how hashes are made belongs to `ledger-proof`. The edge follows from the last
//! records, so a start reads at most 255 of them. If it cannot, because one was altered, the ledger
//! is served and the tree is not: nothing is signed or proved until the log is whole.

mod checkpoints;
mod comparison;
mod growing;
mod proofs;
mod recount;
mod tiles;

use std::sync::Arc;

use ledger_contract::queries::LogStatus;
use ledger_domain::Position;
use ledger_proof::{LogKey, Tree};
use ledger_store::Store;
use parking_lot::RwLock;

use crate::engine::Engine;
use crate::errors::{Fault, chain};
use crate::identity::Identity;

pub use checkpoints::{CheckpointRefused, SeenAt};
pub(crate) use comparison::TreeComparison;
pub(crate) use growing::{clear, rebuild};
pub use proofs::ProofOf;
pub use recount::{Recount, RecountReport, Recounted};

use checkpoints::Checkpoints;

/// Why the log's tree does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// The log does not reach that far, or has no such tile.
    #[error("the log does not have it")]
    Unknown,
    /// No checkpoint may be signed.
    #[error(transparent)]
    Refused(#[from] CheckpointRefused),
    /// The log is damaged, so its tree is not known.
    #[error("the tree over the log is not known: {0}")]
    Broken(Arc<str>),
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The tree over the log and its checkpoints.
pub(crate) struct Transparency {
    /// The right edge, or why there is none.
    tree: RwLock<Result<Tree, Arc<str>>>,
    checkpoints: Checkpoints,
}

impl Transparency {
    /// Reads the tree, to which is added what the log has beyond it, and the last checkpoint.
    pub(crate) fn load(
        store: &Arc<Store>,
        identity: &Identity,
        head: Position,
    ) -> Result<Self, Fault> {
        let tree = growing::load(store, head).map_err(|fault| {
            let error = chain(&fault);
            tracing::error!(error, "the tree over the log cannot be read, so nothing is signed");
            Arc::from(error)
        });
        let checkpoints = Checkpoints::load(store, identity)?;
        let loaded = Self { tree: RwLock::new(tree), checkpoints };
        loaded.compare_with_remembered(store);
        Ok(loaded)
    }

    /// Returns the tree's size and root, which is the digest of the whole log.
    pub(crate) fn head(&self) -> Result<(u64, ledger_proof::Hash), LogFault> {
        let tree = self.tree.read();
        let tree = tree.as_ref().map_err(|why| LogFault::Broken(Arc::clone(why)))?;
        let root = tree.root().map_err(|error| Fault::bug(error.to_string()))?;
        Ok((tree.size(), root))
    }
}

impl Engine {
    /// Returns the public key under which this history of the log is signed.
    pub fn log_key(&self) -> LogKey {
        self.shared.transparency.checkpoints.key()
    }

    /// Returns the size of the log's tree and its root in base64, which is the digest of everything
    /// up to that position.
    ///
    /// Errors: the log is damaged.
    pub fn log_digest(&self) -> Result<(Position, String), LogFault> {
        let (size, root) = self.shared.transparency.head()?;
        Ok((Position::new(size), root.to_string()))
    }

    /// Returns the root of the tree over the log up to a position, in base64. Blocks.
    pub fn log_digest_at(&self, position: Position) -> Result<String, LogFault> {
        let root = self.shared.transparency.root_at(&self.shared.store, position.get())?;
        Ok(root.to_string())
    }

    pub(crate) fn log_status(&self) -> LogStatus {
        let transparency = &self.shared.transparency;
        let latest = transparency.checkpoints.latest();
        let checkpoint = latest.as_ref().map(ledger_proof::SignedCheckpoint::checkpoint);
        LogStatus {
            key: self.log_key().to_string(),
            checkpoint_position: checkpoint.map(|checkpoint| checkpoint.size),
            checkpoint_root: checkpoint.map(|checkpoint| checkpoint.root.to_string()),
            witnesses: transparency.checkpoints.witnesses(),
            refusal: transparency.refusal(),
        }
    }
}
