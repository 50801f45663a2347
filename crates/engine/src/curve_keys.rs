//! The curve keys of a ledger, to which clients seal requests: the current one, and after a
//! rotation the former one for a while.

use std::fmt;
use std::time::Duration;

use ledger_domain::{LedgerId, Micros};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability, Store};
use ledger_vault::{CurveError, CurveKey, FingerprintKey, Keyring};
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, SealedError};
use crate::ports::Ports;

/// The curve keys that requests may be sealed to.
#[derive(Debug)]
pub(crate) struct CurveKeys {
    current: CurveKey,
    former: Option<FormerKey>,
}

/// The key before the last rotation.
#[derive(Debug)]
struct FormerKey {
    key: CurveKey,
    until: Micros,
}

/// A request that was opened.
pub struct OpenedRequest {
    /// Its text.
    pub text: Zeroizing<Vec<u8>>,
    /// The public key of the ledger's to which it was sealed, and with which its answer is.
    pub ledger_xkey: String,
}

impl fmt::Debug for OpenedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedRequest")
            .field("ledger_xkey", &self.ledger_xkey)
            .finish_non_exhaustive()
    }
}

/// Generates the curve key of a new ledger.
pub(crate) fn found(
    batch: &mut Batch,
    store: &Store,
    keyring: &Keyring,
    ledger: LedgerId,
    ports: &Ports,
) {
    let (_, wrapped) = keyring.new_curve_key(&mut ports.rng(), ledger);
    meta::put_curve_key(batch, store, &wrapped);
}

impl CurveKeys {
    /// Loads the keys. A ledger of an earlier program has the one that follows from its
    /// fingerprint key, until it is rotated.
    pub(crate) fn load(
        store: &Store,
        keyring: &Keyring,
        ledger: LedgerId,
        fingerprint_key: &FingerprintKey,
    ) -> Result<Self, Fault> {
        let current = match meta::curve_key(store)? {
            Some(wrapped) => keyring.open_curve_key(ledger, &wrapped)?,
            None => fingerprint_key.curve_key(),
        };
        let former = match meta::former_curve_key(store)? {
            Some((until, wrapped)) => {
                let key = match wrapped.as_slice() {
                    [] => fingerprint_key.curve_key(),
                    wrapped => keyring.open_curve_key(ledger, wrapped)?,
                };
                Some(FormerKey { key, until })
            }
            None => None,
        };
        Ok(Self { current, former })
    }

    /// Returns the keys that are accepted at `now`, the current one first.
    fn accepted(&self, now: Micros) -> impl Iterator<Item = &CurveKey> {
        let former = self.former.as_ref().filter(|former| now < former.until);
        std::iter::once(&self.current).chain(former.map(|former| &former.key))
    }

    /// Returns every key.
    fn all(&self) -> impl Iterator<Item = &CurveKey> {
        std::iter::once(&self.current).chain(self.former.as_ref().map(|former| &former.key))
    }
}

impl Engine {
    /// Returns the ledger's public curve key, to which clients seal requests over NATS.
    pub fn xkey(&self) -> String {
        self.shared.curve_keys.read().current.public().to_owned()
    }

    /// Returns the former public curve key and the time until which it is accepted, if it still is.
    pub fn former_xkey(&self) -> Option<(String, Micros)> {
        let keys = self.shared.curve_keys.read();
        let former = keys.former.as_ref()?;
        (self.clock().now() < former.until).then(|| (former.key.public().to_owned(), former.until))
    }

    /// Opens a request that was sealed to a curve key of the ledger's.
    pub fn open_sealed(&self, sealed: &[u8], sender: &str) -> Result<OpenedRequest, SealedError> {
        let keys = self.shared.curve_keys.read();
        for key in keys.accepted(self.clock().now()) {
            match key.open(sealed, sender) {
                Ok(text) => {
                    return Ok(OpenedRequest { text, ledger_xkey: key.public().to_owned() });
                }
                Err(CurveError::Message) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CurveError::Message.into())
    }

    /// Seals an answer for `receiver` with the key to which the request was sealed.
    pub fn seal_for(
        &self,
        answer: &[u8],
        receiver: &str,
        ledger_xkey: &str,
    ) -> Result<Vec<u8>, SealedError> {
        let keys = self.shared.curve_keys.read();
        // A key is rotated only while nothing is served, so it is still there.
        let key = keys.all().find(|key| key.public() == ledger_xkey).unwrap_or(&keys.current);
        Ok(key.seal(answer, receiver)?)
    }

    /// Replaces the curve key and returns the new one. Requests that are sealed to the former key
    /// are accepted for the time of the overlap; an earlier key is dropped at once. Blocks.
    ///
    /// Errors: `sealed`.
    pub fn rotate_curve_key(&self, overlap: Duration) -> Result<String, ExecuteError> {
        // The writer wraps the curve keys anew when the master key is rotated.
        self.pause(|| self.replace_curve_key(overlap))?
    }

    fn replace_curve_key(&self, overlap: Duration) -> Result<String, ExecuteError> {
        let shared = &self.shared;
        let keys = shared.master_keys.enter()?;
        let keyring = keys.ring();
        let now = self.clock().now().get();
        let micros = i64::try_from(overlap.as_micros()).unwrap_or(i64::MAX);
        let until = Micros::new(now.saturating_add(micros));
        let ledger = self.ledger_id();
        let former = meta::curve_key(&shared.store).map_err(Fault::from)?.unwrap_or_default();
        let (_, wrapped) = keyring.new_curve_key(&mut shared.ports.rng(), ledger);
        let mut batch = Batch::new();
        meta::put_curve_key(&mut batch, &shared.store, &wrapped);
        meta::put_former_curve_key(&mut batch, &shared.store, until, &former);
        shared.store.commit(batch, Durability::Synced).map_err(Fault::from)?;
        let fingerprint_key = &shared.fingerprint_key;
        let keys = CurveKeys::load(&shared.store, keyring, ledger, fingerprint_key)?;
        *shared.curve_keys.write() = keys;
        Ok(self.xkey())
    }

    /// Returns whether the ledger was made to refuse requests over NATS that are not sealed.
    pub fn requires_sealed(&self) -> Result<bool, Fault> {
        Ok(meta::requires_sealed(&self.shared.store)?)
    }
}
