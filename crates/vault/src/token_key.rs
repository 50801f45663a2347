//! Keys that follow from tokens: what is sealed under them opens for the bearer alone, because the
//! ledger keeps no token.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ledger_domain::Sealed;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::error::OpenError;
use crate::labels;
use crate::master_key::{NONCE_BYTES, TAG_BYTES};
use crate::plaintext::Plaintext;
use crate::stack::leaving_nothing;

/// Begins the stored text, which goes on with nonce (24 bytes), ciphertext and tag (16 bytes) as
/// base64 for URLs.
const FORM: &str = "t1.";

/// The key that follows from a token. Wiped when dropped.
pub struct TokenKey {
    /// On the heap, so that moving the key leaves no copy behind.
    cipher: Box<XChaCha20Poly1305>,
}

impl TokenKey {
    /// Returns the key of a token, of which as many bits must be random as a key has, 256.
    pub fn of(token: &str) -> Self {
        leaving_nothing(|| {
            let key = Zeroizing::new(blake3::derive_key(labels::TOKEN_KEY, token.as_bytes()));
            Self { cipher: Box::new(XChaCha20Poly1305::new((&*key).into())) }
        })
    }

    /// Seals a value for the bearer of the token. `what` says what the value is, and has to be the
    /// same when it is opened.
    #[must_use]
    pub fn seal(&self, rng: &mut impl CryptoRng, what: &str, value: &Plaintext) -> Sealed {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut text = Zeroizing::new(value.bytes().to_vec());
        let what = AssociatedData::of_token(what);
        let tag = leaving_nothing(|| {
            let buffer = text.as_mut_slice().into();
            self.cipher.encrypt_inout_detached((&nonce).into(), what.as_bytes(), buffer)
        })
        .expect("a value in memory is shorter than the cipher's limit of 256 GiB");
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&text);
        bytes.extend_from_slice(&tag);
        Sealed::from_text(format!("{FORM}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed under the same key.
    pub fn open(&self, what: &str, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        let body = sealed.as_str().strip_prefix(FORM).ok_or(OpenError::UnknownFormat)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| OpenError::Malformed)?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Malformed)?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Malformed)?;
        // On failure it still contains ciphertext, because the cipher checks the tag first.
        let mut text = text.to_vec();
        let (nonce, what): (&XNonce, _) = (nonce.into(), AssociatedData::of_token(what));
        leaving_nothing(|| {
            let buffer = text.as_mut_slice().into();
            self.cipher.decrypt_inout_detached(nonce, what.as_bytes(), buffer, tag.into())
        })
        .map_err(|_| OpenError::Corrupt)?;
        Ok(Plaintext::new(text))
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;

    #[test]
    fn what_is_sealed_for_a_token_opens_with_it_alone_and_unchanged() {
        let rng = &mut seeded(1);
        let (value, key) = (Plaintext::new("sk_live_canary"), TokenKey::of("once_a_secret"));
        let sealed = key.seal(rng, "k1", &value);
        assert!(!sealed.as_str().contains("canary"), "{}", sealed.as_str());
        let again = TokenKey::of("once_a_secret");
        assert!(again.open("k1", &sealed).unwrap().same_as(&value));
        assert!(matches!(again.open("k2", &sealed), Err(OpenError::Corrupt)));
        for other in ["", "once_a_secre", "once_b_secret"] {
            let opened = TokenKey::of(other).open("k1", &sealed);
            assert!(matches!(opened, Err(OpenError::Corrupt)), "{other}");
        }
        assert_ne!(key.seal(rng, "k1", &value), sealed, "each has a nonce of its own");
        for at in 0..sealed.as_str().len() {
            let cut = Sealed::from_text(&sealed.as_str()[..at]);
            assert!(key.open("k1", &cut).is_err(), "cut at {at}");
        }
        assert_eq!(format!("{key:?}"), "TokenKey(..)");
    }
}
