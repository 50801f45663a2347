//! When API keys were last used. This is neither part of the log nor a read model, and losing it
//! does no harm.
//!
//! ```text
//! key id   ->   time i64 BE
//! ```

use ledger_domain::Micros;
use ledger_domain::principal::ApiKeyId;

use super::{USES, fixed};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::{Row, Store};

/// Stores when a key was last used.
pub fn put(batch: &mut Batch, store: &Store, key: &ApiKeyId, at: Micros) {
    batch.put(store, &fixed(USES), key.as_str().as_bytes(), &at.get().to_be_bytes());
}

/// Removes a key.
pub fn delete(batch: &mut Batch, store: &Store, key: &ApiKeyId) {
    batch.delete(store, &fixed(USES), key.as_str().as_bytes());
}

/// Iterates over all keys that were used, with the time of their last use.
pub fn all(store: &Store) -> impl Iterator<Item = Result<(ApiKeyId, Micros), ReadError>> {
    store.scan(&fixed(USES), &[]).map(|row| {
        let row = row?;
        decode(&row).ok_or_else(|| corrupt(&fixed(USES), "a key's last use"))
    })
}

fn decode((key, value): &Row) -> Option<(ApiKeyId, Micros)> {
    let key = ApiKeyId::parse("key", std::str::from_utf8(key).ok()?).ok()?;
    let at = <[u8; 8]>::try_from(value.as_ref()).ok()?;
    Some((key, Micros::new(i64::from_be_bytes(at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_key_and_a_time_and_other_bytes_are_refused() {
        let row = |key: &str, value: &[u8]| -> Row { (key.as_bytes().into(), value.into()) };
        let (key, at) = decode(&row("k3x9a2bq71ce", &7_i64.to_be_bytes())).unwrap();
        assert_eq!((key.as_str(), at), ("k3x9a2bq71ce", Micros::new(7)));
        assert_eq!(decode(&row("k3x9a2bq71ce", &[0; 7])), None);
        assert_eq!(decode(&row("short", &[0; 8])), None);
    }
}
