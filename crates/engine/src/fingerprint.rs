//! What tells a repeated command from another one under the same command id.

use ledger_contract::commands::ParsedCommand;
use ledger_domain::WorkspaceName;
use ledger_store::tables::Receipt;

use crate::engine::Engine;

/// Keyed digests of what a command says. Keyed, because bodies hold secrets and a plain digest of a
/// short one could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// What the receipt will hold.
    meaning: [u8; 16],
    /// What receipts hold that earlier programs wrote: a digest of the bytes as they arrived.
    bytes: [u8; 16],
}

impl Fingerprint {
    /// Returns what a receipt holds.
    pub(crate) const fn stored(&self) -> [u8; 16] {
        self.meaning
    }

    /// Tells whether a receipt is that of the same command.
    pub(crate) fn is_of(&self, receipt: &Receipt) -> bool {
        receipt.fingerprint == self.meaning || receipt.fingerprint == self.bytes
    }
}

impl Engine {
    /// Makes the fingerprint of a command by what it says after parsing, so that white space, the
    /// order of keys and the endpoint it came through do not count. `verb` and `body` are how it
    /// arrived, for receipts of earlier programs.
    pub fn fingerprint(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        verb: &str,
        body: &[u8],
    ) -> Fingerprint {
        let key = &self.shared.fingerprint_key;
        let workspace = workspace.as_str();
        Fingerprint {
            meaning: command.fingerprint(key, workspace),
            bytes: key.fingerprint(&[workspace.as_bytes(), verb.as_bytes(), body]),
        }
    }

    /// Makes the fingerprint of a request from which commands are derived together with the state
    /// that it finds: a repeat finds another state, so only the request can tell. White space and
    /// the order of keys in a JSON body do not count. `kind` names everything else of the request.
    pub fn request_fingerprint(
        &self,
        workspace: &WorkspaceName,
        kind: &str,
        body: &[u8],
    ) -> Fingerprint {
        let digest = |body: &[u8]| {
            let parts = [workspace.as_str().as_bytes(), kind.as_bytes(), body];
            self.shared.fingerprint_key.fingerprint(&parts)
        };
        let bytes = digest(body);
        // A document of the JSON reader keeps its keys sorted. It is wiped by nobody, as the body
        // it was read from is not.
        let document = serde_json::from_slice::<serde_json::Value>(body);
        let meaning = document.map_or(bytes, |document| digest(document.to_string().as_bytes()));
        Fingerprint { meaning, bytes }
    }
}
