//! Authentication codes of stored rows, which show that a row is as the ledger wrote it.

use std::fmt;

use ledger_domain::LedgerId;
use rand::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::{KEY_BYTES, KeyMaterial, draw_key};

/// The key of the authentication codes (MACs) of one ledger. Wiped when dropped.
///
/// A MAC is the first 16 bytes of a keyed BLAKE3 hash of the table's name, the row's key and its
/// value. Name and key are preceded by their lengths (8 bytes, little-endian), so a MAC holds for
/// one place only.
pub struct MacKey(pub(crate) KeyMaterial);

impl MacKey {
    /// Length of a MAC, in bytes.
    pub const MAC_BYTES: usize = 16;

    /// Returns the MAC of a row.
    pub fn mac(&self, table: &str, key: &[u8], value: &[u8]) -> [u8; Self::MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in [table.as_bytes(), key] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(value);
        let hash = hasher.finalize();
        let mut mac = [0; Self::MAC_BYTES];
        mac.copy_from_slice(hash.as_slice().get(..Self::MAC_BYTES).unwrap_or_default());
        mac
    }

    /// Returns whether `mac` is the MAC of a row. It takes the same time for any MAC.
    pub fn is_mac_of(&self, mac: &[u8], table: &str, key: &[u8], value: &[u8]) -> bool {
        self.mac(table, key, value).as_slice().ct_eq(mac).into()
    }

    /// Returns a value that identifies the key and reveals nothing about it.
    pub(crate) fn commitment(&self) -> [u8; KEY_BYTES] {
        blake3::derive_key(labels::MAC_KEY_COMMITMENT, self.0.as_slice())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

impl Keyring {
    /// Generates the MAC key of a ledger, and returns it with the wrapped form to store.
    pub fn new_mac_key(&self, rng: &mut impl CryptoRng, ledger: LedgerId) -> (MacKey, Vec<u8>) {
        let key = MacKey(draw_key(rng));
        let wrapped = self.wrap_for_ledger(rng, labels::MAC_KEY, ledger, &key.0);
        (key, wrapped)
    }

    /// Opens a MAC key that was wrapped for the same ledger under any key of the ring.
    pub fn open_mac_key(&self, ledger: LedgerId, wrapped: &[u8]) -> Result<MacKey, OpenError> {
        self.unwrap_for_ledger(labels::MAC_KEY, ledger, wrapped).map(MacKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ledger, seeded};

    #[test]
    fn a_mac_holds_for_one_row_of_one_table_under_one_key() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        let (key, wrapped) = keyring.new_mac_key(rng, ledger(1));
        let mac = key.mac("log", b"ab", b"cd");
        let read = keyring.open_mac_key(ledger(1), &wrapped).unwrap();
        assert!(read.is_mac_of(&mac, "log", b"ab", b"cd"));
        for (table, name, value) in [
            ("lo", b"ab".as_slice(), b"cd".as_slice()),
            ("loga", b"b", b"cd"),
            ("log", b"a", b"bcd"),
            ("log", b"abc", b"d"),
            ("log", b"ab", b"ce"),
            ("log", b"ab", b""),
        ] {
            assert!(!key.is_mac_of(&mac, table, name, value), "{table} {name:?} {value:?}");
        }
        assert!(!key.is_mac_of(&mac[..15], "log", b"ab", b"cd"));
        assert!(!key.is_mac_of(&[], "log", b"ab", b"cd"));
        let (other, _) = keyring.new_mac_key(rng, ledger(1));
        assert!(!other.is_mac_of(&mac, "log", b"ab", b"cd"));
        assert_eq!(format!("{key:?}"), "MacKey(..)");
    }

    #[test]
    fn another_ledger_and_another_use_are_refused() {
        let rng = &mut seeded(2);
        let keyring = Keyring::generate(rng);
        let (_, wrapped) = keyring.new_mac_key(rng, ledger(1));
        assert!(matches!(keyring.open_mac_key(ledger(2), &wrapped), Err(OpenError::Corrupt)));
        let (_, fingerprints) = keyring.new_fingerprint_key(rng, ledger(1));
        assert!(matches!(keyring.open_mac_key(ledger(1), &fingerprints), Err(OpenError::Corrupt)));
    }
}
