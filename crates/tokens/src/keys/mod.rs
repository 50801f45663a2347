//! The issuer's public keys: parsing, fetching and caching.

mod fetch;
mod held;
mod keeper;
mod key;
mod set;

pub(crate) use fetch::{FetchError, Place, Source, address, client, get};
pub(crate) use held::Held;
pub(crate) use keeper::keep;
pub(crate) use set::{KeyLookup, KeySet};

#[cfg(test)]
pub(crate) use set::KEYS_MAX;
