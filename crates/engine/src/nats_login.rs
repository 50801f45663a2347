//! The logins of the managed NATS server, kept in the ledger so that they survive a restore into
//! another folder. Running clients then find a server that knows them.

use ledger_domain::{Ledger, LedgerId};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability, Store};
use ledger_vault::Keyring;
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};

/// Opens the logins at the start of a sealed ledger, which has no master key afterwards. Those that
/// cannot be opened are told by whoever asks for them.
pub(crate) fn of_start(
    store: &Store,
    keyring: &Keyring,
    ledger_id: LedgerId,
    ledger: &Ledger,
) -> Option<Zeroizing<Vec<u8>>> {
    let sealed = ledger.is_sealed.then(|| meta::nats_login(store).ok().flatten()).flatten()?;
    keyring.open_login(ledger_id, &sealed).ok()
}

impl Engine {
    /// Returns the logins that were kept last, or `None` if no managed server ever ran. Blocks.
    ///
    /// Errors: `sealed` if they were not opened at the start of a sealed ledger.
    pub fn nats_login(&self) -> Result<Option<Zeroizing<Vec<u8>>>, ExecuteError> {
        let shared = &self.shared;
        let stored = meta::nats_login(&shared.store).map_err(Fault::from)?;
        let Some(sealed) = stored else { return Ok(None) };
        let keys = match (shared.master_keys.enter(), &shared.login_of_start) {
            (Ok(keys), _) => keys,
            (Err(_), Some(login)) => return Ok(Some(login.clone())),
            (Err(is_sealed), None) => return Err(is_sealed.into()),
        };
        Ok(Some(keys.ring().open_login(self.ledger_id(), &sealed).map_err(Fault::from)?))
    }

    /// Keeps the logins, sealed under the master key, if they are not the ones that are kept. They
    /// replace what cannot be read. Blocks.
    ///
    /// Errors: `sealed` if they are others and the ledger is sealed.
    pub fn keep_nats_login(&self, login: &[u8]) -> Result<(), ExecuteError> {
        // The writer wraps the login anew when the master key is rotated.
        self.pause(|| self.put_nats_login(login))?
    }

    fn put_nats_login(&self, login: &[u8]) -> Result<(), ExecuteError> {
        if matches!(self.nats_login(), Ok(Some(kept)) if kept.as_slice() == login) {
            return Ok(());
        }
        let shared = &self.shared;
        let keys = shared.master_keys.enter()?;
        let sealed = keys.ring().seal_login(&mut shared.ports.rng(), self.ledger_id(), login);
        let mut batch = Batch::new();
        meta::put_nats_login(&mut batch, &shared.store, &sealed);
        Ok(shared.store.commit(batch, Durability::Synced).map_err(Fault::from)?)
    }
}
