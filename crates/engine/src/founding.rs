//! What a ledger is made with: its id, and keys that are wrapped under the master key. With them, a
//! data directory is opened in two steps: first the master key is checked and the key of the MACs
//! opened, then rows can be read.

use std::path::Path;

use ledger_contract::operations::Progress;
use ledger_domain::{LedgerId, MasterKeyId};
use ledger_store::tables::founding::{FINGERPRINT_KEY, KEY_CHECK, LEDGER_ID, MAC_KEY};
use ledger_store::tables::{meta, model};
use ledger_store::{Batch, DataDir, Durability, Store, UnkeyedStore};
use ledger_vault::{
    FingerprintKey, KeyCheck, Keyring, MacKey, OpenError as UnsealError, master_key_of,
};

use crate::curve_keys;
use crate::derived;
use crate::errors::{Fault, OpenError};
use crate::models::MODELS;
use crate::ports::Ports;
use crate::replay::log_tenths;

/// Generation of the read models in a new ledger.
const FIRST_GENERATION: u32 = 1;

/// The id of a ledger and the key that only its master key opens.
pub(crate) struct Founding {
    pub(crate) ledger_id: LedgerId,
    pub(crate) fingerprint_key: FingerprintKey,
    /// The master key under which the ledger wraps: the one that wraps its key check.
    pub(crate) active: MasterKeyId,
}

/// A data directory between the two steps: the master key is the right one.
pub(crate) struct Opening<'a> {
    store: UnkeyedStore,
    keyring: &'a Keyring,
    founding: Founding,
    check: KeyCheck,
}

impl<'a> Opening<'a> {
    /// Opens the database of an existing ledger, and checks that the master key is the ledger's.
    pub(crate) fn begin(data_dir: &Path, keyring: &'a Keyring) -> Result<Self, OpenError> {
        Self::of(UnkeyedStore::open(DataDir::open(data_dir)?)?, keyring)
    }

    fn of(store: UnkeyedStore, keyring: &'a Keyring) -> Result<Self, OpenError> {
        let id = <[u8; 16]>::try_from(required(&store, LEDGER_ID)?)
            .map_err(|_| Fault::Damaged("the ledger's id is damaged".to_owned()))?;
        let ledger_id = LedgerId::from_bytes(id);
        let wrapped = required(&store, KEY_CHECK)?;
        let check = keyring.open_check(ledger_id, &wrapped).map_err(OpenError::MasterKey)?;
        let active = master_key_of(&wrapped).map_err(OpenError::MasterKey)?;
        let fingerprint_key = keyring
            .open_fingerprint_key(ledger_id, &required(&store, FINGERPRINT_KEY)?)
            .map_err(|error| not_authentic(FINGERPRINT_KEY, error))?;
        let founding = Founding { ledger_id, fingerprint_key, active };
        Ok(Self { store, keyring, founding, check })
    }

    /// Returns the ledger's id.
    pub(crate) fn ledger(&self) -> LedgerId {
        self.founding.ledger_id
    }

    /// Returns whether all rows have MACs. If not, an earlier program wrote them, or an upgrade was
    /// interrupted.
    pub(crate) fn has_macs(&self) -> bool {
        self.check.has_macs()
    }

    /// Makes the rows readable. Rows of an earlier program get their MACs now, which takes a pass
    /// over the log.
    pub(crate) fn finish(self, ports: &Ports) -> Result<(Store, Founding), OpenError> {
        if !self.has_macs() {
            return self.upgrade(ports);
        }
        let key = self.mac_key(&required(&self.store, MAC_KEY)?)?;
        if !self.check.is_of(&key) {
            return Err(not_authentic(MAC_KEY, UnsealError::Corrupt).into());
        }
        Ok((self.store.with_key(key, derived::note_lost_indexes)?, self.founding))
    }

