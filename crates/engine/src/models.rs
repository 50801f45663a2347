//! The read models, one generation of each, and how an event changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_contract::records::{
    ConnectionRow, Metadata, decode_consumer_row, decode_lease_row, decode_principal_row,
    encode_consumer_row, encode_lease_row, encode_principal_row, encode_workspace_row,
};
use ledger_domain::{
    Actor, Connection, ConnectionId, Consumer, ConsumerEvent, Consumers, FieldName, Generation,
    LeaseId, Micros, Position, Principal, PrincipalName, SecretLeases, Version, Workspace,
};
use ledger_store::tables::{connections, lists, meta, model};
use ledger_store::{AppendError, Batch, Changes, Postings, ReadError, Store, Table};
use parking_lot::{Mutex, RwLock};

use crate::errors::{Fault, chain};
use crate::projections::uses::{self, Use};
use crate::projections::{audit, list};

/// Name of the audit read model.
pub(crate) const AUDIT: &str = "audit";
/// All read models, in the order in which they are rebuilt.
pub(crate) const MODELS: [&str; 3] = [connections::MODEL, lists::MODEL, AUDIT];

/// The read models in use.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) store: Arc<Store>,
    /// Rows of connections and their consumers, of workspaces and principals.
    pub(crate) connections: Table,
    /// Orders and bitmaps for lists.
    pub(crate) lists: Arc<Postings>,
    /// Bitmaps for history.
    pub(crate) audit: Arc<Postings>,
    /// Tables to drop when the last reader of these models has finished.
    pub(crate) retired: Mutex<Vec<Table>>,
}

impl Drop for Models {
    fn drop(&mut self) {
        for table in self.retired.lock().drain(..) {
            if let Err(error) = self.store.drop_table(&table) {
                let error = chain(&error);
                tracing::warn!(%error, table = table.name(), "cannot drop a replaced read model");
            }
        }
    }
}

/// The live read models, replaced as a whole.
#[derive(Debug)]
pub(crate) struct Live(RwLock<Arc<Models>>);

impl Live {
    pub(crate) fn new(models: Models) -> Self {
        Self(RwLock::new(Arc::new(models)))
    }

    pub(crate) fn load(&self) -> Arc<Models> {
        self.0.read().clone()
    }

    pub(crate) fn replace(&self, models: Models) -> Arc<Models> {
        std::mem::replace(&mut *self.0.write(), Arc::new(models))
    }
}

/// The effect of an event on a connection.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) ordinal: u32,
    pub(crate) before: Option<&'a Connection>,
    pub(crate) after: &'a Connection,
}

impl Change<'_> {
    /// Returns the bytes of the resulting row.
    pub(crate) fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(1_024);
        ConnectionRow::encode(&mut row, self.ordinal, self.after);
        row
    }
}

/// Who said something about a consumer of a connection, and when.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) connection: ConnectionId,
    pub(crate) actor: Actor,
    pub(crate) at: Micros,
    pub(crate) position: Position,
    pub(crate) version: Version,
}

impl Said {
    /// Reads it from the metadata of the event.
    pub(crate) fn of(connection: ConnectionId, metadata: &Metadata) -> Self {
        let Metadata { recorded_at: at, position, version, .. } = *metadata;
        Self { connection, actor: metadata.actor.clone(), at, position, version }
    }

    /// Returns a consumer that uses these generations.
    pub(crate) fn consumer(&self, generations: BTreeMap<FieldName, Generation>) -> Consumer {
        let Self { at: confirmed_at, position, version, .. } = *self;
        Consumer { generations, actor: self.actor.clone(), confirmed_at, position, version }
    }
}

impl Models {
    /// Opens the tables of the given generations.
    pub(crate) fn at(store: &Arc<Store>, generations: [u32; 3]) -> Self {
        let [of_connections, of_lists, of_audit] = generations;
        Self {
            store: store.clone(),
            connections: model(connections::MODEL, of_connections),
            lists: Arc::new(Postings::new(store.clone(), model(lists::MODEL, of_lists))),
            audit: Arc::new(Postings::new(store.clone(), model(AUDIT, of_audit))),
            retired: Mutex::new(Vec::new()),
        }
    }

    /// Returns the live generations.
    pub(crate) fn live_generations(store: &Store) -> Result<[u32; 3], ReadError> {
        let [first, second, third] = MODELS;
        Ok([
            meta::generation(store, first)?,
            meta::generation(store, second)?,
            meta::generation(store, third)?,
        ])
    }

    /// Adds an event's changes to rows and orders to `batch`. Bitmaps change after the commit.
    pub(crate) fn write_rows(&self, batch: &mut Batch, change: &Change<'_>) {
        self.write_encoded(batch, change, &change.row());
    }

    /// As [`Self::write_rows`], with the bytes of the row.
    pub(crate) fn write_encoded(&self, batch: &mut Batch, change: &Change<'_>, row: &[u8]) {
        let connection = change.after;
        connections::put(batch, &self.store, &self.connections, connection.id, row);
        if change.before.is_none() {
            let table = &self.connections;
            connections::put_ordinal(batch, &self.store, table, change.ordinal, connection.id);
        }
        let end = |state: &Connection| state.next_former_end();
        self.move_overlap(batch, connection.id, change.before.and_then(end), end(connection));
        list::write_orders(batch, &self.store, self.lists.table(), change);
    }

