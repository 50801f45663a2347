//! What the log of a restored ledger says of the log that it continues.
//!
//! ```text
//! connledger-continues/1
//! connledger/<ledger>/<history>+<id>+<key>     the public key of the former log
//! 1042                                         the last position that both have
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=  the root of the tree up to there
//! ```
//!
//! It is a note, signed by the log that goes on. Whoever has a checkpoint of the former log with at
//! most so many events can check that the present log begins with it.

use signed_note::Note;
use tlog_tiles::tlog::Hash;

use crate::checkpoint::{CHECKPOINT_BYTES_MAX, CheckpointError};
use crate::keys::{LogKey, LogSigner};

const HEAD: &str = "connledger-continues/1";

/// The log that another one continues.
#[derive(Debug)]
pub struct Continuation {
    /// The public key of the former log.
    pub former: LogKey,
    /// The last position that both have.
    pub size: u64,
    /// The root of the tree up to there.
    pub root: Hash,
}

impl Continuation {
    /// Signs it by the log that goes on.
    pub fn sign(&self, signer: &LogSigner) -> Result<Vec<u8>, CheckpointError> {
        let Self { former, size, root } = self;
        let text = format!("{HEAD}\n{former}\n{size}\n{root}\n");
        let wrong = |_| CheckpointError::Malformed;
        let mut note = Note::new(text.as_bytes(), &[]).map_err(wrong)?;
        note.add_sigs(&[signer]).map_err(wrong)?;
        Ok(note.to_bytes())
    }

    /// Reads what the log of a key says, and checks its signature.
    pub fn verified(text: &[u8], key: &LogKey) -> Result<Self, CheckpointError> {
        let malformed = || CheckpointError::Malformed;
        if text.len() > CHECKPOINT_BYTES_MAX {
            return Err(malformed());
        }
        let note = Note::from_bytes(text).map_err(|_| malformed())?;
        if !key.has_signed(&note) {
            return Err(CheckpointError::NotSigned);
        }
        let text = std::str::from_utf8(note.text()).map_err(|_| malformed())?;
        let lines: Vec<&str> = text.lines().collect();
        let [HEAD, former, size, root] = lines.as_slice() else { return Err(malformed()) };
        Ok(Self {
            former: former.parse().map_err(|_| malformed())?,
            size: size.parse().map_err(|_| malformed())?,
            root: Hash::parse_hash(root).map_err(|_| malformed())?,
        })
    }
}
