//! Signed checkpoints: none contradicts another one of this history that was seen before.
//!
//! The last one is remembered in the data directory. A directory that was put back as a whole
//! forgets with it, so those that were published elsewhere are compared as well, by whoever
//! publishes; see [`Engine::compare_checkpoint`].

use std::fmt;
use std::sync::Arc;

use ledger_domain::Incarnation;
use ledger_proof::{
    Checkpoint, CheckpointError, LogKey, LogSigner, SignedCheckpoint, WitnessKey, origin,
};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability, Store};
use parking_lot::{Mutex, RwLock};

use super::{LogFault, Transparency};
use crate::engine::Engine;
use crate::errors::Fault;
use crate::identity::Identity;

/// Why nothing is signed: the log is not the one that was signed before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CheckpointRefused(Arc<str>);

/// Where a checkpoint was found.
#[derive(Clone, Copy, Debug)]
pub enum SeenAt<'a> {
    /// In the data directory.
    Remembered,
    /// On the NATS server.
    Nats,
    /// In a file.
    File(&'a std::path::Path),
    /// At a witness, by its name.
    Witness(&'a str),
}

impl fmt::Display for SeenAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remembered => f.write_str("the data directory"),
            Self::Nats => f.write_str("the NATS server"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Witness(name) => write!(f, "the witness {name}"),
        }
    }
}

/// The key of the log, and what was signed.
pub(super) struct Checkpoints {
    signer: LogSigner,
    /// Held while one is made.
    latest: Mutex<Option<SignedCheckpoint>>,
    witnesses: RwLock<Vec<WitnessKey>>,
    refused: RwLock<Option<CheckpointRefused>>,
}

/// Returns the key under which a history of the log of a store is signed.
fn signer(
    store: &Store,
    ledger: ledger_domain::LedgerId,
    of: Incarnation,
) -> Result<LogSigner, Fault> {
    let seed = store.portable_key().checkpoint_seed(of.to_bytes());
    LogSigner::new(&origin(ledger, of), &seed).map_err(|error| Fault::bug(error.to_string()))
}

/// Returns the public key under which a history of the log of a store is signed.
pub(super) fn key_of(store: &Store, identity: &Identity) -> Result<LogKey, Fault> {
    Ok(signer(store, identity.ledger, identity.incarnation)?.public())
}

impl Checkpoints {
    /// Reads the last checkpoint of this history. One of another history says nothing here.
    pub(super) fn load(store: &Store, identity: &Identity) -> Result<Self, Fault> {
        let signer = signer(store, identity.ledger, identity.incarnation)?;
        let remembered = meta::log_checkpoint(store)?;
        let latest =
            match remembered.map(|text| SignedCheckpoint::verified(&text, &signer.public())) {
                None | Some(Err(CheckpointError::OtherOrigin)) => None,
                Some(Ok(checkpoint)) => Some(checkpoint),
                Some(Err(error)) => {
                    return Err(Fault::Damaged(format!("the last checkpoint of the log: {error}")));
                }
            };
        let (latest, witnesses) = (Mutex::new(latest), RwLock::default());
        Ok(Self { signer, latest, witnesses, refused: RwLock::default() })
    }

    pub(super) fn key(&self) -> LogKey {
        self.signer.public()
    }

    pub(super) fn latest(&self) -> Option<SignedCheckpoint> {
        self.latest.lock().clone()
    }

    /// Returns the names of the witnesses that have signed the latest checkpoint.
    pub(super) fn witnesses(&self) -> Vec<String> {
        let latest = self.latest.lock();
        let cosigned = latest.as_ref().map(|latest| latest.cosigned(&self.witnesses.read()));
        cosigned.into_iter().flatten().map(|cosigned| cosigned.witness).collect()
    }
}

impl Transparency {
    /// Returns why nothing is signed, if that is so.
    pub(crate) fn refusal(&self) -> Option<String> {
        if let Some(refused) = &*self.checkpoints.refused.read() {
            return Some(refused.to_string());
        }
        self.tree.read().as_ref().err().map(ToString::to_string)
    }

    pub(super) fn compare_with_remembered(&self, store: &Store) {
        if let Some(checkpoint) = self.checkpoints.latest() {
            // The tree itself tells if it cannot be read.
            let (Ok(()) | Err(_)) = self.compare(store, &checkpoint, SeenAt::Remembered);
        }
    }

    /// Compares the log with a checkpoint of it. One that contradicts the log ends all signing.
    fn compare(
        &self,
        store: &Store,
        seen: &SignedCheckpoint,
        at: SeenAt<'_>,
    ) -> Result<(), LogFault> {
        let (size, root) = seen.head();
        let own = self.size()?;
        let what = if size > own {
            format!(
                "the log ends at position {own}, and {at} has a checkpoint of it with {size} \
                 events: this directory is an earlier copy, or its end was cut off"
            )
        } else if self.root_at(store, size)? == root {
            return Ok(());
        } else {
            format!(
                "the first {size} events of the log are others than those of a checkpoint in {at}: \
                 the log was altered, or two copies of it were served"
            )
        };
        Err(self.refuse(what.into()).into())
    }

