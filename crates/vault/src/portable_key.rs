//! Authentication codes of what a ledger writes outside its data directory: its portable form, and
//! the documents about it.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::labels;
use crate::mac_key::MacKey;
use crate::master_key::KeyMaterial;

/// The key of the authentication codes in the portable form of one ledger. It follows from the
/// ledger's MAC key, so it is the same in every copy of the ledger. Wiped when dropped.
///
/// A code is a keyed BLAKE3 hash of the purpose, preceded by its length (8 bytes, little-endian),
/// the place (8 bytes, big-endian) and the bytes. So it holds for one purpose and one place only.
pub struct PortableKey(KeyMaterial);

impl MacKey {
    /// Returns the key of the portable form of the same ledger.
    pub fn portable_key(&self) -> PortableKey {
        PortableKey(Zeroizing::new(blake3::derive_key(labels::PORTABLE_KEY, self.0.as_slice())))
    }
}

impl PortableKey {
    /// Length of a code, in bytes.
    pub const MAC_BYTES: usize = 32;

    /// Returns the code of some bytes at a place.
    pub fn mac(&self, purpose: &str, place: u64, bytes: &[u8]) -> [u8; Self::MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(purpose.len() as u64).to_le_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update(&place.to_be_bytes());
        hasher.update(bytes);
        *hasher.finalize().as_bytes()
    }

    /// Returns the seed of the key that signs checkpoints of the log in one history of the ledger,
    /// which each history has for itself.
    pub fn checkpoint_seed(&self, incarnation: [u8; 16]) -> Zeroizing<[u8; 32]> {
        let key = Zeroizing::new(blake3::derive_key(labels::CHECKPOINT_KEY, self.0.as_slice()));
        Zeroizing::new(*blake3::keyed_hash(&key, &incarnation).as_bytes())
    }

    /// Returns whether `mac` is the code of some bytes at a place. It takes the same time for any
    /// code.
    pub fn is_mac_of(&self, mac: &[u8], purpose: &str, place: u64, bytes: &[u8]) -> bool {
        self.mac(purpose, place, bytes).as_slice().ct_eq(mac).into()
    }
}

impl fmt::Debug for PortableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortableKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use crate::keyring::Keyring;
    use crate::testing::{ledger, seeded};

    #[test]
    fn a_code_holds_for_one_purpose_and_place_under_one_ledgers_key() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        let (mac_key, wrapped) = keyring.new_mac_key(rng, ledger(1));
        let key = mac_key.portable_key();
        let mac = key.mac("event", 7, b"bytes");
        let again = keyring.open_mac_key(ledger(1), &wrapped).unwrap().portable_key();
        assert!(again.is_mac_of(&mac, "event", 7, b"bytes"), "every copy has the same key");
        let others: [(&str, u64, &[u8]); 5] = [
            ("even", 7, b"bytes"),
            ("state", 7, b"bytes"),
            ("event", 8, b"bytes"),
            ("event", 7, b"byte"),
            ("event", 7, b""),
        ];
        for (purpose, place, bytes) in others {
            assert!(!key.is_mac_of(&mac, purpose, place, bytes), "{purpose} {place} {bytes:?}");
        }
        assert!(!key.is_mac_of(&mac[..31], "event", 7, b"bytes"));
        let (other, _) = keyring.new_mac_key(rng, ledger(1));
        assert!(!other.portable_key().is_mac_of(&mac, "event", 7, b"bytes"));
        let seed = key.checkpoint_seed([1; 16]);
        assert_eq!(seed, mac_key.portable_key().checkpoint_seed([1; 16]));
        assert_ne!(seed, key.checkpoint_seed([2; 16]), "each history has its own");
        assert_ne!(mac[..16], mac_key.mac("event", &7_u64.to_be_bytes(), b"bytes"), "another key");
        assert_eq!(format!("{key:?}"), "PortableKey(..)");
    }
}
