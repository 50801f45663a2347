//! Brings fresh tables up to date with the log: most of it in bulk, the rest event by event.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

use ledger_contract::operations::Progress;
use ledger_contract::records::{self, Happened, Metadata, Record, StreamId};
use ledger_domain::{
    ConnectionId, Event, LeaseEvent, LeaseFacts, Position, SecretLeases, Version, Workspace,
    evolve, evolve_principal,
};
use ledger_store::tables::log;
use ledger_store::{Batch, Changes, Durability, Store};
use parking_lot::Mutex;

use super::bulk::Bulk;
use super::{ReplayLimits, Selected, go_on, misplaced, missing, recovery};
use crate::errors::Fault;
use crate::models::{Change, Models, Said};
use crate::projections::audit::{self, Facts};
use crate::projections::list;
use crate::projections::uses::{self, Use};

/// Changed bitmap rows that may be in memory before they are written.
const CHANGED_ROWS_MAX: usize = 16 * 1_024;

/// A replay in progress.
pub(crate) struct Fold<'a> {
    fresh: &'a Models,
    wanted: Selected,
    position: Position,
    next_ordinal: u32,
    /// The first stored snapshot that differs, if they are to be compared.
    compared: Option<Mutex<Option<String>>>,
    /// Set when the replay is to end early.
    stop: &'a AtomicBool,
    /// The live models, whose rows serve if only lists are rebuilt.
    live: &'a Models,
    /// Versions that the fresh lists show already, of connections whose rows were ahead.
    ahead: HashMap<ConnectionId, Version>,
    /// The leases in the fresh rows, once an event was about one.
    leases: Option<SecretLeases>,
}

