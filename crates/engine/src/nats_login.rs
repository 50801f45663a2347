//! The logins of the managed NATS server, kept in the ledger so that they survive a restore into
//! another folder. Running clients then find a server that knows them.

use ledger_store::tables::meta;
use ledger_store::{Batch, Durability};
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};

impl Engine {
    /// Returns the logins that were kept last, or `None` if no managed server ever ran. Blocks.
    pub fn nats_login(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let shared = &self.shared;
        let Some(sealed) = meta::nats_login(&shared.store)? else { return Ok(None) };
        Ok(Some(shared.master_keys.ring().open_login(self.ledger_id(), &sealed)?))
    }

    /// Keeps the logins, sealed under the master key, if they are not the ones that are kept. They
    /// replace what cannot be read. Blocks.
    pub fn keep_nats_login(&self, login: &[u8]) -> Result<(), ExecuteError> {
        // The writer wraps the login anew when the master key is rotated.
        Ok(self.pause(|| self.put_nats_login(login))??)
    }

    fn put_nats_login(&self, login: &[u8]) -> Result<(), Fault> {
        if matches!(self.nats_login(), Ok(Some(kept)) if kept.as_slice() == login) {
            return Ok(());
        }
        let shared = &self.shared;
        let keyring = shared.master_keys.ring();
        let sealed = keyring.seal_login(&mut shared.ports.rng(), self.ledger_id(), login);
        let mut batch = Batch::new();
        meta::put_nats_login(&mut batch, &shared.store, &sealed);
        shared.store.commit(batch, Durability::Synced).map_err(Fault::from)
    }
}
