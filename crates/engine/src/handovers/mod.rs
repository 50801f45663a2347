//! Handovers: tokens for which the values of secrets, or an API key, are given out once.
//!
//! The writer decides about them one after the other, so that of two uses at the same time one
//! wins. The states are in a table beside the log and, as there are few, in memory. That of a
//! handover of a key has the key, which only the token opens.

mod key;
mod token;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;

use ledger_contract::records::{decode_handover_row, encode_handover_row};
use ledger_domain::principal::KeyDigest;
use ledger_domain::{Handover, HandoverId, Micros, WorkspaceName};
use ledger_store::tables::handovers;
use ledger_store::{AppendError, Batch, Durability, Store};
use parking_lot::RwLock;

pub(crate) use key::IssuedAs;
pub(crate) use token::{NewToken, digest, new_token};
pub(crate) use watch::HandoverWatch;

use crate::access::same_digest;
use crate::errors::Fault;

/// The actor of what the ledger itself does.
pub(crate) const ACTOR: &str = "system:handover";

/// Stands for the reason of a use of a handover, which its maker gave.
pub(crate) const USED_REASON: &str = "received with a token";

/// How long a handover stays known after its end, so that a second use is told when it was used, in
/// microseconds: a day.
const KEPT_MICROS: i64 = 86_400 * 1_000_000;
/// Handovers that ended and are kept, at most; the oldest go first.
const KEPT_MAX: usize = 20_000;

/// Every known handover. Only what is durable is in it.
#[derive(Debug, Default)]
pub(crate) struct Handovers(RwLock<HashMap<HandoverId, Arc<Handover>>>);

impl Handovers {
    /// Loads those that are stored.
    pub(crate) fn load(store: &Store) -> Result<Self, Fault> {
        let mut all = HashMap::new();
        for row in handovers::all(store) {
            let (id, row) = row?;
            let handover = decode_handover_row(&row)
                .map_err(|source| Fault::Row { of: format!("handover {id}"), source })?;
            all.insert(handover.id.clone(), Arc::new(handover));
        }
        Ok(Self(RwLock::new(all)))
    }

    /// Stores a new state.
    pub(crate) fn put(&self, handover: &Arc<Handover>) {
        let id = handover.id.clone();
        self.0.write().insert(id, Arc::clone(handover));
    }

    /// Returns a handover.
    pub(crate) fn get(&self, id: &HandoverId) -> Option<Arc<Handover>> {
        self.0.read().get(id).cloned()
    }

    /// Returns a handover, given the digest of its whole token.
    pub(crate) fn known(&self, id: &HandoverId, digest: &KeyDigest) -> Option<Arc<Handover>> {
        self.get(id).filter(|handover| same_digest(&handover.digest, digest))
    }

    /// Returns every handover, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Handover>> {
        self.0.read().values().cloned().collect()
    }

    /// Returns how many of each workspace can still be used.
    pub(crate) fn pending(&self) -> HashMap<WorkspaceName, usize> {
        let mut counts = HashMap::new();
        for handover in self.0.read().values().filter(|handover| handover.is_pending()) {
            *counts.entry(handover.workspace.clone()).or_default() += 1;
        }
        counts
    }

    /// Returns up to `most` of those whose time is over, which can no longer be used.
    fn overdue(&self, now: Micros, most: usize) -> Vec<HandoverId> {
        let all = self.0.read();
        let overdue = all.values().filter(|one| one.is_pending() && one.until <= now);
        overdue.take(most).map(|one| one.id.clone()).collect()
    }

    /// Removes those that ended long ago, from the table as well.
    fn forget_old(&self, store: &Store, now: Micros) -> Result<(), AppendError> {
        let mut ended: Vec<_> = {
            let all = self.0.read();
            let ended = all.iter().filter_map(|(id, one)| Some((one.ended.as_ref()?.at, id)));
            ended.map(|(at, id)| (at, id.clone())).collect()
        };
        ended.sort();
        let is_old = |at: Micros| now.get().saturating_sub(at.get()) > KEPT_MICROS;
        let excess = ended.len().saturating_sub(KEPT_MAX);
        let old = ended.partition_point(|(at, _)| is_old(*at)).max(excess);
        ended.truncate(old);
        if ended.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (_, id) in &ended {
            handovers::delete(&mut batch, store, id.as_str());
        }
        store.commit(batch, Durability::Buffered)?;
        let mut all = self.0.write();
        for (_, id) in &ended {
            all.remove(id);
        }
        Ok(())
    }
}

/// Adds the state of a handover to `batch`.
pub(crate) fn write(batch: &mut Batch, store: &Store, handover: &Handover) {
    let row = encode_handover_row(handover);
    handovers::put(batch, store, handover.id.as_str(), &row);
}