    /// Adds to `batch` that the next former generation of a connection is retired at another time.
    pub(crate) fn move_overlap(
        &self,
        batch: &mut Batch,
        id: ConnectionId,
        before: Option<Micros>,
        after: Option<Micros>,
    ) {
        if before == after {
            return;
        }
        let (store, table) = (&self.store, &self.connections);
        if let Some(end) = before {
            connections::delete_overlap(batch, store, table, end, id);
        }
        if let Some(end) = after {
            connections::put_overlap(batch, store, table, end, id);
        }
    }

    /// Adds what a consumer of a connection said to `batch`.
    pub(crate) fn write_consumer(&self, batch: &mut Batch, said: &Said, event: &ConsumerEvent) {
        let (store, table, id) = (&self.store, &self.connections, said.connection);
        match event {
            ConsumerEvent::Removed { consumer } => {
                connections::delete_consumer(batch, store, table, id, consumer);
            }
            ConsumerEvent::Confirmed { consumer, generations, replaces } => {
                if let Some(gone) = replaces {
                    connections::delete_consumer(batch, store, table, id, gone);
                }
                let row = encode_consumer_row(&said.consumer(generations.clone()));
                connections::put_consumer(batch, store, table, id, consumer, &row);
            }
        }
    }

    /// Returns the consumers of a connection.
    pub(crate) fn consumers(&self, id: ConnectionId) -> Result<Consumers, Fault> {
        let mut consumers = Consumers::new();
        for row in connections::consumers(&self.store, &self.connections, id) {
            let (name, row) = row?;
            let consumer = decode_consumer_row(&row).map_err(|source| Fault::Row {
                of: format!("a consumer of connection {id}"),
                source,
            })?;
            consumers.insert(name, consumer);
        }
        Ok(consumers)
    }

    /// Adds the rows of leases on secrets to `batch`, as they are in `leases`.
    pub(crate) fn write_leases(&self, batch: &mut Batch, leases: &SecretLeases, ids: &[LeaseId]) {
        let (store, table) = (&self.store, &self.connections);
        for id in ids {
            match leases.get(*id) {
                Some(lease) => {
                    connections::put_lease(batch, store, table, *id, &encode_lease_row(lease));
                }
                None => connections::delete_lease(batch, store, table, *id),
            }
        }
    }

    /// Returns all leases on secrets.
    pub(crate) fn leases(&self) -> Result<SecretLeases, Fault> {
        let mut leases = SecretLeases::default();
        for row in connections::leases(&self.store, &self.connections) {
            let (id, row) = row?;
            let lease = decode_lease_row(&row)
                .map_err(|source| Fault::Row { of: format!("lease {id}"), source })?;
            leases.insert(id, lease);
        }
        Ok(leases)
    }

    /// Adds a workspace's row to `batch`.
    pub(crate) fn write_workspace(&self, batch: &mut Batch, workspace: &Workspace) {
        let row = encode_workspace_row(workspace);
        connections::put_workspace(batch, &self.store, &self.connections, &workspace.name, &row);
    }

    /// Adds a principal's row to `batch`.
    pub(crate) fn write_principal(&self, batch: &mut Batch, principal: &Principal) {
        let row = encode_principal_row(principal);
        connections::put_principal(batch, &self.store, &self.connections, &principal.name, &row);
    }

    /// Returns a principal's state.
    pub(crate) fn principal(&self, name: &PrincipalName) -> Result<Option<Principal>, Fault> {
        let row = connections::principal(&self.store, &self.connections, name)?;
        row.map(|row| decode_principal_row(&row))
            .transpose()
            .map_err(|source| Fault::Row { of: format!("principal {name}"), source })
    }

    /// Returns a connection's row.
    pub(crate) fn row(&self, id: ConnectionId) -> Result<Option<ConnectionRow>, Fault> {
        let bytes = connections::get(&self.store, &self.connections, id);
        match bytes? {
            None => Ok(None),
            Some(bytes) => ConnectionRow::decode(&bytes)
                .map(Some)
                .map_err(|source| Fault::Row { of: format!("connection {id}"), source }),
        }
    }

    /// Writes the bitmaps to disk, so that the next start need not derive them from the log.
    pub(crate) fn flush(&self, position: Position) -> Result<(), AppendError> {
        self.lists.flush(position)?;
        self.audit.flush(position)
    }

    /// Applies a group's changes to the bitmaps. Returns how many bitmap rows are only in memory.
    pub(crate) fn index(
        &self,
        listed: &[Change<'_>],
        audited: &[audit::Facts<'_>],
        used: &[Use],
    ) -> Result<usize, ReadError> {
        let mut lists = Changes::default();
        for change in listed {
            list::index(&mut lists, change);
        }
        for one in used {
            uses::index(&mut lists, *one);
        }
        let mut audit = Changes::default();
        for facts in audited {
            audit::index(&mut audit, facts);
        }
        Ok(self.lists.apply(lists)? + self.audit.apply(audit)?)
    }
}
