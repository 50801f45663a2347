//! Tokens of handovers: `once_<id>_<secret>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_contract::handover::TOKEN_PREFIX;
use ledger_domain::principal::KeyDigest;
use ledger_domain::{HandoverId, limits};
use rand::{CryptoRng, Rng as _};
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;
const DIGEST_CONTEXT: &str = "connection-ledger handover token v1";
/// Names the digest algorithm.
const DIGEST_TAG: &str = "b3.";
const ID_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A newly generated token.
pub(crate) struct NewToken {
    pub(crate) id: HandoverId,
    pub(crate) digest: KeyDigest,
    /// The whole token, which is returned once and never stored.
    pub(crate) text: Zeroizing<String>,
}

/// Generates a token.
pub(crate) fn new_token(rng: &mut impl CryptoRng) -> NewToken {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    rng.fill_bytes(secret.as_mut());
    let id: String = (0..limits::HANDOVER_ID_CHARS)
        .filter_map(|_| ID_ALPHABET.get(rng.random_range(0..ID_ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect();
    let id = HandoverId::parse("id", &id).expect("drawn from its alphabet");
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
    let text = Zeroizing::new(format!("{TOKEN_PREFIX}{}_{}", id.as_str(), secret.as_str()));
    NewToken { id, digest: digest(&text), text }
}

/// Returns the stored form of a token. It has 256 random bits, so a plain fast digest is safe
/// against guessing.
pub(crate) fn digest(token: &str) -> KeyDigest {
    let digest = blake3::derive_key(DIGEST_CONTEXT, token.as_bytes());
    KeyDigest::new(format!("{DIGEST_TAG}{}", URL_SAFE_NO_PAD.encode(digest)))
}

#[cfg(test)]
mod tests {
    use ledger_contract::handover::id_of;

    use super::*;

    #[test]
    fn a_token_names_its_id_and_no_two_are_alike() {
        let token = new_token(&mut rand::rng());
        assert_eq!(id_of(&token.text).as_ref(), Some(&token.id));
        assert_eq!(digest(&token.text), token.digest);
        assert_ne!(new_token(&mut rand::rng()).text, token.text);
    }
}
