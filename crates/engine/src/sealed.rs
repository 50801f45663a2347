//! The ledger's curve key at work; see `ledger_contract::sealed`.

use ledger_contract::errors::{Code, Problem};
use ledger_vault::CurveError;
use zeroize::Zeroizing;

use crate::engine::Engine;

impl Engine {
    /// Returns the ledger's public curve key, to which requests over NATS are sealed.
    pub fn xkey(&self) -> String {
        self.shared.curve_key.public()
    }

    /// Opens a request that was sealed to the ledger's curve key.
    pub fn open_sealed(&self, sealed: &[u8], sender: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let opened = self.shared.curve_key.open(sealed, sender);
        opened.map_err(unreadable)
    }

    /// Seals an answer from the ledger's curve key.
    pub fn seal_for(&self, answer: &[u8], receiver: &str) -> Result<Vec<u8>, Problem> {
        self.shared.curve_key.seal(answer, receiver).map_err(unreadable)
    }
}

fn unreadable(error: CurveError) -> Problem {
    Problem::because(Code::SealedUnreadable, error.to_string())
}
