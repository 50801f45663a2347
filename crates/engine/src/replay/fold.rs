//! Folds the log into fresh tables.

use std::collections::HashMap;

use crossbeam_channel::{Receiver, Sender};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::ReplayProgress;
use ledger_contract::records::{self, ConnectionRow, Happened, Metadata, Record, StreamId};
use ledger_domain::{Connection, ConnectionId, Event, Position, Workspace, evolve};
use ledger_store::tables::{connections, log};
use ledger_store::{Batch, Durability, Store};

use super::Wanted;
use crate::faults;
use crate::models::{Change, Models};
use crate::projections::audit::{self, Facts};
use crate::projections::list;

/// Records decoded at a time.
const CHUNK_EVENTS: usize = 2_048;
/// Folded states held before they are written; bounds the memory of a replay.
const STATES_MAX: usize = 50_000;
/// Bytes written at a time.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Bitmap rows held before they are written.
const CHANGED_ROWS_MAX: usize = 16 * 1_024;

/// A replay in progress.
pub(crate) struct Fold<'a> {
    fresh: &'a Models,
    wanted: Wanted,
    position: Position,
    next_ordinal: u32,
    states: HashMap<ConnectionId, (u32, Connection)>,
}

type Chunk = Result<Vec<Record>, Problem>;

impl<'a> Fold<'a> {
    pub(crate) fn new(fresh: &'a Models, wanted: Wanted) -> Self {
        Self { fresh, wanted, position: Position::ZERO, next_ordinal: 0, states: HashMap::new() }
    }

