//! Signing secrets of alerts, and signatures of messages as the Standard Webhooks convention has
//! them.
//!
//! A secret is stored nowhere: it follows from the ledger's fingerprint key and a random salt that
//! is in the log. Whoever has the log alone cannot compute it, and a rotation draws another salt.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::{Line, SignatureScheme};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::fingerprint::FingerprintKey;
use crate::stack::leaving_nothing;

/// Before the text of a shared secret.
const SECRET: &str = "whsec_";
/// Before the text of a public key.
const PUBLIC_KEY: &str = "whpk_";

/// What messages of an alert are signed with. Wiped when dropped.
pub struct SigningSecret(Box<Zeroizing<[u8; 32]>>);

impl FingerprintKey {
    /// Returns the signing secret with a salt.
    pub fn signing_secret(&self, salt: &Line) -> SigningSecret {
        leaving_nothing(|| {
            let key = self.signing_key();
            let secret = blake3::keyed_hash(&key, salt.as_str().as_bytes());
            SigningSecret(Box::new(Zeroizing::new(*secret.as_bytes())))
        })
    }
}

impl SigningSecret {
    /// Returns the secret as receivers get it, to check signatures by HMAC.
    pub fn shared_text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.as_slice()));
        Zeroizing::new([SECRET, encoded.as_str()].concat())
    }

    /// Returns the public key as receivers get it, to check signatures by Ed25519.
    pub fn public_text(&self) -> String {
        format!("{PUBLIC_KEY}{}", STANDARD.encode(self.key_pair().public_key()))
    }

    /// Signs a message, and returns the signature with the mark of its scheme.
    pub fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> String {
        leaving_nothing(|| match scheme {
            SignatureScheme::Hmac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
                format!("v1,{}", STANDARD.encode(hmac::sign(&key, message)))
            }
            SignatureScheme::Ed25519 => {
                format!("v1a,{}", STANDARD.encode(self.key_pair().sign(message)))
            }
        })
    }

    fn key_pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(self.0.as_slice()).expect("every 32 bytes are a seed")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::CheckedText as _;
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::keyring::Keyring;
    use crate::testing::{ledger, seeded};

    fn secret(seed: u64, salt: &str) -> SigningSecret {
        let rng = &mut seeded(seed);
        let (key, _) = Keyring::generate(rng).new_fingerprint_key(rng, ledger(1));
        key.signing_secret(&Line::stored(salt.into()))
    }

    #[test]
    fn a_signing_secret_follows_from_ledger_and_salt() {
        let text = |seed, salt| secret(seed, salt).shared_text().to_string();
        assert_eq!(text(1, "a"), text(1, "a"));
        assert_ne!(text(1, "a"), text(1, "b"));
        assert_ne!(text(1, "a"), text(2, "a"));
        let shared = text(1, "a");
        assert_eq!(STANDARD.decode(shared.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert_eq!(format!("{:?}", secret(1, "a")), "SigningSecret(..)");
    }

    #[test]
    fn a_receiver_checks_a_signature_with_what_it_was_given() {
        let (secret, message) = (secret(3, "a"), b"id.1.body".as_slice());
        let decoded = |text: &str, before| STANDARD.decode(text.strip_prefix(before).unwrap());
        let shared = decoded(&secret.shared_text(), "whsec_").unwrap();
        let signature = decoded(&secret.sign(SignatureScheme::Hmac, message), "v1,").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &shared);
        assert!(hmac::verify(&key, message, &signature).is_ok());
        assert!(hmac::verify(&key, b"id.1.other", &signature).is_err());
        let public = decoded(&secret.public_text(), "whpk_").unwrap();
        let signature = decoded(&secret.sign(SignatureScheme::Ed25519, message), "v1a,").unwrap();
        let key = UnparsedPublicKey::new(&ED25519, public);
        assert!(key.verify(message, &signature).is_ok());
        assert!(key.verify(b"id.1.other", &signature).is_err());
    }
}
