//! API keys: `sk_<environment>_<id>_<secret>`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_domain::connection::Environment;
use ledger_domain::limits;
use ledger_domain::principal::{ApiKeyId, KeyDigest};
use rand::{CryptoRng, Rng as _};
use zeroize::Zeroizing;

const SECRET_BYTES: usize = 32;
const DIGEST_CONTEXT: &str = "connection-ledger api key v1";
/// Names the digest algorithm.
const DIGEST_TAG: &str = "b3.";
const ID_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A newly generated key.
pub(crate) struct NewKey {
    pub(crate) id: ApiKeyId,
    pub(crate) digest: KeyDigest,
    /// The whole key, which is returned once and never stored.
    pub(crate) text: Zeroizing<String>,
}

/// Generates a key.
pub(crate) fn new_key(environment: Environment, rng: &mut impl CryptoRng) -> NewKey {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    rng.fill_bytes(secret.as_mut());
    let id: String = (0..limits::API_KEY_ID_CHARS)
        .filter_map(|_| ID_ALPHABET.get(rng.random_range(0..ID_ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect();
    let id = ApiKeyId::parse("id", &id).expect("drawn from its alphabet");
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
    let text = Zeroizing::new(format!("sk_{environment}_{id}_{}", secret.as_str()));
    NewKey { id, digest: digest(&text), text }
}

/// Returns the stored form of a key. A key has 256 random bits, so a plain fast digest is safe
/// against guessing.
pub(crate) fn digest(key: &str) -> KeyDigest {
    let digest = blake3::derive_key(DIGEST_CONTEXT, key.as_bytes());
    KeyDigest::new(format!("{DIGEST_TAG}{}", URL_SAFE_NO_PAD.encode(digest)))
}

/// Returns whether a credential has the form of an API key, valid or not.
pub(crate) fn has_key_prefix(credential: &str) -> bool {
    credential.starts_with("sk_")
}

/// Returns the public part of a key.
pub(crate) fn id_of(key: &str) -> Option<ApiKeyId> {
    let mut parts = key.splitn(4, '_');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("sk"), Some(_), Some(id), Some(_)) => ApiKeyId::parse("key", id).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_environment_and_id_and_no_two_are_alike() {
        let key = new_key(Environment::Test, &mut rand::rng());
        assert!(key.text.starts_with(&format!("sk_test_{}_", key.id)), "{}", key.id);
        assert_eq!(id_of(&key.text), Some(key.id));
        assert_eq!(digest(&key.text), key.digest);
        assert_ne!(new_key(Environment::Test, &mut rand::rng()).text, key.text);
    }

    #[test]
    fn other_text_has_no_key_id() {
        for text in ["", "sk", "sk_test_", "sk_test_short_x", "xx_test_k3x9a2bq71ce_x"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }
}