    /// Ends all signing, unless that has happened already.
    fn refuse(&self, why: Arc<str>) -> CheckpointRefused {
        let refused = CheckpointRefused(why);
        let mut known = self.checkpoints.refused.write();
        if known.is_none() {
            tracing::error!(error = %refused, "no checkpoint of the log is signed any more");
            *known = Some(refused.clone());
        }
        refused
    }
}

impl Engine {
    /// Returns the latest checkpoint, with the signatures of witnesses.
    pub fn checkpoint(&self) -> Option<SignedCheckpoint> {
        self.shared.transparency.checkpoints.latest()
    }

    /// Returns the latest checkpoint, as others get it. The first one is signed now.
    ///
    /// Errors: the log contradicts a checkpoint that was seen before, or is damaged.
    pub fn published_checkpoint(&self) -> Result<SignedCheckpoint, LogFault> {
        if let Some(refused) = &*self.shared.transparency.checkpoints.refused.read() {
            return Err(refused.clone().into());
        }
        match self.checkpoint() {
            Some(checkpoint) => Ok(checkpoint),
            None => self.sign_checkpoint(),
        }
    }

    /// Signs the log as it is now, unless the latest checkpoint says it already. It is remembered
    /// before it is returned. Blocks.
    ///
    /// Errors: the log contradicts a checkpoint that was seen before, or is damaged.
    pub fn sign_checkpoint(&self) -> Result<SignedCheckpoint, LogFault> {
        let Transparency { checkpoints, .. } = &self.shared.transparency;
        let mut latest = checkpoints.latest.lock();
        if let Some(refused) = &*checkpoints.refused.read() {
            return Err(refused.clone().into());
        }
        let (size, root) = self.shared.transparency.head()?;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.head() == (size, root)) {
            return Ok(latest.clone());
        }
        let origin = checkpoints.signer.origin().to_owned();
        let signed = Checkpoint { origin, size, root }.sign(&checkpoints.signer);
        let signed = signed.map_err(|error| Fault::bug(error.to_string()))?;
        self.remember(&signed)?;
        *latest = Some(signed.clone());
        Ok(signed)
    }

    fn remember(&self, checkpoint: &SignedCheckpoint) -> Result<(), Fault> {
        let store = &self.shared.store;
        let mut batch = Batch::new();
        meta::put_log_checkpoint(&mut batch, store, &checkpoint.to_bytes());
        store.commit(batch, Durability::Buffered)?;
        Ok(())
    }

    /// Adds what a witness answered to the latest checkpoint, if it is the one that was sent.
    /// Returns whether the witness has signed it. Blocks.
    pub fn add_cosignatures(
        &self,
        sent: &SignedCheckpoint,
        lines: &[u8],
        witness: &WitnessKey,
    ) -> Result<bool, Fault> {
        let checkpoints = &self.shared.transparency.checkpoints;
        let mut latest = checkpoints.latest.lock();
        let Some(latest) = latest.as_mut().filter(|latest| latest.head() == sent.head()) else {
            // Another one was signed meanwhile, and is sent next.
            return Ok(sent.clone().add_cosignatures(lines, witness));
        };
        let has_signed = latest.add_cosignatures(lines, witness);
        if has_signed {
            self.remember(latest)?;
            let mut known = checkpoints.witnesses.write();
            if !known.contains(witness) {
                known.push(witness.clone());
            }
        }
        Ok(has_signed)
    }

    /// Compares the log with a checkpoint that was found somewhere. One of another history, or that
    /// this log has not signed, says nothing. Blocks.
    ///
    /// Errors: the log contradicts it, and nothing is signed any more; the log is damaged.
    pub fn compare_checkpoint(&self, text: &[u8], at: SeenAt<'_>) -> Result<(), LogFault> {
        let transparency = &self.shared.transparency;
        match SignedCheckpoint::verified(text, &transparency.checkpoints.key()) {
            Ok(seen) => transparency.compare(&self.shared.store, &seen, at),
            Err(error) => {
                tracing::debug!(%error, at = %at, "a checkpoint is not one of this log");
                Ok(())
            }
        }
    }

    /// Ends all signing because a witness has signed more events than the log has, or others.
    pub fn refuse_checkpoints(&self, why: &str) {
        self.shared.transparency.refuse(why.into());
    }

    /// Returns what a restored ledger says of where its log comes from: a note in which this
    /// history names the former one, and the tree that both have. `None` if it was never restored.
    /// Blocks.
    pub fn log_history(&self) -> Result<Option<Vec<u8>>, LogFault> {
        let Some(former) = self.origin()? else { return Ok(None) };
        let (store, transparency) = (&*self.shared.store, &self.shared.transparency);
        let size = former.position.get();
        let root = transparency.root_at(store, size)?;
        let of_former = signer(store, self.ledger_id(), former.incarnation)?.public();
        let statement = ledger_proof::Continuation { former: of_former, size, root };
        let note = statement.sign(&transparency.checkpoints.signer);
        Ok(Some(note.map_err(|error| Fault::bug(error.to_string()))?))
    }
}
