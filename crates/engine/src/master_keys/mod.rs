//! The master keys of an open ledger.
//!
//! The ledger decides which of the keys that it is given it uses: the active one is the key that
//! wraps its key check, and those that its events retired are left out. A rotation reads the keys
//! again where they come from, and wraps the secrets of the ledger itself anew in the batch of its
//! event. Data keys follow in the background, in batches of the one writer, which never stores a
//! data key under another than the active key. So a pass over the table of data keys finds all that
//! is left, and how many are under each key is counted with each batch.
//!
//! ```text
//! rotated ──> rewrapper: read a few rows ─> wrap anew ─> writer: store and count ─┐
//!                 ^                                                               │
//!                 └───────────────────────── durable ─────────────────────────────┘
//!             all done: rewrite the files ─> event: data keys rewrapped
//! ```
//!
//! A sealed ledger has no master key and no data key in memory. What needs one is refused, and
//! wrapping anew begins again when the ledger is unsealed.

pub(crate) mod counts;
mod gate;
mod held_shares;
mod rewrapper;
mod rewrapping;
mod ring;
mod secrets;

pub(crate) use gate::KeyUse;
pub(crate) use held_shares::Given as GivenShare;
pub(crate) use rewrapper::Rewrapper;
pub(crate) use ring::{MasterKeys, choose, load, of_ledger};
pub(crate) use secrets::LedgerSecrets;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ledger_contract::errors::Problem;
use ledger_contract::master_keys::{RewrapReport, RewrapStatus};
use ledger_contract::operations::Progress;
use ledger_domain::{Ledger, MasterKeyId, Rejection};
use ledger_store::ReadError;
use ledger_store::tables::meta;

use crate::engine::{Engine, Shared};

impl Shared {
    /// Takes over the state of the ledger itself after a durable event.
    pub(crate) fn take_ledger(&self, ledger: &Arc<Ledger>) {
        let before = std::mem::replace(&mut *self.ledger.write(), Arc::clone(ledger));
        self.master_keys.drop_retired(ledger);
        match (before.is_sealed, ledger.is_sealed) {
            (false, true) => self.master_keys.tell_sealed(),
            (true, false) => tracing::warn!("the ledger was unsealed"),
            _ => {}
        }
        // A pass that found the ledger sealed has ended.
        if !ledger.is_sealed && (before.is_sealed || ledger.is_rewrapping) {
            self.master_keys.rewrapping.ask();
        }
    }

    /// Returns the ledger itself, with the number of data keys that are durably wrapped under each
    /// master key.
    pub(crate) fn ledger_now(&self) -> Result<Ledger, ReadError> {
        let ledger = Arc::clone(&self.ledger.read());
        Ok(Ledger { data_keys: meta::data_keys(&self.store)?, ..(*ledger).clone() })
    }
}

impl Engine {
    /// Wraps under the active master key what is still under another one, and follows that.
    /// Blocks.
    pub fn rewrap(&self, progress: &dyn Fn(Progress)) -> Result<RewrapReport, Problem> {
        let started = Instant::now();
        self.ready()?;
        if self.is_sealed() {
            return Err(Rejection::Sealed.into());
        }
        let before = self.ledger_now()?;
        let mut failed = 0;
        if before.is_rewrapping || before.left_behind() > 0 {
            failed = self.shared.master_keys.rewrapping.follow(progress)?;
        }
        let ledger = self.ledger_now()?;
        Ok(RewrapReport {
            active: ledger.active.to_string(),
            data_keys: ledger.under_key(ledger.active),
            rewrapped: before.left_behind().saturating_sub(ledger.left_behind()),
            failed,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Returns what wraps data keys anew now, if anything does.
    pub(crate) fn rewrap_status(&self) -> Option<RewrapStatus> {
        self.shared.master_keys.rewrapping.status()
    }

    fn ledger_now(&self) -> Result<Ledger, crate::errors::Fault> {
        Ok(self.shared.ledger_now()?)
    }
}

/// Returns whether something is to be wrapped anew.
pub(crate) fn is_rewrap_due(ledger: &Ledger) -> bool {
    !ledger.is_sealed && (ledger.is_rewrapping || ledger.left_behind() > 0)
}

/// Returns the master keys that it takes to open everything that a ledger stores.
pub(crate) fn in_use(ledger: &Ledger) -> BTreeSet<MasterKeyId> {
    ledger.data_keys.keys().copied().chain([ledger.active]).collect()
}
