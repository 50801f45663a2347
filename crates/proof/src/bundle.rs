//! A proof as one file, which is checked without any server.
//!
//! It is a JSON object with nothing in it that is not checked. Its member `proof` is a
//! `tlog-proof`, which tools of others read. The digest of the event's record is in the leaf.

use serde::{Deserialize, Serialize};
use tlog_tiles::tlog::Hash;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::keys::LogKey;
use crate::leaf::Leaf;
use crate::proofs::{ProofError, check_inclusion};

/// Largest file, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 512 * 1024;

const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is another file.
    #[error("it is not a proof of a ledger")]
    Malformed,
    /// Its parts are about different events.
    #[error("its parts are not about the same event")]
    Mixed,
    /// The checkpoint.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The event is not in the log that the checkpoint is of.
    #[error("its event is not in the log of its checkpoint: {0}")]
    Proof(#[from] ProofError),
}

/// A proof that an event is in a log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    connledger_proof: u32,
    /// The position of the event.
    pub position: u64,
    /// The entry of the leaf.
    pub entry: String,
    /// The proof of inclusion with its checkpoint.
    pub proof: String,
}

impl Bundle {
    /// The version of this form.
    pub const FORM: u32 = 1;

    /// Puts a proof together.
    pub fn new(leaf: &Leaf, hashes: &[Hash], checkpoint: &SignedCheckpoint) -> Self {
        let mut proof = format!("{HEAD}\nindex {}\n", leaf.index());
        for hash in hashes {
            proof.push_str(&hash.to_string());
            proof.push('\n');
        }
        proof.push('\n');
        proof.push_str(&String::from_utf8_lossy(&checkpoint.to_bytes()));
        let entry = String::from_utf8_lossy(&leaf.entry()).into_owned();
        let position = leaf.position;
        Self { connledger_proof: Self::FORM, position, entry, proof }
    }

    /// Reads a proof that nobody has checked.
    pub fn parse(text: &[u8]) -> Result<Self, BundleError> {
        if text.len() > BUNDLE_BYTES_MAX {
            return Err(BundleError::Malformed);
        }
        let read: Self = serde_json::from_slice(text).map_err(|_| BundleError::Malformed)?;
        if read.connledger_proof == Self::FORM { Ok(read) } else { Err(BundleError::Malformed) }
    }

    /// Returns the leaf that it is about.
    pub fn leaf(&self) -> Result<Leaf, BundleError> {
        let leaf = Leaf::parse(self.entry.as_bytes()).ok_or(BundleError::Malformed)?;
        if leaf.position == self.position { Ok(leaf) } else { Err(BundleError::Mixed) }
    }

    /// Returns the checkpoint, whose signatures nobody has checked.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, BundleError> {
        Ok(self.parts()?.2)
    }

    /// Checks that the log of a key has the leaf.
    pub fn check(&self, key: &LogKey) -> Result<(Leaf, SignedCheckpoint), BundleError> {
        let leaf = self.leaf()?;
        let (index, hashes, checkpoint) = self.parts()?;
        if index != leaf.index() {
            return Err(BundleError::Mixed);
        }
        checkpoint.verify(key)?;
        check_inclusion(&hashes, checkpoint.head(), (index, leaf.hash()))?;
        Ok((leaf, checkpoint))
    }

    fn parts(&self) -> Result<(u64, Vec<Hash>, SignedCheckpoint), BundleError> {
        let malformed = || BundleError::Malformed;
        let (proof, checkpoint) = self.proof.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = proof.lines();
        if lines.next() != Some(HEAD) {
            return Err(malformed());
        }
        let mut line = lines.next().ok_or_else(malformed)?;
        if line.starts_with("extra ") {
            line = lines.next().ok_or_else(malformed)?;
        }
        let index = line.strip_prefix("index ").ok_or_else(malformed)?;
        let index = index.parse().map_err(|_| malformed())?;
        let hashes = lines.map(Hash::parse_hash).collect::<Result<_, _>>();
        let hashes = hashes.map_err(|_| malformed())?;
        Ok((index, hashes, SignedCheckpoint::parse(checkpoint.as_bytes())?))
    }
}
