//! Recognizes a repeated command and tells it from another under the same command id.

use ledger_contract::commands::ParsedCommand;
use ledger_domain::WorkspaceName;
use ledger_store::tables::Receipt;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

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

    /// Returns the keyed digest of what a body says. In a JSON body, white space and the order of
    /// keys do not matter; other bodies count byte for byte.
    pub fn body_digest(&self, body: &[u8]) -> BodyDigest {
        let key = &self.shared.fingerprint_key;
        let Ok(mut document) = serde_json::from_slice::<Value>(body) else {
            return BodyDigest(key.fingerprint(&[body]));
        };
        // Compact and with sorted keys, so seldom longer than the body, and wiped when dropped.
        let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
        serde_json::to_writer(&mut *text, &document).expect("a document has a JSON form");
        wipe(&mut document);
        BodyDigest(key.fingerprint(&[&text]))
    }

    /// Returns the fingerprint of a request whose commands also depend on the current state. A
    /// repeat may find another state, so only the request can identify it. `kind` stands for
    /// everything in the request besides its body. `body` is how the body arrived, for receipts of
    /// earlier programs.
    pub fn request_fingerprint(
        &self,
        workspace: &WorkspaceName,
        kind: &str,
        digest: BodyDigest,
        body: &[u8],
    ) -> Fingerprint {
        let key = &self.shared.fingerprint_key;
        let (workspace, kind) = (workspace.as_str().as_bytes(), kind.as_bytes());
        Fingerprint {
            meaning: key.fingerprint(&[b"request 1", workspace, kind, &digest.0]),
            bytes: key.fingerprint(&[workspace, kind, body]),
        }
    }
}

/// A keyed digest of a body; see [`Engine::body_digest`].
#[derive(Clone, Copy, Debug)]
pub struct BodyDigest([u8; 16]);

/// Overwrites every text of a document, as any may be a secret.
fn wipe(document: &mut Value) {
    match document {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
