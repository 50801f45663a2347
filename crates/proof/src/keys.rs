//! Keys of logs, in the forms of signed notes.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{
    Note, Signer, StandardVerifier, Verifier as _, VerifierList, is_key_name_valid, key_id,
    new_ed25519_verifier_key,
};

/// Longest public key as text.
const KEY_CHARS_MAX: usize = 1_024;
/// The mark of Ed25519 before the bytes of a key.
const ED25519: u8 = 1;

/// A text that is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not the public key of a log, as in NAME+12345678+BASE64")]
pub struct KeyError;

/// The public key of a log, under which it signs checkpoints with its origin.
#[derive(Clone)]
pub struct LogKey {
    text: String,
    verifier: StandardVerifier,
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.text)
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for LogKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.len() > KEY_CHARS_MAX {
            return Err(KeyError);
        }
        let verifier = StandardVerifier::new(text).map_err(|_| KeyError)?;
        Ok(Self { text: text.to_owned(), verifier })
    }
}

impl LogKey {
    /// Returns the origin of the log.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// Returns whether the log signed a note.
    pub(crate) fn has_signed(&self, note: &Note) -> bool {
        note.verify(&VerifierList::new(vec![Box::new(self.verifier.clone())])).is_ok()
    }
}

/// The private key of a log. Wiped when dropped.
pub struct LogSigner {
    name: String,
    id: u32,
    key: SigningKey,
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.name)
    }
}

impl LogSigner {
    /// Makes the key of a log with an origin of its seed.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name_valid(origin) {
            return Err(KeyError);
        }
        let key = SigningKey::from_bytes(seed);
        let public = [&[ED25519], key.verifying_key().as_bytes().as_slice()].concat();
        Ok(Self { name: origin.to_owned(), id: key_id(origin, &public), key })
    }

    /// Returns the origin.
    pub fn origin(&self) -> &str {
        &self.name
    }

    /// Returns the public key.
    pub fn public(&self) -> LogKey {
        let text = new_ed25519_verifier_key(&self.name, &self.key.verifying_key());
        text.parse().expect("a key that was just written can be read")
    }
}

impl Signer for LogSigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.sign(message).to_vec())
    }
}
