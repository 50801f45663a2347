//! Master keys: the key-encryption keys under which data keys are wrapped.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use ledger_domain::MasterKeyId;
use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::error::OpenError;
use crate::labels;
use crate::locked::LockedKey;
use crate::stack::leaving_nothing;

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

/// Returns the id of a master key.
fn id_of(material: &KeyMaterial) -> MasterKeyId {
    let [a, b, c, d, ..] = blake3::derive_key(labels::MASTER_KEY_ID, material.as_slice());
    MasterKeyId::new(u32::from_be_bytes([a, b, c, d]))
}

/// A key-encryption key, wiped when dropped.
pub(crate) struct MasterKey {
    id: MasterKeyId,
    material: LockedKey,
    /// On the heap, as the key is, so that moving it leaves no copy behind.
    cipher: Box<XChaCha20Poly1305>,
}

impl MasterKey {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        leaving_nothing(|| Self::from_material(&draw_key(rng)))
    }

    pub(crate) fn from_material(material: &[u8; KEY_BYTES]) -> Self {
        let material = LockedKey::copy_of(material);
        let cipher = Box::new(derive_cipher(labels::MASTER_KEY_CIPHER, &material));
        Self { id: id_of(&material), material, cipher }
    }

    pub(crate) fn id(&self) -> MasterKeyId {
        self.id
    }

    /// Returns the same key under a false id.
    #[cfg(test)]
    pub(crate) fn with_id(self, id: MasterKeyId) -> Self {
        Self { id, ..self }
    }

    /// Returns the bytes, for writing them to a key file.
    pub(crate) fn material(&self) -> &[u8] {
        self.material.as_slice()
    }

    /// Returns whether two keys are the same, in the same time for any two.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.material().ct_eq(other.material()).into()
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
