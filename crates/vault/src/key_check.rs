//! A check that the right master key was given, before anything else is opened. It also says
//! whether the rows of the ledger have MACs, so that nobody without the master key can deny it.

use std::fmt;

use ledger_domain::LedgerId;
use rand::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::mac_key::MacKey;
use crate::master_key::KEY_BYTES;

/// The content of the checks of earlier programs, whose rows have no MACs. Not a secret.
const WITHOUT_MACS: &[u8; KEY_BYTES] = b"the right master key of a ledger";

/// What the check of a ledger says.
#[derive(Clone)]
pub struct KeyCheck([u8; KEY_BYTES]);

impl KeyCheck {
    /// Returns whether the rows of the ledger have MACs.
    pub fn has_macs(&self) -> bool {
        !bool::from(self.0.as_slice().ct_eq(WITHOUT_MACS.as_slice()))
    }

    /// Returns whether the MACs of the ledger's rows are those of this key.
    pub fn is_of(&self, key: &MacKey) -> bool {
        self.0.as_slice().ct_eq(key.commitment().as_slice()).into()
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCheck").field("has_macs", &self.has_macs()).finish()
    }
}

impl Keyring {
    /// Makes the check of a ledger all of whose rows have MACs under a key. Store the result when
    /// the ledger is created, and again when the active key changes.
    pub fn make_check(
        &self,
        rng: &mut impl CryptoRng,
        ledger: LedgerId,
        mac_key: &MacKey,
    ) -> Vec<u8> {
        self.wrap_for_ledger(rng, labels::KEY_CHECK, ledger, &mac_key.commitment())
    }

    /// Opens a check that was created for this ledger under any key of the ring.
    ///
    /// Errors: [`OpenError::UnknownKey`] if the key is missing; [`OpenError::Corrupt`] for the
    /// check of another ledger, or for a key that has the right id by accident.
    pub fn open_check(&self, ledger: LedgerId, check: &[u8]) -> Result<KeyCheck, OpenError> {
        self.unwrap_for_ledger(labels::KEY_CHECK, ledger, check).map(|opened| KeyCheck(*opened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ledger, seeded};

    #[test]
    fn the_right_keyring_passes_and_others_get_the_missing_key() {
        let rng = &mut seeded(1);
        let (right, wrong) = (Keyring::generate(rng), Keyring::generate(rng));
        let (mac_key, _) = right.new_mac_key(rng, ledger(1));
        let check = right.make_check(rng, ledger(1), &mac_key);
        right.open_check(ledger(1), &check).unwrap();
        let error = wrong.open_check(ledger(1), &check).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey { key, .. } if key == right.active_id()));
        right.rotate(rng).open_check(ledger(1), &check).unwrap();
    }

    #[test]
    fn a_check_says_under_which_key_rows_have_macs() {
        let rng = &mut seeded(4);
        let keyring = Keyring::generate(rng);
        let (key, _) = keyring.new_mac_key(rng, ledger(1));
        let (other, _) = keyring.new_mac_key(rng, ledger(1));
        let check = keyring.make_check(rng, ledger(1), &key);
        let check = keyring.open_check(ledger(1), &check).unwrap();
        assert!(check.has_macs() && check.is_of(&key) && !check.is_of(&other));
        let earlier = keyring.wrap_for_ledger(rng, labels::KEY_CHECK, ledger(1), WITHOUT_MACS);
        let earlier = keyring.open_check(ledger(1), &earlier).unwrap();
        assert!(!earlier.has_macs() && !earlier.is_of(&key));
    }

    #[test]
    fn a_check_of_another_ledger_or_use_is_refused() {
        let rng = &mut seeded(2);
        let keyring = Keyring::generate(rng);
        let (mac_key, _) = keyring.new_mac_key(rng, ledger(1));
        let check = keyring.make_check(rng, ledger(1), &mac_key);
        assert!(matches!(keyring.open_check(ledger(2), &check), Err(OpenError::Corrupt)));
        let (_, wrapped) = keyring.new_fingerprint_key(rng, ledger(1));
        assert!(matches!(keyring.open_check(ledger(1), &wrapped), Err(OpenError::Corrupt)));
        assert!(matches!(keyring.open_fingerprint_key(ledger(1), &check), Err(OpenError::Corrupt)));
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let rng = &mut seeded(3);
        let keyring = Keyring::generate(rng);
        let (mac_key, _) = keyring.new_mac_key(rng, ledger(1));
        let check = keyring.make_check(rng, ledger(1), &mac_key);
        for place in 0..check.len() {
            for bit in 0..8 {
                let mut changed = check.clone();
                changed[place] ^= 1 << bit;
                assert!(keyring.open_check(ledger(1), &changed).is_err(), "{bit} of {place}");
            }
            assert!(keyring.open_check(ledger(1), &check[..place]).is_err());
        }
        let longer = [check.as_slice(), &[0]].concat();
        assert!(keyring.open_check(ledger(1), &longer).is_err());
    }
}
