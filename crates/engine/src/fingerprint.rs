//! Recognizes a repeated command and tells it from another under the same command id.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use ledger_contract::commands::ParsedCommand;
use ledger_domain::WorkspaceName;
use ledger_store::tables::Receipt;
use ledger_vault::{FingerprintKey, leaving_nothing};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::engine::Engine;

/// A keyed digest of a command that can be repeated, and the request that it came in.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprint {
    /// The digest stored in new receipts and in records. It is keyed because bodies contain
    /// secrets, and a plain digest of a short secret could be guessed.
    meaning: [u8; 16],
    received: Received,
}

/// A request as it arrived. Receipts of earlier programs hold a digest of it, which is computed
/// only when the command id has a receipt that `Fingerprint::stored` does not match.
#[derive(Clone, Default)]
pub struct Received {
    kind: Cow<'static, str>,
    body: Bytes,
    /// The digest of the body, if the request identifies its command.
    digest: Option<BodyDigest>,
}

impl Received {
    /// `kind` stands for everything in the request besides its workspace and its body.
    pub fn new(kind: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        Self { kind: kind.into(), body: body.into(), digest: None }
    }

    /// Says that the command also depends on the current state. A repeat may find another state, so
    /// only the request can identify it. `digest` is that of the request's body.
    #[must_use]
    pub fn identified_by(self, digest: BodyDigest) -> Self {
        Self { digest: Some(digest), ..self }
    }
}

/// Leaves out the body, which may contain secrets.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({}, {} bytes)", self.kind, self.body.len())
    }
}

impl Fingerprint {
    /// Returns the digest to store in the receipt and in the record.
    pub(crate) const fn stored(&self) -> [u8; 16] {
        self.meaning
    }

    /// Returns whether a receipt in the workspace belongs to the same command.
    pub(crate) fn is_of(
        &self,
        receipt: &Receipt,
        workspace: &WorkspaceName,
        key: &FingerprintKey,
    ) -> bool {
        let Received { kind, body, .. } = &self.received;
        let parts = || [workspace.as_str().as_bytes(), kind.as_bytes(), body];
        receipt.fingerprint == self.meaning
            || receipt.fingerprint == leaving_nothing(|| key.fingerprint(&parts()))
    }
}

impl Engine {
    /// Returns the fingerprint of a parsed command, which white space, the order of keys and the
    /// endpoint do not affect unless the request identifies the command.
    pub(crate) fn fingerprint(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        received: Received,
    ) -> Fingerprint {
        let key = &self.shared.fingerprint_key;
        let meaning = match &received.digest {
            None => leaving_nothing(|| command.fingerprint(key, workspace.as_str())),
            Some(BodyDigest(digest)) => {
                let (workspace, kind) = (workspace.as_str().as_bytes(), received.kind.as_bytes());
                key.fingerprint(&[b"request 1", workspace, kind, digest])
            }
        };
        Fingerprint { meaning, received }
    }

    /// Returns the keyed digest of what a body says. In a JSON body, white space and the order of
    /// keys do not matter; other bodies count byte for byte.
    pub fn body_digest(&self, body: &[u8]) -> BodyDigest {
        let key = &self.shared.fingerprint_key;
        let Ok(mut document) = serde_json::from_slice::<Value>(body) else {
            return BodyDigest(leaving_nothing(|| key.fingerprint(&[body])));
        };
        // Compact and with sorted keys, so seldom longer than the body, and wiped when dropped.
        let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
        serde_json::to_writer(&mut *text, &document).expect("a document has a JSON form");
        wipe(&mut document);
        BodyDigest(leaving_nothing(|| key.fingerprint(&[&text])))
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

#[cfg(test)]
mod tests {
    use ledger_domain::{CheckedText as _, LedgerId, Micros, Position, Version};
    use ledger_vault::Keyring;
    use uuid::Uuid;

    use super::*;
    use crate::ports::Ports;

    #[test]
    fn a_receipt_of_an_earlier_program_belongs_to_the_same_bytes_only() {
        let ports = Ports::default();
        let rng = &mut ports.rng();
        let (key, _) = Keyring::generate(rng).new_fingerprint_key(rng, LedgerId::new(Uuid::nil()));
        let workspace = WorkspaceName::stored("default".into());
        let fingerprint = key.fingerprint(&[b"default", b"enable main", b"{ }"]);
        let (version, position) = (Version::new(2), Position::new(2));
        let recorded_at = Micros::default();
        let receipt = Receipt { connection: None, version, position, recorded_at, fingerprint };
        for (kind, body, same) in
            [("enable main", "{ }", true), ("enable main", "{}", false), ("enable", "{ }", false)]
        {
            let sent = Fingerprint { meaning: [1; 16], received: Received::new(kind, body) };
            assert_eq!(sent.is_of(&receipt, &workspace, &key), same, "{sent:?}");
        }
        let shown = format!("{:?}", Received::new("enable", "sk-secret"));
        assert_eq!(shown, "Received(enable, 9 bytes)");
    }
}
