//! What goes through the browser of a person who connects a connection, and comes back with it.
//!
//! The state of an attempt is sealed with a key of the ledger, so that nobody can make or read one,
//! and a restart forgets none. The verifier that goes with it (RFC 7636) follows from the same key
//! and the id of the attempt, and is nowhere else.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_domain::Sealed;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::fingerprint::FingerprintKey;
use crate::master_key::KeyMaterial;
use crate::plaintext::Plaintext;
use crate::stack::leaving_nothing;
use crate::token_key::TokenKey;

/// What a state is, towards the cipher.
const STATE: &str = "state of an attempt to connect";

/// The key of one ledger's attempts to connect. Wiped when dropped.
pub struct ConnectKey {
    states: TokenKey,
    verifiers: KeyMaterial,
}

impl FingerprintKey {
    /// Returns the key of the same ledger's attempts to connect.
    pub fn connect_key(&self) -> ConnectKey {
        leaving_nothing(|| {
            let (states, verifiers) = self.connect_keys();
            let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(states.as_slice()));
            ConnectKey { states: TokenKey::of(&text), verifiers }
        })
    }
}

impl ConnectKey {
    /// Seals what is to come back, as text of letters, digits, `.`, `-` and `_`.
    pub fn seal(&self, rng: &mut impl CryptoRng, what: &[u8]) -> String {
        self.states.seal(rng, STATE, &Plaintext::new(what)).as_str().to_owned()
    }

    /// Opens what came back.
    ///
    /// # Errors
    /// It was not sealed with this key, or not as a whole.
    pub fn open(&self, state: &str) -> Result<Vec<u8>, OpenError> {
        let opened = self.states.open(STATE, &Sealed::from_text(state.to_owned()))?;
        Ok(opened.bytes().to_vec())
    }

    /// Returns the verifier of an attempt, 43 characters long.
    pub fn verifier(&self, attempt: &str) -> Zeroizing<String> {
        leaving_nothing(|| {
            let verifier = blake3::keyed_hash(&self.verifiers, attempt.as_bytes());
            Zeroizing::new(URL_SAFE_NO_PAD.encode(verifier.as_bytes()))
        })
    }
}

impl fmt::Debug for ConnectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::Keyring;
    use crate::testing::{ledger, seeded};

    fn key(seed: u64) -> ConnectKey {
        let rng = &mut seeded(seed);
        Keyring::generate(rng).new_fingerprint_key(rng, ledger(1)).0.connect_key()
    }

    #[test]
    fn a_state_opens_with_the_key_of_its_ledger_and_unchanged_only() {
        let state = key(1).seal(&mut seeded(7), b"who and what");
        assert!(state.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)));
        assert_eq!(key(1).open(&state).unwrap(), b"who and what");
        assert!(matches!(key(2).open(&state), Err(OpenError::Corrupt)));
        for at in 0..state.len() {
            assert!(key(1).open(&state[..at]).is_err(), "cut at {at}");
        }
        assert_ne!(key(1).seal(&mut seeded(8), b"who and what"), state);
        assert_eq!(format!("{:?}", key(1)), "ConnectKey(..)");
    }

    #[test]
    fn a_verifier_follows_from_ledger_and_attempt() {
        let verifier = |seed, attempt| key(seed).verifier(attempt).to_string();
        assert_eq!(verifier(1, "a"), verifier(1, "a"));
        assert_ne!(verifier(1, "a"), verifier(1, "b"));
        assert_ne!(verifier(1, "a"), verifier(2, "a"));
        assert_eq!(verifier(1, "a").len(), 43);
    }
}
