//! A published set of keys.

use serde::Deserialize;
use serde_json::Value;

use super::fetch::FetchError;
use super::key::Key;
use crate::algorithm::Algorithm;

/// Most keys in a set.
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

/// What a set has for a token.
#[derive(Debug)]
pub(crate) enum KeyLookup<'a> {
    /// The key that must have signed it.
    Key(&'a Key),
    /// No key of that name; a newer set may have it.
    Unknown,
    /// No key that can have signed it, and no name to ask for.
    Unfit,
}

impl KeySet {
    /// Reads a set. Keys that are for something else are left out; a set of no others is a set
    /// all the same, by which no token is good: an issuer that has withdrawn its keys is not away.
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

    /// Tells sets apart: those of the same text have the same digest.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Returns how many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Finds the key for a token. One that names none can only be of an only key.
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
