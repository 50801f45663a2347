//! The secrets of the ledger itself that are stored wrapped under its master key.

use ledger_domain::{LedgerId, Micros};
use ledger_store::tables::{founding, meta};
use ledger_store::{Batch, Store};
use ledger_vault::{Keyring, LedgerSecret};

use crate::errors::Fault;
use crate::ports::Ports;

/// The founding values among them.
const FOUNDING: [(&str, LedgerSecret); 3] = [
    (founding::KEY_CHECK, LedgerSecret::KeyCheck),
    (founding::FINGERPRINT_KEY, LedgerSecret::FingerprintKey),
    (founding::MAC_KEY, LedgerSecret::MacKey),
];

/// All of them, wrapped anew.
pub(crate) struct LedgerSecrets {
    founding: Vec<(&'static str, Vec<u8>)>,
    curve_key: Option<Vec<u8>>,
    former_curve_key: Option<(Micros, Vec<u8>)>,
    nats_login: Option<Vec<u8>>,
}

impl LedgerSecrets {
    /// Wraps what is stored under the active key of a ring.
    pub(crate) fn rewrapped(
        store: &Store,
        ring: &Keyring,
        ledger: LedgerId,
        ports: &Ports,
    ) -> Result<Self, Fault> {
        let rewrap = |secret, stored: Vec<u8>| -> Result<Vec<u8>, Fault> {
            Ok(ring.rewrap_secret(&mut ports.rng(), ledger, secret, &stored)?)
        };
        let mut values = Vec::with_capacity(FOUNDING.len());
        for (name, secret) in FOUNDING {
            let stored = founding::get(store, name)?;
            let stored =
                stored.ok_or_else(|| Fault::Damaged(format!("the ledger has no {name}")))?;
            values.push((name, rewrap(secret, stored)?));
        }
        let curve_key = meta::curve_key(store)?;
        let former = match meta::former_curve_key(store)? {
            // A key that follows from the fingerprint key is stored nowhere.
            Some((until, wrapped)) if wrapped.is_empty() => Some((until, wrapped)),
            Some((until, wrapped)) => Some((until, rewrap(LedgerSecret::CurveKey, wrapped)?)),
            None => None,
        };
        let login = meta::nats_login(store)?;
        Ok(Self {
            founding: values,
            curve_key: curve_key.map(|key| rewrap(LedgerSecret::CurveKey, key)).transpose()?,
            former_curve_key: former,
            nats_login: login.map(|login| rewrap(LedgerSecret::Login, login)).transpose()?,
        })
    }

    /// Adds them to `batch`.
    pub(crate) fn put(&self, batch: &mut Batch, store: &Store) {
        for (name, value) in &self.founding {
            founding::put(batch, store, name, value);
        }
        if let Some(wrapped) = &self.curve_key {
            meta::put_curve_key(batch, store, wrapped);
        }
        if let Some((until, wrapped)) = &self.former_curve_key {
            meta::put_former_curve_key(batch, store, *until, wrapped);
        }
        if let Some(sealed) = &self.nats_login {
            meta::put_nats_login(batch, store, sealed);
        }
    }
}
