//! How many data keys are wrapped under each master key.

use std::collections::BTreeMap;

use ledger_domain::{ConnectionId, MasterKeyId};
use ledger_store::tables::{keys, meta};
use ledger_store::{Batch, Durability, ReadError, Store};
use ledger_vault::master_key_of;

use crate::derived;
use crate::errors::Fault;

/// Counts data keys. One that was altered, or has no known form, is under no key.
pub(crate) fn count(
    rows: impl Iterator<Item = keys::KeyRow>,
) -> Result<BTreeMap<MasterKeyId, u64>, Fault> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let wrapped = match row {
            Err(ReadError::Altered { .. } | ReadError::Corrupt { .. }) => continue,
            row => row?.1,
        };
        if let Ok(key) = master_key_of(&wrapped) {
            *counts.entry(key).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Counts the data keys of a ledger that nobody else uses, and stores how many there are.
pub(crate) fn rebuild(store: &Store) -> Result<(), Fault> {
    let counts = count(keys::scan_all(store, ConnectionId::from_bytes([0; 16])))?;
    let mut batch = Batch::new();
    for key in meta::data_keys(store)?.into_keys() {
        meta::put_data_keys(&mut batch, store, key, 0);
    }
    for (key, count) in counts {
        meta::put_data_keys(&mut batch, store, key, count);
    }
    derived::put_data_keys(&mut batch, store);
    store.commit(batch, Durability::Synced).map_err(Fault::from)
}

/// Returns how many data keys are under each master key, also in a directory whose number is not
/// stored yet.
pub(crate) fn current(store: &Store) -> Result<BTreeMap<MasterKeyId, u64>, Fault> {
    if derived::has_data_keys(store)? {
        return Ok(meta::data_keys(store)?);
    }
    count(keys::scan_all(store, ConnectionId::from_bytes([0; 16])))
}

/// Returns the first difference between what was stored and what was counted.
pub(crate) fn difference(
    stored: &BTreeMap<MasterKeyId, u64>,
    counted: &BTreeMap<MasterKeyId, u64>,
) -> Option<String> {
    let number = |counts: &BTreeMap<_, _>, key| counts.get(key).copied().unwrap_or_default();
    let mut keys = stored.keys().chain(counted.keys());
    let key = keys.find(|key| number(stored, key) != number(counted, key))?;
    Some(format!(
        "data keys: {} are said to be wrapped under master key {key}, but {} are",
        number(stored, key),
        number(counted, key)
    ))
}
