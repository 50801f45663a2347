//! What a log asks a witness, and what the witness answers, as `tlog-witness` has it.

use tlog_tiles::tlog::Hash;

use crate::checkpoint::SignedCheckpoint;

/// A request to sign a checkpoint.
#[derive(Debug)]
pub struct AddCheckpoint<'a> {
    /// The size of the last checkpoint that the witness signed; 0 if it signed none.
    pub old: u64,
    /// The proof that the checkpoint continues that one.
    pub proof: Vec<Hash>,
    /// The checkpoint.
    pub checkpoint: &'a SignedCheckpoint,
}

impl AddCheckpoint<'_> {
    /// Returns the body of the request.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = format!("old {}\n", self.old).into_bytes();
        for hash in &self.proof {
            body.extend_from_slice(format!("{hash}\n").as_bytes());
        }
        body.push(b'\n');
        body.extend_from_slice(&self.checkpoint.to_bytes());
        body
    }
}

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// Lines of signatures.
    Signed(Vec<u8>),
    /// It has signed a checkpoint of this size last, so the proof has to begin there.
    HasSize(u64),
    /// It refuses: the status of its answer.
    Refused(u16),
}

impl WitnessAnswer {
    /// Reads an answer.
    pub fn read(status: u16, body: &[u8]) -> Self {
        match status {
            200 => Self::Signed(body.to_vec()),
            409 => match std::str::from_utf8(body).ok().and_then(|size| size.trim().parse().ok()) {
                Some(size) => Self::HasSize(size),
                None => Self::Refused(status),
            },
            _ => Self::Refused(status),
        }
    }
}
