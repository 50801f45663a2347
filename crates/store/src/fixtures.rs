//! Stores of tests.

use std::path::Path;

use ledger_domain::LedgerId;
use ledger_vault::{Keyring, MacKey};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::data_dir::DataDir;
use crate::store::Store;
use crate::unkeyed::UnkeyedStore;

/// Returns the key of a number, the same in every run.
pub(crate) fn mac_key(seed: u64) -> MacKey {
    let rng = &mut StdRng::seed_from_u64(seed);
    Keyring::generate(rng).new_mac_key(rng, LedgerId::from_bytes([1; 16])).0
}

/// Creates the store of a new ledger.
pub(crate) fn created(folder: &Path) -> Store {
    let store = UnkeyedStore::create(DataDir::create(folder).unwrap()).unwrap();
    store.dir().mark_made().unwrap();
    store.found(mac_key(1))
}

/// Opens the database of a ledger that [`created`] created.
pub(crate) fn unkeyed(folder: &Path) -> UnkeyedStore {
    UnkeyedStore::open(DataDir::open(folder).unwrap()).unwrap()
}
