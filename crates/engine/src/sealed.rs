//! Seals and opens messages with the ledger's curve key; see `ledger_contract::sealed`.

use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::errors::SealedError;

impl Engine {
    /// Returns the ledger's public curve key, to which clients seal requests over NATS.
    pub fn xkey(&self) -> String {
        self.shared.curve_key.public()
    }

    /// Opens a request sealed to the ledger's curve key.
    pub fn open_sealed(
        &self,
        sealed: &[u8],
        sender: &str,
    ) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        Ok(self.shared.curve_key.open(sealed, sender)?)
    }

    /// Seals an answer with the ledger's curve key for `receiver`.
    pub fn seal_for(&self, answer: &[u8], receiver: &str) -> Result<Vec<u8>, SealedError> {
        Ok(self.shared.curve_key.seal(answer, receiver)?)
    }
}
