//! The first step of opening a database: it is open, but the key of its MACs is not known yet.

use crate::batch::Batch;
use crate::data_dir::DataDir;
use crate::error::{AppendError, OpenError, ReadError, UpgradeError};
use crate::macs::Macs;
use crate::store::{Durability, Store};
use crate::tables::{self, FOUNDING, fixed, founding};
use crate::upgrade;
use ledger_vault::MacKey;

/// An open database of which only the founding values can be read. The key of the MACs is among
/// them, wrapped, and makes it a [`Store`].
#[derive(Debug)]
pub struct UnkeyedStore(Store);

impl UnkeyedStore {
    /// Creates the database of a new ledger in `dir`. What an interrupted first start left there
    /// is removed.
    pub fn create(dir: DataDir) -> Result<Self, OpenError> {
        Store::create(dir).map(Self)
    }

    /// Opens the database of an existing ledger. Nothing is created in place of a part that is
    /// missing.
    pub fn open(dir: DataDir) -> Result<Self, OpenError> {
        Store::open(dir).map(Self)
    }

    /// Returns the data directory.
    pub fn dir(&self) -> &DataDir {
        self.0.dir()
    }

    /// Returns a founding value.
    pub fn founding(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.get(&fixed(FOUNDING), name.as_bytes())
    }

    /// Stores founding values durably.
    pub fn put_founding(&self, values: &[(&str, &[u8])]) -> Result<(), AppendError> {
        let mut batch = Batch::new();
        for (name, value) in values {
            batch.put(&self.0, &fixed(FOUNDING), name.as_bytes(), value);
        }
        self.0.commit(batch, Durability::Synced)
    }

    /// Gives the store of a new ledger its key.
    pub fn found(self, key: MacKey) -> Store {
        self.0.with_macs(Macs::new(key))
    }

    /// Gives a store whose rows have MACs the key of them. Tables that are missing and can be
    /// derived are created; `note` is called before, so that a process that ends meanwhile does not
    /// leave empty tables in place of lost ones. Tables of earlier formats that were left are
    /// dropped.
    pub fn with_key(
        self,
        key: MacKey,
        note: impl FnOnce(&Store) -> Result<(), AppendError>,
    ) -> Result<Store, UpgradeError> {
        if let Some(required) = tables::REQUIRED.iter().find(|name| self.0.lacked(name)) {
            return Err(self.0.lacks_table(required).into());
        }
        let store = self.found(key);
        if store.lacked_some() {
            note(&store)?;
            store.create_absent()?;
        }
        upgrade::drop_retired(&store);
        Ok(store)
    }

    /// Gives all rows MACs, and then stores `check`, the key check that says so. Whatever follows
    /// from the log is left out and has to be rebuilt. It continues where an earlier call with the
    /// same key was interrupted, and calls `progress` with the positions done and their number.
    pub fn upgrade(
        self,
        key: MacKey,
        check: &[u8],
        progress: &dyn Fn(u64, u64),
    ) -> Result<Store, UpgradeError> {
        let store = self.found(key);
        store.create_absent()?;
        upgrade::add_macs(&store, progress)?;
        let mut batch = Batch::new();
        upgrade::delete_moved(&mut batch, &store)?;
        batch.put(&store, &fixed(FOUNDING), founding::KEY_CHECK.as_bytes(), check);
        store.commit(batch, Durability::Synced)?;
        // Whoever found the former check in a file could claim again that rows have no MACs.
        store.rewrite_table(&fixed(FOUNDING));
        upgrade::drop_retired(&store);
        Ok(store)
    }
}
