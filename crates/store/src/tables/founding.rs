//! What a ledger was made with, by name. These values are read before the key of the MACs is known,
//! and each is authenticated by the master key: the vault binds all of them to the ledger's id.
//!
//! | Name | Value |
//! |---|---|
//! | `ledger_id` | id of this ledger (16) |
//! | `key_check` | the vault's proof that a master key is the right one, and that rows have MACs |
//! | `fingerprint_key` | the vault's wrapped fingerprint key |
//! | `mac_key` | the vault's wrapped key of the MACs |

use super::{FOUNDING, fixed};
use crate::batch::Batch;
use crate::error::ReadError;
use crate::store::Store;

/// Id of this ledger.
pub const LEDGER_ID: &str = "ledger_id";
/// Proof that a master key is the right one, and that rows have MACs.
pub const KEY_CHECK: &str = "key_check";
/// Wrapped fingerprint key.
pub const FINGERPRINT_KEY: &str = "fingerprint_key";
/// Wrapped key of the MACs.
pub const MAC_KEY: &str = "mac_key";

/// All of them.
pub(crate) const NAMES: [&str; 4] = [LEDGER_ID, KEY_CHECK, FINGERPRINT_KEY, MAC_KEY];

/// Replaces one of them.
pub fn put(batch: &mut Batch, store: &Store, name: &str, value: &[u8]) {
    batch.put(store, &fixed(FOUNDING), name.as_bytes(), value);
}

/// Returns one of them.
pub fn get(store: &Store, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
    store.get(&fixed(FOUNDING), name.as_bytes())
}
