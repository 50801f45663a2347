//! Checkpoints: how large the tree of a log is and what its root is, signed by the log.

use std::fmt;

use signed_note::{Note, Signature};
use tlog_tiles::checkpoint;
use tlog_tiles::tlog::Hash;

use crate::SIZE_MAX;
use crate::cosignature::{Cosigned, WitnessKey};
use crate::keys::{LogKey, LogSigner};

/// Longest checkpoint with its signatures, in bytes.
pub const CHECKPOINT_BYTES_MAX: usize = 32 * 1024;

/// Returns the origin of the log of one history of a ledger.
pub fn origin(ledger: impl fmt::Display, incarnation: impl fmt::Display) -> String {
    format!("connledger/{ledger}/{incarnation}")
}

/// Why a text is not the checkpoint that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is another text.
    #[error("it is not a signed checkpoint")]
    Malformed,
    /// It is of another log.
    #[error("it is a checkpoint of another log")]
    OtherOrigin,
    /// The signature of the log is missing or wrong.
    #[error("the log has not signed it")]
    NotSigned,
}

/// The size and the root of the tree of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The origin of the log.
    pub origin: String,
    /// Leaves of the tree, which is the last position in it.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Checkpoint {
    /// Signs it.
    pub fn sign(&self, signer: &LogSigner) -> Result<SignedCheckpoint, CheckpointError> {
        let wrong = |_| CheckpointError::Malformed;
        let text = checkpoint::Checkpoint::new(&self.origin, self.size, self.root, "");
        let text = text.map_err(|_| CheckpointError::Malformed)?;
        let mut note = Note::new(&text.to_bytes(), &[]).map_err(wrong)?;
        note.add_sigs(&[signer]).map_err(wrong)?;
        SignedCheckpoint::parse(&note.to_bytes())
    }
}

/// A checkpoint with the signature of its log, and with those of witnesses.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    text: Vec<u8>,
    signatures: Vec<Signature>,
}

impl SignedCheckpoint {
    /// Reads a checkpoint whose signatures nobody has checked.
    pub fn parse(text: &[u8]) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(malformed);
        }
        let note = Note::from_bytes(text).map_err(|_| malformed)?;
        let read = checkpoint::Checkpoint::from_bytes(note.text()).map_err(|_| malformed)?;
        if read.size() > SIZE_MAX {
            return Err(malformed);
        }
        // A note does not give its signatures away.
        let at = text.windows(2).rposition(|two| two == b"\n\n").ok_or(malformed)?;
        let lines = text.get(at + 2..).unwrap_or_default().split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty()).map(Signature::from_bytes);
        let signatures = lines.collect::<Result<Vec<_>, _>>().map_err(|_| malformed)?;
        let checkpoint =
            Checkpoint { origin: read.origin().to_owned(), size: read.size(), root: *read.hash() };
        Ok(Self { checkpoint, text: note.text().to_vec(), signatures })
    }

    /// Reads a checkpoint of a log and checks the log's signature.
    pub fn verified(text: &[u8], key: &LogKey) -> Result<Self, CheckpointError> {
        let read = Self::parse(text)?;
        read.verify(key)?;
        Ok(read)
    }

    /// Checks that the log of a key has signed it.
    pub fn verify(&self, key: &LogKey) -> Result<(), CheckpointError> {
        if self.checkpoint.origin != key.origin() {
            return Err(CheckpointError::OtherOrigin);
        }
        if key.has_signed(&self.note()) { Ok(()) } else { Err(CheckpointError::NotSigned) }
    }

    /// Returns size and root.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns size and root as proofs are checked with them.
    pub const fn head(&self) -> (u64, Hash) {
        (self.checkpoint.size, self.checkpoint.root)
    }

    /// Returns what is signed.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Returns those of some witnesses that have signed it.
    pub fn cosigned(&self, witnesses: &[WitnessKey]) -> Vec<Cosigned> {
        witnesses.iter().filter_map(|witness| witness.cosigned(self)).collect()
    }

    /// Adds the signatures that a witness answered, one on each line. Those of other keys are left
    /// out. Returns whether there was one.
    pub fn add_cosignatures(&mut self, lines: &[u8], witness: &WitnessKey) -> bool {
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut has_signed = false;
        for signature in lines.filter_map(|line| Signature::from_bytes(line).ok()) {
            if witness.is_right(&self.text, &signature).is_none() {
                continue;
            }
            has_signed = true;
            self.signatures
                .retain(|known| known.name() != signature.name() || known.id() != signature.id());
            self.signatures.push(signature);
        }
        has_signed
    }

    /// Returns it with all signatures, as it is published.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note().to_bytes()
    }

    fn note(&self) -> Note {
        Note::new(&self.text, &self.signatures).expect("it was read from a note")
    }
}