impl<'a> Fold<'a> {
    /// Starts a replay. With `verify`, snapshots are compared instead of written.
    pub(crate) fn new(
        fresh: &'a Models,
        live: &'a Models,
        wanted: Selected,
        verify: bool,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            fresh,
            wanted,
            position: Position::ZERO,
            next_ordinal: 0,
            compared: verify.then(Mutex::default),
            stop,
            live,
            ahead: HashMap::new(),
            leases: None,
        }
    }

    /// Returns a description of the first snapshot that differs from the log.
    pub(crate) fn snapshot_difference(&self) -> Option<String> {
        self.compared.as_ref()?.lock().clone()
    }

    /// Returns the last position folded.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Folds the log from its start to `head`. The number of connections that are expected serves
    /// to estimate the duration.
    pub(crate) fn bulk(
        &mut self,
        connections_expected: u32,
        limits: ReplayLimits,
        head: Position,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Fault> {
        let (wanted, compared) = (self.wanted, self.compared.as_ref());
        let (fresh, stop) = (self.fresh, self.stop);
        let bulk =
            Bulk { fresh, connections_expected, wanted, limits, head, progress, compared, stop };
        self.next_ordinal = bulk.run()?;
        self.position = head;
        self.fresh.flush(head).map_err(Fault::from)
    }

    /// Folds the events since then one by one, as the live models do.
    pub(crate) fn catch_up(
        &mut self,
        head: Position,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Fault> {
        let [connections, lists, audit] = self.wanted;
        let store = self.fresh.store.clone();
        // The first and the last version of each connection that is missing from the lists.
        let mut touched: BTreeMap<ConnectionId, (Version, Version)> = BTreeMap::new();
        let mut rows = log::scan_all(&store, self.position.next());
        while self.position < head {
            let expected = self.position.next();
            let (position, bytes) = match rows.next().transpose()? {
                Some(row) if row.0 == expected => row,
                _ => return Err(missing(expected)),
            };
            go_on(self.stop)?;
            let record = records::decode(position, &bytes)?;
            if audit {
                self.audit(&record)?;
            }
            self.position = position;
            match record.metadata.stream {
                _ if connections => self.follow(record)?,
                StreamId::Connection(id) if lists => {
                    let version = record.metadata.version;
                    touched.entry(id).or_insert((version, version)).1 = version;
                }
                StreamId::Reveals(id) if lists => {
                    self.index_use(self.live, id, &record.metadata)?;
                }
                _ => {}
            }
            progress(Progress { done: position.get(), total: head.get() });
        }
        for (id, (first, last)) in touched {
            go_on(self.stop)?;
            self.relist(id, first, last)?;
        }
        Ok(())
    }

    /// Moves a connection in the lists to the state of its live row, which may be ahead of what was
    /// read from the log.
    fn relist(&mut self, id: ConnectionId, first: Version, last: Version) -> Result<(), Fault> {
        let listed = match self.ahead.remove(&id) {
            Some(listed) => listed,
            None => recovery::predecessor(id, first)?,
        };
        let (before, row) = recovery::moved(self.live, id, listed)?;
        let after = &row.connection;
        if after.version > last {
            self.ahead.insert(id, after.version);
        }
        if after.version == listed {
            return Ok(());
        }
        let change = Change { ordinal: row.ordinal, before: before.as_ref(), after };
        let mut batch = Batch::new();
        let table = self.fresh.lists.table();
        list::write_orders(&mut batch, &self.fresh.store, table, &change);
        self.index(&change)?;
        buffered(&self.fresh.store, batch)
    }

    /// Applies a change to the bitmaps of lists.
    fn index(&self, change: &Change<'_>) -> Result<(), Fault> {
        let mut changes = Changes::default();
        list::index(&mut changes, change);
        if self.fresh.lists.apply(changes)? > CHANGED_ROWS_MAX {
            self.fresh.lists.flush(change.after.position)?;
        }
        Ok(())
    }

    /// Adds a reveal to the bitmaps of lists. `rows` are models that have the connection's row.
    fn index_use(&self, rows: &Models, id: ConnectionId, metadata: &Metadata) -> Result<(), Fault> {
        let row = rows.row(id)?.ok_or_else(|| misplaced(metadata.position, &metadata.stream))?;
        let mut changes = Changes::default();
        uses::index(&mut changes, Use::at(row.ordinal, metadata.recorded_at));
        if self.fresh.lists.apply(changes)? > CHANGED_ROWS_MAX {
            self.fresh.lists.flush(metadata.position)?;
        }
        Ok(())
    }

    fn audit(&self, record: &Record) -> Result<(), Fault> {
        let facts = Facts { metadata: &record.metadata, type_name: record.happened.type_name() };
        let mut changes = Changes::default();
        audit::index(&mut changes, &facts);
        if self.fresh.audit.apply(changes)? > CHANGED_ROWS_MAX {
            self.fresh.audit.flush(record.metadata.position)?;
        }
        Ok(())
    }

    /// Applies one record to rows and lists.
    fn follow(&mut self, record: Record) -> Result<(), Fault> {
        let Record { metadata, happened } = record;
        let mut batch = Batch::new();
        match (&metadata.stream, happened) {
            (StreamId::Connection(id), Happened::Connection(event)) => {
                let id = *id;
                let before = match event {
                    Event::Created(_) => None,
                    _ => self.fresh.row(id)?,
                };
                let ordinal = match &before {
                    Some(row) => row.ordinal,
                    None => self.next_ordinal,
                };
                let before = before.map(|row| row.connection);
                let after = evolve(before.clone(), event, &metadata.facts(id));
                let after = after.ok_or_else(|| misplaced(metadata.position, &metadata.stream))?;
                self.next_ordinal += u32::from(before.is_none());
                let change = Change { ordinal, before: before.as_ref(), after: &after };
                self.fresh.write_rows(&mut batch, &change);
                self.index(&change)?;
            }
            (StreamId::Workspace(_), Happened::Workspace(created)) => {
                let (at, by) = (metadata.recorded_at, metadata.actor.clone());
                let workspace = Workspace::of(created, at, by, metadata.position);
                self.fresh.write_workspace(&mut batch, &workspace);
            }
            (StreamId::Principal(name), Happened::Principal(event)) => {
                let before = self.fresh.principal(name)?;
                let after =
                    evolve_principal(before, event, &metadata.principal_facts(name.clone()));
                let after = after.ok_or_else(|| misplaced(metadata.position, &metadata.stream))?;
                self.fresh.write_principal(&mut batch, &after);
            }
            (StreamId::Consumers(id), Happened::Consumer(event)) => {
                let said = Said::of(*id, &metadata);
                self.fresh.write_consumer(&mut batch, &said, &event);
            }
            (StreamId::Reveals(_) | StreamId::Leases(_), Happened::Lease(event)) => {
                self.follow_leases(&mut batch, &metadata.lease_facts(), &event)?;
            }
            (StreamId::Reveals(_), Happened::Revealed(_) | Happened::Handover(_))
            | (StreamId::Handovers(_), Happened::Handover(_))
            | (StreamId::Policies(_), Happened::Policy(_))
            | (StreamId::Alerts(_), Happened::Alert(_))
            | (StreamId::Ledger(_), Happened::Ledger(_)) => {}
            _ => return Err(misplaced(metadata.position, &metadata.stream)),
        }
        buffered(&self.fresh.store, batch)?;
        // Whatever happens in the stream of its reveals, a connection is in use then.
        match metadata.stream {
            StreamId::Reveals(id) => self.index_use(self.fresh, id, &metadata),
            _ => Ok(()),
        }
    }

    fn follow_leases(
        &mut self,
        batch: &mut Batch,
        facts: &LeaseFacts,
        event: &LeaseEvent,
    ) -> Result<(), Fault> {
        let leases = match &mut self.leases {
            Some(leases) => leases,
            None => self.leases.insert(self.fresh.leases()?),
        };
        let ids = leases.apply(facts, event);
        self.fresh.write_leases(batch, leases, &ids);
        Ok(())
    }
}

fn buffered(store: &Store, batch: Batch) -> Result<(), Fault> {
    store.commit(batch, Durability::Buffered).map_err(Fault::from)
}
