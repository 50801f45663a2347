//! When each consumer was last seen: in memory whenever it confirms, in the store periodically.
//! That it is still there is not an event, because consumers say so every hour.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_domain::{ConnectionId, Consumer, ConsumerName, Micros, limits};
use ledger_store::tables::seen::{self, SeenConsumer};
use ledger_store::{Batch, Durability, ReadError, Store};
use parking_lot::RwLock;

use crate::engine::Shared;
use crate::errors::chain;

/// Resolution of the times, in microseconds.
const RESOLUTION: i64 = 60_000_000;

/// When consumers were last seen.
#[derive(Debug)]
pub(crate) struct SeenConsumers {
    /// When the ledger was opened, or began to write. Before, nobody could be seen here.
    opened_at: AtomicI64,
    noted: RwLock<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    last: HashMap<SeenConsumer, Micros>,
    /// Consumers whose time, or absence, is not in the store yet.
    unwritten: HashSet<SeenConsumer>,
}

impl SeenConsumers {
    /// Loads what is stored.
    pub(crate) fn load(store: &Store, now: Micros) -> Result<Self, ReadError> {
        let last = seen::all(store).collect::<Result<_, _>>()?;
        let noted = RwLock::new(Noted { last, unwritten: HashSet::new() });
        Ok(Self { opened_at: AtomicI64::new(now.get()), noted })
    }

    /// Begins anew to wait for consumers, because another node has seen them until now.
    pub(crate) fn begin(&self, now: Micros) {
        self.opened_at.store(now.get(), Ordering::SeqCst);
    }

    /// Records that a consumer was seen, unless that is recorded of the last minute.
    pub(crate) fn note(&self, id: ConnectionId, name: &ConsumerName, now: Micros) {
        let consumer = (id, name.clone());
        let known = self.noted.read().last.get(&consumer).copied();
        let is_recent = |last: Micros| now >= last && now.get() - last.get() < RESOLUTION;
        // One of the future was noted before the clock was set back.
        if known.is_some_and(is_recent) {
            return;
        }
        let mut noted = self.noted.write();
        noted.last.insert(consumer.clone(), now);
        noted.unwritten.insert(consumer);
    }

    /// Forgets a consumer.
    pub(crate) fn forget(&self, id: ConnectionId, name: &ConsumerName) {
        let consumer = (id, name.clone());
        let mut noted = self.noted.write();
        noted.last.remove(&consumer);
        noted.unwritten.insert(consumer);
    }

    /// Returns when a consumer was last seen, with a resolution of one minute.
    pub(crate) fn last(
        &self,
        id: ConnectionId,
        name: &ConsumerName,
        consumer: &Consumer,
    ) -> Micros {
        let noted = self.noted.read().last.get(&(id, name.clone())).copied();
        noted.map_or(consumer.confirmed_at, |seen| seen.max(consumer.confirmed_at))
    }

    /// Returns from when on a consumer counts as gone, if it is not seen again.
    pub(crate) fn gone_from(
        &self,
        id: ConnectionId,
        name: &ConsumerName,
        consumer: &Consumer,
    ) -> Micros {
        let heard =
            self.last(id, name, consumer).max(Micros::new(self.opened_at.load(Ordering::SeqCst)));
        Micros::new(heard.get().saturating_add(limits::CONSUMER_GONE_MICROS))
    }

    /// Writes to the store what changed.
    fn write(&self, store: &Store) -> Result<(), ledger_store::AppendError> {
        let mut batch = Batch::new();
        let mut noted = self.noted.write();
        let Noted { last, unwritten } = &mut *noted;
        let written = std::mem::take(unwritten);
        for consumer in &written {
            match last.get(consumer) {
                Some(at) => seen::put(&mut batch, store, consumer, *at),
                None => seen::delete(&mut batch, store, consumer),
            }
        }
        drop(noted);
        if batch.is_empty() {
            return Ok(());
        }
        let stored = store.commit(batch, Durability::Buffered);
        stored.inspect_err(|_| self.noted.write().unwritten.extend(written))
    }
}

/// Stores what changed.
pub(crate) fn keep_seen(shared: &Shared) {
    if shared.store.is_poisoned() {
        return;
    }
    if let Err(error) = shared.consumers.write(&shared.store) {
        tracing::error!(error = %chain(&error), "cannot store when consumers were seen");
    }
}
