//! Fingerprints, which show whether two command bodies are equal without storing either.

use std::fmt;

use ledger_domain::LedgerId;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::curve::CurveKey;
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::{KeyMaterial, draw_key};
use crate::plaintext::Plaintext;

/// The key of one ledger's fingerprints. Wiped when dropped.
///
/// A short password in a body could be guessed from a plain hash. A keyed hash reveals nothing
/// without the key.
pub struct FingerprintKey(KeyMaterial);

impl FingerprintKey {
    /// Returns a keyed hash of the parts, which depends on the boundaries between them.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut fingerprint = [0; 16];
        hasher.finalize_xof().fill(&mut fingerprint);
        fingerprint
    }

    /// Returns the curve key of the same ledger, to which clients seal requests.
    pub fn curve_key(&self) -> CurveKey {
        CurveKey::from_bytes(&Zeroizing::new(blake3::derive_key(labels::CURVE_KEY, &*self.0)))
    }

    /// Returns the key from which signing secrets of the same ledger follow.
    pub(crate) fn signing_key(&self) -> KeyMaterial {
        Zeroizing::new(blake3::derive_key(labels::SIGNING_KEY, &*self.0))
    }

    /// Returns the keys of states and of verifiers of attempts to connect; see `connecting.rs`.
    pub(crate) fn connect_keys(&self) -> (KeyMaterial, KeyMaterial) {
        let key = |label| Zeroizing::new(blake3::derive_key(label, &*self.0));
        (key(labels::CONNECT_STATES), key(labels::CONNECT_VERIFIERS))
    }

    /// Returns the fingerprint of a secret, for use in a larger fingerprint. It discloses nothing.
    pub fn fingerprint_of(&self, plaintext: &Plaintext) -> [u8; 16] {
        self.fingerprint(&[plaintext.bytes()])
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

impl Keyring {
    /// Generates the fingerprint key of a new ledger, and returns it with the wrapped form to
    /// store.
    pub fn new_fingerprint_key(
        &self,
        rng: &mut impl CryptoRng,
        ledger: LedgerId,
    ) -> (FingerprintKey, Vec<u8>) {
        let key = FingerprintKey(draw_key(rng));
        let wrapped = self.wrap_fingerprint_key(rng, ledger, &key);
        (key, wrapped)
    }

    /// Wraps a fingerprint key under the active key.
    fn wrap_fingerprint_key(
        &self,
        rng: &mut impl CryptoRng,
        ledger: LedgerId,
        key: &FingerprintKey,
    ) -> Vec<u8> {
        self.wrap_for_ledger(rng, labels::FINGERPRINT_KEY, ledger, &key.0)
    }

    /// Opens a fingerprint key that was wrapped for the same ledger under any key of the ring.
    pub fn open_fingerprint_key(
        &self,
        ledger: LedgerId,
        wrapped: &[u8],
    ) -> Result<FingerprintKey, OpenError> {
        self.unwrap_for_ledger(labels::FINGERPRINT_KEY, ledger, wrapped).map(FingerprintKey)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{ledger, seeded};

    #[test]
    fn a_key_read_back_gives_the_same_fingerprints() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        let (key, wrapped) = keyring.new_fingerprint_key(rng, ledger(1));
        let read = keyring.open_fingerprint_key(ledger(1), &wrapped).unwrap();
        assert_eq!(key.fingerprint(&[b"body"]), read.fingerprint(&[b"body"]));

        let rotated = keyring.rotate(rng);
        let rewrapped = rotated.wrap_fingerprint_key(rng, ledger(1), &read);
        let alone = rotated.without(|_| true);
        let read = alone.open_fingerprint_key(ledger(1), &rewrapped).unwrap();
        assert_eq!(key.fingerprint(&[b"body"]), read.fingerprint(&[b"body"]));
    }

    #[test]
    fn another_ledger_or_keyring_is_refused() {
        let rng = &mut seeded(2);
        let (right, wrong) = (Keyring::generate(rng), Keyring::generate(rng));
        let (_, wrapped) = right.new_fingerprint_key(rng, ledger(1));
        assert!(matches!(right.open_fingerprint_key(ledger(2), &wrapped), Err(OpenError::Corrupt)));
        assert!(matches!(
            wrong.open_fingerprint_key(ledger(1), &wrapped),
            Err(OpenError::UnknownKey { key, .. }) if key == right.active_id()
        ));
    }

    #[test]
    fn fingerprints_depend_on_key_and_part_boundaries() {
        let rng = &mut seeded(3);
        let (one, other) = (FingerprintKey(draw_key(rng)), FingerprintKey(draw_key(rng)));
        let parts: &[&[u8]] = &[b"ab", b"c"];
        assert_ne!(one.fingerprint(parts), other.fingerprint(parts));
        let unlike: [&[&[u8]]; 5] = [&[b"a", b"bc"], &[b"abc"], &[b"ab", b"c", b""], &[b""], &[]];
        assert!(unlike.iter().all(|unlike| one.fingerprint(unlike) != one.fingerprint(parts)));
        assert_ne!(one.fingerprint(&[b""]), one.fingerprint(&[]));
        let secret = Plaintext::new("hunter2");
        assert_eq!(one.fingerprint_of(&secret), one.fingerprint(&[b"hunter2"]));
        assert_eq!(format!("{one:?}"), "FingerprintKey(..)");
    }

    proptest! {
        #[test]
        fn equal_parts_and_only_those_have_equal_fingerprints(
            one in prop::collection::vec(prop::collection::vec(0_u8..2, 0..3), 0..4),
            other in prop::collection::vec(prop::collection::vec(0_u8..2, 0..3), 0..4),
        ) {
            let key = FingerprintKey(draw_key(&mut seeded(4)));
            let fingerprint = |parts: &[Vec<u8>]| {
                key.fingerprint(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
            };
            prop_assert_eq!(one == other, fingerprint(&one) == fingerprint(&other));
        }
    }
}
