//! A published set of keys (JWKS).

use serde::Deserialize;
use serde_json::Value;

use super::fetch::FetchError;
use super::key::Key;
use crate::algorithm::Algorithm;

/// Maximum number of keys in a set.
pub(crate) const KEYS_MAX: usize = 64;

#[derive(Debug, Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// The keys of an issuer at some time.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    digest: [u8; 32],
}

/// The result of looking up a token's key.
#[derive(Debug)]
pub(crate) enum KeyLookup<'a> {
    /// The key that must have signed the token.
    Key(&'a Key),
    /// The set has no key with this id; a newer set may have it.
    Unknown,
    /// No key of the set can have signed the token, and the token names none.
    Unfit,
}

impl KeySet {
    /// Parses a set and leaves out keys for other purposes. A set without a usable key is valid,
    /// and every token is then rejected: an issuer that has withdrawn its keys is not unreachable.
    pub(crate) fn read(text: &[u8]) -> Result<Self, FetchError> {
        let published: Published =
            serde_json::from_slice(text).map_err(|_| FetchError::Malformed("a set of keys"))?;
        if published.keys.len() > KEYS_MAX {
            return Err(FetchError::TooManyKeys(published.keys.len()));
        }
        if !published.keys.is_empty() && !published.keys.iter().any(Value::is_object) {
            return Err(FetchError::Malformed("a set of keys"));
        }
        let keys = published.keys.into_iter().filter_map(Key::read).collect();
        Ok(Self { keys, digest: *blake3::hash(text).as_bytes() })
    }

    /// Returns a digest of the text of the set.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Finds the key for a token. A token without a key id matches only a single candidate.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> KeyLookup<'_> {
        let Some(id) = id else {
            return match self.keys.as_slice() {
                [only] if only.fits(algorithm) => KeyLookup::Key(only),
                _ => KeyLookup::Unfit,
            };
        };
        let named = || self.keys.iter().filter(|key| key.id() == Some(id));
        match named().find(|key| key.fits(algorithm)) {
            Some(key) => KeyLookup::Key(key),
            None if named().next().is_some() => KeyLookup::Unfit,
            None => KeyLookup::Unknown,
        }
    }
}
