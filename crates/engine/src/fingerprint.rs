//! Recognizes a repeated command and tells it from another under the same command id.

use ledger_contract::commands::ParsedCommand;
use ledger_domain::WorkspaceName;
use ledger_store::tables::Receipt;

use crate::engine::Engine;

/// Keyed digests of a command. They are keyed because bodies contain secrets, and a plain digest of
/// a short secret could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The digest stored in new receipts.
    meaning: [u8; 16],
    /// The digest in receipts of earlier versions of the program: that of the bytes as received.
    bytes: [u8; 16],
}

impl Fingerprint {
    /// Returns the digest to store in a receipt.
    pub(crate) const fn stored(&self) -> [u8; 16] {
        self.meaning
    }

    /// Returns whether a receipt belongs to the same command.
    pub(crate) fn is_of(&self, receipt: &Receipt) -> bool {
        receipt.fingerprint == self.meaning || receipt.fingerprint == self.bytes
    }
}

impl Engine {
    /// Returns the fingerprint of a parsed command, which white space, the order of keys and the
    /// endpoint do not affect. `verb` and `body` are as received, for receipts of earlier versions
    /// of the program.
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

    /// Returns the fingerprint of a request whose commands also depend on the current state. A
    /// repeat may find another state, so only the request can identify it. White space and the
    /// order of keys in a JSON body do not matter. `kind` stands for everything else in the
    /// request.
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
        // `serde_json` keeps keys sorted. The parsed document is not wiped, and neither is the body
        // from which it was read.
        let document = serde_json::from_slice::<serde_json::Value>(body);
        let meaning = document.map_or(bytes, |document| digest(document.to_string().as_bytes()));
        Fingerprint { meaning, bytes }
    }
}
