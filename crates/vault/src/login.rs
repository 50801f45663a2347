//! Logins of a ledger to its other parts: text of any length, sealed for the ledger.

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::AeadInOut;
use ledger_domain::LedgerId;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::{NONCE_BYTES, TAG_BYTES, derive_cipher, draw_key};
use crate::wrapped::WrappedLedgerSecret;

impl Keyring {
    /// Seals a login for a ledger, under a key of its own that is wrapped under the active master
    /// key.
    ///
    /// Bytes: the wrapped key, nonce (24), ciphertext, tag (16).
    pub fn seal_login(&self, rng: &mut impl CryptoRng, ledger: LedgerId, login: &[u8]) -> Vec<u8> {
        let key = draw_key(rng);
        let mut sealed = self.wrap_for_ledger(rng, labels::WRAPPED_LOGIN_KEY, ledger, &key);
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut text = Zeroizing::new(login.to_vec());
        let place = AssociatedData::of_login(ledger);
        let tag = derive_cipher(labels::LOGIN_CIPHER, &key)
            .encrypt_inout_detached((&nonce).into(), place.as_bytes(), text.as_mut_slice().into())
            .expect("a login in memory is shorter than the cipher's limit of 256 GiB");
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens a login that was sealed for the same ledger under any key of the ring.
    pub fn open_login(
        &self,
        ledger: LedgerId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (wrapped, rest) =
            sealed.split_at_checked(WrappedLedgerSecret::BYTES).ok_or(OpenError::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Malformed)?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Malformed)?;
        let key = self.unwrap_for_ledger(labels::WRAPPED_LOGIN_KEY, ledger, wrapped)?;
        let mut text = Zeroizing::new(text.to_vec());
        let (nonce, place): (&XNonce, _) = (nonce.into(), AssociatedData::of_login(ledger));
        derive_cipher(labels::LOGIN_CIPHER, &key)
            .decrypt_inout_detached(nonce, place.as_bytes(), text.as_mut_slice().into(), tag.into())
            .map_err(|_| OpenError::Corrupt)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ledger, seeded};

    #[test]
    fn a_login_opens_for_its_ledger_only_and_unchanged() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        for login in [&b""[..], b"user and password"] {
            let sealed = keyring.seal_login(rng, ledger(1), login);
            assert!(login.is_empty() || !sealed.windows(login.len()).any(|part| part == login));
            assert_eq!(keyring.open_login(ledger(1), &sealed).unwrap().as_slice(), login);
            assert!(matches!(keyring.open_login(ledger(2), &sealed), Err(OpenError::Corrupt)));
            let other = Keyring::generate(rng);
            let unknown = other.open_login(ledger(1), &sealed);
            assert!(matches!(unknown, Err(OpenError::UnknownKey { .. })));
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(keyring.open_login(ledger(1), &changed).is_err(), "byte {at}");
                assert!(keyring.open_login(ledger(1), &sealed[..at]).is_err(), "cut at {at}");
            }
        }
    }
}