    fn upgrade(self, ports: &Ports) -> Result<(Store, Founding), OpenError> {
        // An upgrade that was interrupted goes on under its key.
        let kept = self.store.founding(MAC_KEY).map_err(Fault::from)?;
        if kept.is_none() {
            self.expect_room()?;
        }
        // From here on, programs of earlier formats refuse the directory.
        upgrade_format(self.store.dir())?;
        let ledger = self.founding.ledger_id;
        let key = if let Some(wrapped) = kept {
            self.mac_key(&wrapped)?
        } else {
            let keyring = self.keyring.with_active(self.founding.active).map_err(Fault::from)?;
            let (key, wrapped) = keyring.new_mac_key(&mut ports.rng(), ledger);
            self.store.put_founding(&[(MAC_KEY, &wrapped)]).map_err(Fault::from)?;
            key
        };
        let keyring = self.keyring.with_active(self.founding.active).map_err(Fault::from)?;
        let check = keyring.make_check(&mut ports.rng(), ledger, &key);
        tracing::warn!(
            "an earlier version wrote this directory: its rows are taken as they are, and get \
             authentication codes"
        );
        let log = log_tenths("adding authentication codes");
        let progress = |done, total| log(Progress { done, total });
        let store = self.store.upgrade(key, &check, &progress)?;
        tracing::info!("all rows have authentication codes");
        Ok((store, self.founding))
    }

    /// Refuses an upgrade for which the disk has no room, before anything is changed.
    fn expect_room(&self) -> Result<(), OpenError> {
        let dir = self.store.dir();
        let room = dir.room().map_err(Fault::Room)?;
        let needed_bytes = dir.store_bytes().map_err(Fault::Room)?;
        if room.free_bytes < needed_bytes {
            return Err(OpenError::NoRoom { free_bytes: room.free_bytes, needed_bytes });
        }
        Ok(())
    }

    fn mac_key(&self, wrapped: &[u8]) -> Result<MacKey, Fault> {
        let opened = self.keyring.open_mac_key(self.founding.ledger_id, wrapped);
        opened.map_err(|error| not_authentic(MAC_KEY, error))
    }
}

/// Returns a founding value, without which the ledger cannot be opened.
fn required(store: &UnkeyedStore, name: &str) -> Result<Vec<u8>, OpenError> {
    let bytes = store.founding(name).map_err(Fault::from)?;
    bytes.ok_or_else(|| OpenError::Incomplete(name.to_owned()))
}

fn not_authentic(name: &'static str, source: UnsealError) -> Fault {
    match source {
        UnsealError::UnknownKey { .. } => Fault::Unseal(source),
        _ => Fault::Founding { name, source },
    }
}

/// Gives the directory of an earlier program today's format.
pub(crate) fn upgrade_format(dir: &DataDir) -> Result<(), OpenError> {
    if let Some(earlier) = dir.upgrade()? {
        let format = ledger_store::FORMAT;
        tracing::info!(earlier, format, "the data directory now has the format of this version");
    }
    Ok(())
}

/// Creates a new ledger. The format file is written only after everything it needs is durable.
pub(crate) fn make(
    data_dir: &Path,
    keyring: &Keyring,
    ports: &Ports,
    requires_sealed: bool,
) -> Result<(Store, Founding), OpenError> {
    let store = UnkeyedStore::create(DataDir::create(data_dir)?)?;
    let ledger_id = ports.ledger_id();
    let (fingerprint_key, fingerprints) = keyring.new_fingerprint_key(&mut ports.rng(), ledger_id);
    let (mac_key, macs) = keyring.new_mac_key(&mut ports.rng(), ledger_id);
    let check = keyring.make_check(&mut ports.rng(), ledger_id, &mac_key);
    let id = ledger_id.to_bytes();
    let values = [
        (LEDGER_ID, id.as_slice()),
        (KEY_CHECK, &check),
        (FINGERPRINT_KEY, &fingerprints),
        (MAC_KEY, &macs),
    ];
    store.put_founding(&values).map_err(Fault::from)?;
    let store = store.found(mac_key);
    let mut batch = Batch::new();
    for name in MODELS {
        store.create_table(&model(name, FIRST_GENERATION)).map_err(Fault::from)?;
        meta::put_generation(&mut batch, &store, name, FIRST_GENERATION);
    }
    derived::put_versions(&mut batch, &store, [true; 3]);
    derived::put_indexes(&mut batch, &store, true);
    derived::put_data_keys(&mut batch, &store);
    derived::put_tree(&mut batch, &store);
    curve_keys::found(&mut batch, &store, keyring, ledger_id, ports);
    meta::put_requires_sealed(&mut batch, &store, requires_sealed);
    store.commit(batch, Durability::Synced).map_err(Fault::from)?;
    store.dir().mark_made()?;
    Ok((store, Founding { ledger_id, fingerprint_key, active: keyring.active_id() }))
}
