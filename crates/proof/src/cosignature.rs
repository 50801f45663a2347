//! Signatures of witnesses, who sign a checkpoint only if it continues what they signed before.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use signed_note::{Signature, is_key_name_valid, key_id};

use crate::checkpoint::SignedCheckpoint;
use crate::keys::KeyError;

/// The mark of a timestamped Ed25519 cosignature before the bytes of a key.
const COSIGNATURE: u8 = 4;
/// Longest public key as text.
const KEY_CHARS_MAX: usize = 1_024;

/// The public key of a witness: `NAME+12345678+BASE64`.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    text: String,
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({})", self.text)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A checkpoint that a witness has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The name of the witness.
    pub witness: String,
    /// When it says to have signed, in seconds since 1970.
    pub at: u64,
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.len() > KEY_CHARS_MAX {
            return Err(KeyError);
        }
        let (name, rest) = text.split_once('+').ok_or(KeyError)?;
        let (digits, encoded) = rest.split_once('+').ok_or(KeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError)?;
        let id = u32::from_str_radix(digits, 16).map_err(|_| KeyError)?;
        let is_good = digits.len() == 8 && is_key_name_valid(name) && id == key_id(name, &bytes);
        let (mark, key) = bytes.split_first().ok_or(KeyError)?;
        let key = <&[u8; 32]>::try_from(key).map_err(|_| KeyError)?;
        if !is_good || *mark != COSIGNATURE {
            return Err(KeyError);
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError)?;
        Ok(Self { text: text.to_owned(), name: name.to_owned(), id, key })
    }
}

impl WitnessKey {
    /// Returns the name of the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns when the witness signed a checkpoint, if it has.
    pub(crate) fn cosigned(&self, checkpoint: &SignedCheckpoint) -> Option<Cosigned> {
        let signatures = checkpoint.signatures().iter();
        let at = signatures.filter_map(|one| self.is_right(checkpoint.text(), one)).max()?;
        Some(Cosigned { witness: self.name.clone(), at })
    }

    /// Returns the time of a signature, if the witness made it for this text.
    pub(crate) fn is_right(&self, text: &[u8], signature: &Signature) -> Option<u64> {
        if signature.name() != self.name || signature.id() != self.id {
            return None;
        }
        let (at, signature) = signature.signature().split_first_chunk::<8>()?;
        let signature = Ed25519Signature::from_slice(signature).ok()?;
        let at = u64::from_be_bytes(*at);
        let message = [format!("cosignature/v1\ntime {at}\n").as_bytes(), text].concat();
        self.key.verify_strict(&message, &signature).ok().map(|()| at)
    }
}
