//! Master keys: the key-encryption keys under which data keys are wrapped.

use std::fmt;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::error::OpenError;
use crate::labels;
use crate::locked::LockedKey;

/// Length of every key, in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Length of a cipher's nonce, in bytes: long enough for a random nonce for every use.
pub(crate) const NONCE_BYTES: usize = 24;
/// Length of a cipher's tag, in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// Length of a wrapped key, in bytes: nonce, ciphertext, tag.
pub(crate) const WRAPPED_KEY_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// The bytes of a key, wiped when dropped.
pub(crate) type KeyMaterial = Zeroizing<[u8; KEY_BYTES]>;

/// Generates the bytes of a new key.
pub(crate) fn draw_key(rng: &mut impl CryptoRng) -> KeyMaterial {
    let mut material = Zeroizing::new([0; KEY_BYTES]);
    rng.fill_bytes(material.as_mut_slice());
    material
}

/// Returns the cipher for one use of a key. The key itself encrypts nothing, so its id, which is
/// derived under another label, reveals nothing about the keys that do.
pub(crate) fn derive_cipher(label: &str, material: &KeyMaterial) -> XChaCha20Poly1305 {
    let derived = Zeroizing::new(blake3::derive_key(label, material.as_slice()));
    XChaCha20Poly1305::new((&*derived).into())
}

/// Id of a master key, derived from a hash of it: eight lowercase hexadecimal digits.
///
/// It distinguishes keys and detects a wrong file. With 32 bits, it proves nothing about a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

impl KeyId {
    /// Length as text.
    pub(crate) const ASCII_BYTES: usize = 8;

    /// Parses the eight digits, which must be in lower case.
    pub(crate) fn from_ascii(digits: &[u8]) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != Self::ASCII_BYTES || !digits.iter().all(is_digit) {
            return None;
        }
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok().map(Self)
    }

    /// Returns the eight digits.
    pub(crate) fn to_ascii(self) -> [u8; Self::ASCII_BYTES] {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        let [a, b, c, d] = self.0.to_be_bytes().map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
    }

    fn of(material: &KeyMaterial) -> Self {
        let [a, b, c, d, ..] = blake3::derive_key(labels::MASTER_KEY_ID, material.as_slice());
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key-encryption key, wiped when dropped.
pub(crate) struct MasterKey {
    id: KeyId,
    material: LockedKey,
    cipher: XChaCha20Poly1305,
}

impl MasterKey {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_material(draw_key(rng))
    }

    pub(crate) fn from_material(material: KeyMaterial) -> Self {
        let material = LockedKey::new(material);
        let cipher = derive_cipher(labels::MASTER_KEY_CIPHER, &material);
        Self { id: KeyId::of(&material), material, cipher }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the bytes, for writing them to a key file.
    pub(crate) fn material(&self) -> &[u8] {
        self.material.as_slice()
    }

    /// Encrypts another key and binds it to `place`.
    pub(crate) fn wrap(
        &self,
        rng: &mut impl CryptoRng,
        place: &AssociatedData,
        material: &[u8; KEY_BYTES],
    ) -> [u8; WRAPPED_KEY_BYTES] {
        let mut wrapped = [0; WRAPPED_KEY_BYTES];
        let (nonce, rest) = wrapped.split_at_mut(NONCE_BYTES);
        let (ciphertext, tag) = rest.split_at_mut(KEY_BYTES);
        rng.fill_bytes(nonce);
        let nonce: &XNonce = (&*nonce).try_into().expect("split at the length of a nonce");
        ciphertext.copy_from_slice(material);
        let made = self
            .cipher
            .encrypt_inout_detached(nonce, place.as_bytes(), ciphertext.into())
            .expect("a key is shorter than the cipher's limit of 256 GiB");
        tag.copy_from_slice(&made);
        wrapped
    }

    /// Decrypts a key that [`Self::wrap`] encrypted for the same place.
    pub(crate) fn unwrap(
        &self,
        place: &AssociatedData,
        wrapped: &[u8; WRAPPED_KEY_BYTES],
    ) -> Result<KeyMaterial, OpenError> {
        let (nonce, rest) = wrapped.split_at(NONCE_BYTES);
        let (ciphertext, tag) = rest.split_at(KEY_BYTES);
        let nonce: &XNonce = nonce.try_into().map_err(|_| OpenError::Malformed)?;
        let tag: &Tag = tag.try_into().map_err(|_| OpenError::Malformed)?;
        let mut material = Zeroizing::new([0; KEY_BYTES]);
        material.copy_from_slice(ciphertext);
        self.cipher
            .decrypt_inout_detached(nonce, place.as_bytes(), material.as_mut_slice().into(), tag)
            .map_err(|_| OpenError::Corrupt)?;
        Ok(material)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::seeded;

    #[test]
    fn ids_are_eight_lowercase_digits() {
        let id = MasterKey::generate(&mut seeded(1)).id();
        assert_eq!(id.to_string().as_bytes(), id.to_ascii());
        assert_eq!(KeyId(0x0a).to_string(), "0000000a");
        for bad in ["", "0000000A", "+000000a", "0000000", "000000000", "0000000g"] {
            assert!(KeyId::from_ascii(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_read_back_as_written(number in any::<u32>()) {
            let id = KeyId(number);
            prop_assert_eq!(KeyId::from_ascii(&id.to_ascii()), Some(id));
            prop_assert_eq!(id.to_string().into_bytes(), id.to_ascii().to_vec());
        }
    }
}