    /// Returns the last position folded.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    fn folds_states(&self) -> bool {
        let [connections, lists, _] = self.wanted;
        connections || lists
    }

    /// Folds from the start of the log to `head`: states first, lists from the final states.
    pub(crate) fn bulk(
        &mut self,
        head: Position,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<(), Problem> {
        let store = self.fresh.store.clone();
        std::thread::scope(|scope| {
            let (chunks, chunks_in) = crossbeam_channel::bounded(8);
            scope.spawn(move || decode_all(&store, Position::new(1), head, &chunks));
            self.take(&chunks_in, head, progress)
        })?;
        self.write_states()?;
        self.index_lists()?;
        self.fresh.flush(self.position).map_err(|error| faults::from_append(&error))
    }

    fn take(
        &mut self,
        chunks: &Receiver<Chunk>,
        head: Position,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<(), Problem> {
        for chunk in chunks {
            let records = chunk?;
            self.take_audit(&records)?;
            for record in records {
                self.position = record.metadata.position;
                if self.folds_states() {
                    self.fold(record)?;
                }
            }
            if self.states.len() > STATES_MAX {
                self.write_states()?;
            }
            progress(ReplayProgress { done: self.position.get(), total: head.get() });
        }
        Ok(())
    }

    fn take_audit(&self, records: &[Record]) -> Result<(), Problem> {
        let [.., wanted] = self.wanted;
        if !wanted {
            return Ok(());
        }
        let mut changes = self.fresh.audit.change();
        for record in records {
            audit::index(&mut changes, &facts(record))
                .map_err(|error| faults::from_read(&error))?;
        }
        let rows = changes.rows();
        drop(changes);
        if rows > CHANGED_ROWS_MAX {
            let flushed = self.fresh.audit.flush(self.position);
            flushed.map_err(|error| faults::from_append(&error))?;
        }
        Ok(())
    }

    /// Folds one record into the states in memory.
    fn fold(&mut self, record: Record) -> Result<(), Problem> {
        let Record { metadata, happened } = record;
        match (&metadata.stream, happened) {
            (StreamId::Connection(id), Happened::Connection(event)) => {
                let id = *id;
                let before = self.before(id, &event)?;
                let ordinal = self.ordinal(before.as_ref());
                let before = before.map(|(_, state)| state);
                let after = evolve(before, event, &metadata.facts(id));
                let after = after.ok_or_else(|| misplaced(&metadata))?;
                self.states.insert(id, (ordinal, after));
                Ok(())
            }
            (StreamId::Workspace(_), Happened::Workspace(created)) => {
                let mut batch = Batch::new();
                self.fresh.write_workspace(&mut batch, &workspace(created, &metadata));
                self.commit(batch)
            }
            _ => Err(misplaced(&metadata)),
        }
    }

    /// Takes a connection's state out of memory or the fresh table.
    fn before(
        &mut self,
        id: ConnectionId,
        event: &Event,
    ) -> Result<Option<(u32, Connection)>, Problem> {
        if let Some(state) = self.states.remove(&id) {
            return Ok(Some(state));
        }
        if matches!(event, Event::Created(_)) {
            return Ok(None);
        }
        Ok(self.fresh.row(id)?.map(|row| (row.ordinal, row.connection)))
    }

    /// Returns a known connection's ordinal, or the next for a new one.
    fn ordinal(&mut self, before: Option<&(u32, Connection)>) -> u32 {
        if let Some((ordinal, _)) = before {
            return *ordinal;
        }
        self.next_ordinal += 1;
        self.next_ordinal - 1
    }

    /// Writes the states in memory to the fresh table.
    fn write_states(&mut self) -> Result<(), Problem> {
        let mut batch = Batch::new();
        let mut row = Vec::with_capacity(2_048);
        let (store, table) = (&self.fresh.store, &self.fresh.connections);
        for (id, (ordinal, connection)) in self.states.drain() {
            row.clear();
            ConnectionRow::encode(&mut row, ordinal, &connection);
            connections::put(&mut batch, store, table, id, &row);
            connections::put_ordinal(&mut batch, store, table, ordinal, id);
            if batch.size_bytes() > BATCH_BYTES {
                let full = std::mem::take(&mut batch);
                buffered(store, full)?;
            }
        }
        self.commit(batch)
    }

    /// Builds the lists from the final states.
    fn index_lists(&self) -> Result<(), Problem> {
        let [_, wanted, _] = self.wanted;
        if !wanted {
            return Ok(());
        }
        let lists = &self.fresh.lists;
        let mut batch = Batch::new();
        for row in connections::scan(&self.fresh.store, &self.fresh.connections) {
            let row = row.map_err(|error| faults::from_read(&error))?;
            let row = ConnectionRow::decode(&row)
                .map_err(|error| faults::corrupt_row("a connection", &error))?;
            let change = Change { ordinal: row.ordinal, before: None, after: &row.connection };
            list::write_orders(&mut batch, &self.fresh.store, lists.table(), &change);
            let mut changes = lists.change();
            list::index(&mut changes, &change).map_err(|error| faults::from_read(&error))?;
            let rows = changes.rows();
            drop(changes);
            if rows > CHANGED_ROWS_MAX {
                lists.flush(self.position).map_err(|error| faults::from_append(&error))?;
            }
            if batch.size_bytes() > BATCH_BYTES {
                self.commit(std::mem::take(&mut batch))?;
            }
        }
        self.commit(batch)
    }

    /// Folds what came since, event by event, as the live models did.
    pub(crate) fn catch_up(
        &mut self,
        head: Position,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<(), Problem> {
        let store = self.fresh.store.clone();
        for row in log::scan_all(&store, self.position.next()) {
            let (position, bytes) = row.map_err(|error| faults::from_read(&error))?;
            if position > head {
                break;
            }
            let record =
                records::decode(position, &bytes).map_err(|error| faults::from_record(&error))?;
            self.take_audit(std::slice::from_ref(&record))?;
            self.position = position;
            if self.folds_states() {
                self.follow(record)?;
            }
            progress(ReplayProgress { done: position.get(), total: head.get() });
        }
        Ok(())
    }

    fn follow(&mut self, record: Record) -> Result<(), Problem> {
        let Record { metadata, happened } = record;
        let (StreamId::Connection(id), Happened::Connection(event)) = (&metadata.stream, &happened)
        else {
            return self.fold(Record { metadata, happened });
        };
        let (id, event) = (*id, event.clone());
        let before = self.before(id, &event)?;
        let ordinal = self.ordinal(before.as_ref());
        let before = before.map(|(_, state)| state);
        let after = evolve(before.clone(), event, &metadata.facts(id));
        let after = after.ok_or_else(|| misplaced(&metadata))?;
        let change = Change { ordinal, before: before.as_ref(), after: &after };
        let mut batch = Batch::new();
        self.fresh.write_rows(&mut batch, &change);
        let mut lists = self.fresh.lists.change();
        list::index(&mut lists, &change).map_err(|error| faults::from_read(&error))?;
        drop(lists);
        self.commit(batch)
    }

    fn commit(&self, batch: Batch) -> Result<(), Problem> {
        buffered(&self.fresh.store, batch)
    }
}

fn buffered(store: &Store, batch: Batch) -> Result<(), Problem> {
    if batch.is_empty() {
        return Ok(());
    }
    store.commit(batch, Durability::Buffered).map_err(|error| faults::from_append(&error))
}

fn facts(record: &Record) -> Facts<'_> {
    Facts { metadata: &record.metadata, type_name: record.happened.type_name() }
}

fn workspace(created: ledger_domain::WorkspaceCreated, metadata: &Metadata) -> Workspace {
    Workspace {
        name: created.name,
        display_name: created.display_name,
        created_at: metadata.recorded_at,
        created_by: metadata.actor.clone(),
        position: metadata.position,
    }
}

/// Says that an event cannot follow what came before it in its stream.
fn misplaced(metadata: &Metadata) -> Problem {
    let message = format!(
        "the record at position {} does not continue its stream {}",
        metadata.position, metadata.stream
    );
    tracing::error!(message, "the log is damaged");
    Problem::because(Code::RecordCorrupt, message)
}

/// Decodes the log in chunks, ahead of the fold. A gap is an error, never skipped.
fn decode_all(store: &Store, from: Position, head: Position, chunks: &Sender<Chunk>) {
    let mut expected = from;
    let mut chunk = Vec::with_capacity(CHUNK_EVENTS);
    for row in log::scan_all(store, from) {
        let record =
            row.map_err(|error| faults::from_read(&error)).and_then(|(position, bytes)| {
                if position != expected {
                    let message = format!("the record at position {expected} is missing");
                    return Err(Problem::because(Code::RecordCorrupt, message));
                }
                records::decode(position, &bytes).map_err(|error| faults::from_record(&error))
            });
        let record = match record {
            Ok(record) if record.metadata.position > head => break,
            Ok(record) => record,
            Err(problem) => {
                let _stopped = chunks.send(Err(problem));
                return;
            }
        };
        expected = expected.next();
        chunk.push(record);
        if chunk.len() == CHUNK_EVENTS {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_EVENTS));
            if chunks.send(Ok(full)).is_err() {
                return;
            }
        }
    }
    let _stopped = chunks.send(Ok(chunk));
}
