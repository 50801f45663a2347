//! What a ledger is made with: its id, and keys that are wrapped under the master key.

use std::path::Path;

use ledger_domain::LedgerId;
use ledger_store::tables::{meta, model};
use ledger_store::{Batch, DataDir, Durability, Store};
use ledger_vault::{FingerprintKey, Keyring};

use crate::derived;
use crate::errors::{Fault, OpenError};
use crate::models::MODELS;
use crate::ports::Ports;

/// Generation of the read models in a new ledger.
const FIRST_GENERATION: u32 = 1;

/// The id of a ledger and the key that only its master key opens.
pub(crate) struct Founding {
    pub(crate) ledger_id: LedgerId,
    pub(crate) fingerprint_key: FingerprintKey,
}

impl Founding {
    /// Reads both, and checks that the master key is the ledger's.
    pub(crate) fn read(store: &Store, keyring: &Keyring) -> Result<Self, OpenError> {
        let value = |name: &str| {
            let bytes = meta::get(store, name).map_err(Fault::from)?;
            bytes.ok_or_else(|| OpenError::Incomplete(name.to_owned()))
        };
        let id = <[u8; 16]>::try_from(value(meta::LEDGER_ID)?)
            .map_err(|_| Fault::Damaged("the ledger's id is damaged".to_owned()))?;
        let ledger_id = LedgerId::from_bytes(id);
        let check = value(meta::KEY_CHECK)?;
        keyring.verify_check(ledger_id, &check).map_err(OpenError::MasterKey)?;
        let fingerprint_key = keyring
            .open_fingerprint_key(ledger_id, &value(meta::FINGERPRINT_KEY)?)
            .map_err(Fault::from)?;
        Ok(Self { ledger_id, fingerprint_key })
    }
}

/// Creates a new ledger. The format file is written only after everything it needs is durable.
pub(crate) fn make(data_dir: &Path, keyring: &Keyring, ports: &Ports) -> Result<Store, OpenError> {
    let store = Store::create(DataDir::create(data_dir)?)?;
    let id = ports.ledger_id();
    let mut batch = Batch::new();
    meta::put(&mut batch, &store, meta::LEDGER_ID, &id.to_bytes());
    let check = keyring.make_check(&mut ports.rng(), id);
    meta::put(&mut batch, &store, meta::KEY_CHECK, &check);
    let (_, wrapped) = keyring.new_fingerprint_key(&mut ports.rng(), id);
    meta::put(&mut batch, &store, meta::FINGERPRINT_KEY, &wrapped);
    for name in MODELS {
        let table = model(name, FIRST_GENERATION);
        if !store.has_table(&table) {
            store.create_table(&table).map_err(Fault::from)?;
        }
        meta::put_generation(&mut batch, &store, name, FIRST_GENERATION);
    }
    derived::put_versions(&mut batch, &store, [true; 3]);
    derived::put_indexes(&mut batch, &store, true);
    store.commit(batch, Durability::Synced).map_err(Fault::from)?;
    store.dir().mark_made()?;
    Ok(store)
}
