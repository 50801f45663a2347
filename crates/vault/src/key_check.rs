//! A check that the right master key was given, before anything else is opened.

use ledger_domain::LedgerId;
use rand::CryptoRng;
use subtle::ConstantTimeEq;

use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::KEY_BYTES;

/// The content of every check. Not a secret.
const CONSTANT: &[u8; KEY_BYTES] = b"the right master key of a ledger";

impl Keyring {
    /// Seals a constant for one ledger under the active key. Store the result when the ledger is
    /// created, and again when the active key changes.
    pub fn make_check(&self, rng: &mut impl CryptoRng, ledger: LedgerId) -> Vec<u8> {
        self.wrap_for_ledger(rng, labels::KEY_CHECK, ledger, CONSTANT)
    }

    /// Verifies a check that was created for this ledger under any key of the ring.
    ///
    /// Errors: [`OpenError::UnknownKey`] if the key is missing; [`OpenError::Corrupt`] for the
    /// check of another ledger, or for a key that has the right id by accident.
    pub fn verify_check(&self, ledger: LedgerId, check: &[u8]) -> Result<(), OpenError> {
        let opened = self.unwrap_for_ledger(labels::KEY_CHECK, ledger, check)?;
        if bool::from(opened.as_slice().ct_eq(CONSTANT.as_slice())) {
            return Ok(());
        }
        Err(OpenError::Corrupt)
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
        let check = right.make_check(rng, ledger(1));
        right.verify_check(ledger(1), &check).unwrap();
        let error = wrong.verify_check(ledger(1), &check).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey { key } if key == right.active_id()));
        right.rotate(rng).verify_check(ledger(1), &check).unwrap();
    }

    #[test]
    fn a_check_of_another_ledger_or_use_is_refused() {
        let rng = &mut seeded(2);
        let keyring = Keyring::generate(rng);
        let check = keyring.make_check(rng, ledger(1));
        assert!(matches!(keyring.verify_check(ledger(2), &check), Err(OpenError::Corrupt)));
        let (_, wrapped) = keyring.new_fingerprint_key(rng, ledger(1));
        assert!(matches!(keyring.verify_check(ledger(1), &wrapped), Err(OpenError::Corrupt)));
        assert!(matches!(keyring.open_fingerprint_key(ledger(1), &check), Err(OpenError::Corrupt)));
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let rng = &mut seeded(3);
        let keyring = Keyring::generate(rng);
        let check = keyring.make_check(rng, ledger(1));
        for place in 0..check.len() {
            for bit in 0..8 {
                let mut changed = check.clone();
                changed[place] ^= 1 << bit;
                assert!(keyring.verify_check(ledger(1), &changed).is_err(), "{bit} of {place}");
            }
            assert!(keyring.verify_check(ledger(1), &check[..place]).is_err());
        }
        let longer = [check.as_slice(), &[0]].concat();
        assert!(keyring.verify_check(ledger(1), &longer).is_err());
    }
}
