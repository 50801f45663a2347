//! Checks, decodes and folds the records of some connections.

use std::collections::HashMap;

use crossbeam_channel::{Receiver, Sender};
use ledger_contract::records::{ConnectionRow, Frame, Happened, StreamId};
use ledger_domain::{
    Actor, ConnectionId, ConsumerEvent, LeaseId, Micros, Position, Principal, PrincipalFacts,
    PrincipalName, SecretLeases, Workspace, WorkspaceCreated, advance, evolve, evolve_principal,
};
use ledger_store::tables::log::Stored;
use ledger_store::{Batch, Durability, Gathered};
use parking_lot::Mutex;

use super::audit::AuditSink;
use super::budget::{Budget, STATE_BYTES, Task};
use super::pack::{Pack, Place};
use super::scan::unreadable;
use super::snapshots::SnapshotWork;
use super::{State, States};
use crate::errors::Fault;
use crate::models::{Models, Said};
use crate::projections::audit;
use crate::projections::uses::{self, Use};
use crate::replay::misplaced;

/// Bytes of rows of consumers that are written at a time.
const CONSUMER_BYTES: usize = 4 * 1024 * 1024;

/// Rows of leases that are written at a time.
const LEASES_TOGETHER: usize = 4_096;

/// What a worker is to do in a pass.
pub(super) struct Work<'a> {
    pub(super) fresh: &'a Models,
    /// Where audit bitmaps go, if they are gathered.
    pub(super) audit: Option<&'a AuditSink<'a>>,
    pub(super) snapshots: SnapshotWork<'a>,
    /// Where it goes on which days secrets were used.
    pub(super) used: &'a Mutex<Gathered>,
    /// Whether rows are written.
    pub(super) rows: bool,
    /// Whether connections are folded in this pass or another.
    pub(super) folds: bool,
    pub(super) budget: &'a Budget,
    /// The worker's number.
    pub(super) number: usize,
}

/// One worker thread of a pass.
pub(super) struct Worker<'a> {
    work: Work<'a>,
    gathered: Gathered,
    /// On which days secrets were used.
    used: Gathered,
    states: HashMap<ConnectionId, Box<State>>,
    /// The size of the states, or more.
    bytes: u64,
    /// The ordinal after that of the newest connection.
    created: u32,
    /// The ordinal at which the pass ends, as far as this worker knows.
    end: u32,
    /// The last round of the budget that this worker took part in.
    round: u32,
    principals: HashMap<PrincipalName, Principal>,
    /// Rows of consumers that are not written yet.
    consumers: Batch,
    /// The leases on secrets, of which one worker has all.
    leases: SecretLeases,
    /// The most recent actor, shared among all states that it changed.
    actor: Option<Actor>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        Self {
            work,
            gathered: Gathered::default(),
            used: Gathered::default(),
            states: HashMap::new(),
            bytes: 0,
            created: 0,
            end: u32::MAX,
            round: 0,
            principals: HashMap::new(),
            consumers: Batch::new(),
            leases: SecretLeases::default(),
            actor: None,
        }
    }

    /// Runs until the scan ends. Returns processed packs to `spare` for reuse.
    pub(super) fn run(
        mut self,
        packs: &Receiver<Pack>,
        spare: &Sender<Pack>,
    ) -> Result<States, Fault> {
        for mut pack in packs {
            for (position, place, stored) in pack.records() {
                self.take(position, place, stored)?;
            }
            if let (Some(sink), Some(chunk)) = (self.work.audit, pack.ends) {
                sink.deliver(chunk, std::mem::take(&mut self.gathered))?;
            }
            pack.clear();
            // If there are enough spare packs, this one is freed.
            drop(spare.try_send(pack));
            self.keep_to_budget();
        }
        self.write_principals()?;
        let consumers = std::mem::take(&mut self.consumers);
        self.commit(consumers)?;
        self.write_leases()?;
        self.work.snapshots.finish(&self.work.fresh.store)?;
        self.work.used.lock().merge(std::mem::take(&mut self.used));
        Ok(self.states.into_iter().collect())
    }

    /// Does what the budget asks of all workers, once.
    fn keep_to_budget(&mut self) {
        let (budget, number) = (self.work.budget, self.work.number);
        let round = budget.report(number, self.bytes, self.created);
        if round.number == self.round {
            return;
        }
        self.round = round.number;
        match round.task {
            Task::Measure => {
                let mut row = Vec::new();
                for state in self.states.values_mut() {
                    row.clear();
                    ConnectionRow::encode(&mut row, state.ordinal, &state.connection);
                    state.bytes = size(&row);
                }
            }
            Task::DropFrom(end) => {
                self.end = end;
                self.states.retain(|_, state| state.ordinal < end);
            }
        }
        self.bytes = self.states.values().map(|state| state.bytes).sum();
        budget.done(number, self.bytes);
    }

    /// A record is checked in the pass that folds it. One that is only indexed here is therefore
    /// checked in another pass, unless none folds it.
    fn take(&mut self, position: Position, place: Place, stored: Stored<'_>) -> Result<(), Fault> {
        let folded = match place {
            Place::Elsewhere => false,
            Place::Apart | Place::Revealed(_) | Place::Lease => true,
            Place::New(_, ordinal) => ordinal < self.end,
            Place::Known(id) => self.end == u32::MAX || self.states.contains_key(&id),
            Place::Perhaps(id) => self.states.contains_key(&id),
        };
        if !folded && self.work.audit.is_none() {
            return Ok(());
        }
        let store = &self.work.fresh.store;
        let bytes = if folded || !self.work.folds {
            stored.check(store, position)?
        } else {
            stored.unchecked()
        };
        let frame = Frame::read(position, bytes)
            .map_err(|error| unreadable(store, position, stored, error))?;
        if self.work.audit.is_some() && !matches!(place, Place::Lease) {
            audit::gather(&mut self.gathered, &frame);
        }
        match place {
            _ if !folded => Ok(()),
            Place::Elsewhere => Ok(()),
            Place::Apart => self.apart(frame),
            Place::Revealed(id) => {
                if let Some(state) = self.states.get(&id) {
                    let one = Use::at(state.ordinal, frame.recorded_at);
                    uses::gather(&mut self.used, one);
                }
                checked_reveal(frame)
            }
            Place::Lease => self.lease(frame),
            Place::New(id, ordinal) => self.create(id, ordinal, frame, size(bytes)),
            Place::Known(id) | Place::Perhaps(id) => self.change(id, frame, bytes.len() as u64),
        }
    }

    fn create(
        &mut self,
        id: ConnectionId,
        ordinal: u32,
        frame: Frame<'_>,
        bytes: u64,
    ) -> Result<(), Fault> {
        let (position, stream) = (frame.position, frame.stream.clone());
        let facts = frame.facts(id, self.actor(&frame.actor));
        let connection = match read(frame)? {
            Happened::Connection(event) => evolve(None, event, &facts),
            _ => None,
        };
        let connection = connection.ok_or_else(|| misplaced(position, &stream))?;
        (self.bytes, self.created) = (self.bytes + bytes, ordinal + 1);
        match self.states.insert(id, Box::new(State { ordinal, connection, bytes })) {
            None => Ok(()),
            Some(_) => Err(misplaced(position, &stream)),
        }
    }

    fn change(&mut self, id: ConnectionId, frame: Frame<'_>, bytes: u64) -> Result<(), Fault> {
        let actor = self.actor(&frame.actor);
        let state = match self.states.get_mut(&id) {
            Some(state) if state.connection.version.next() == frame.version => state,
            _ => return Err(misplaced(frame.position, &frame.stream)),
        };
        let facts = frame.facts(id, actor);
        let position = frame.position;
        let stream = frame.stream.clone();
        match read(frame)? {
            Happened::Connection(event) => advance(&mut state.connection, event, &facts),
            _ => return Err(misplaced(position, &stream)),
        }
        state.bytes += bytes;
        self.bytes += bytes;
        self.work.snapshots.take(&self.work.fresh.store, &state.connection)
    }

    /// Folds a record that is not part of a connection's state.
    fn apart(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        let (position, stream) = (frame.position, frame.stream.clone());
        let (recorded_at, actor) = (frame.recorded_at, self.actor(&frame.actor));
        let (version, lease) = (frame.version, frame.lease_facts());
        match (&stream, read(frame)?) {
            (StreamId::Workspace(_), Happened::Workspace(created)) => {
                self.workspace(created, position, recorded_at, actor)
            }
            (StreamId::Principal(name), Happened::Principal(event)) => {
                let name = name.clone();
                let facts =
                    PrincipalFacts { name: name.clone(), version, position, recorded_at, actor };
                let before = self.principals.remove(&name);
                let after = evolve_principal(before, event, &facts);
                self.principals.insert(name, after.ok_or_else(|| misplaced(position, &stream))?);
                Ok(())
            }
            (StreamId::Consumers(id), Happened::Consumer(event)) => {
                let at = recorded_at;
                let said = Said { connection: *id, actor, at, position, version };
                self.consumer(&said, &event)
            }
            (StreamId::Leases(_), Happened::Lease(event)) => {
                self.leases.apply(&lease, &event);
                Ok(())
            }
            (StreamId::Handovers(_), Happened::Handover(_))
            | (StreamId::Policies(_), Happened::Policy(_))
            | (StreamId::Alerts(_), Happened::Alert(_))
            | (StreamId::Ledger(_), Happened::Ledger(_)) => Ok(()),
            _ => Err(misplaced(position, &stream)),
        }
    }

    /// Folds an event about leases on the secrets of one connection.
    fn lease(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        let facts = frame.lease_facts();
        if let Happened::Lease(event) = read(frame)? {
            self.leases.apply(&facts, &event);
        }
        Ok(())
    }

    fn workspace(
        &self,
        created: WorkspaceCreated,
        position: Position,
        created_at: Micros,
        created_by: Actor,
    ) -> Result<(), Fault> {
        let workspace = Workspace::of(created, created_at, created_by, position);
        let mut batch = Batch::new();
        self.work.fresh.write_workspace(&mut batch, &workspace);
        self.commit(batch)
    }

    /// Collects the rows of consumers. Later events replace what earlier ones wrote.
    fn consumer(&mut self, said: &Said, event: &ConsumerEvent) -> Result<(), Fault> {
        if !self.work.rows {
            return Ok(());
        }
        self.work.fresh.write_consumer(&mut self.consumers, said, event);
        if self.consumers.size_bytes() < CONSUMER_BYTES {
            return Ok(());
        }
        let full = std::mem::take(&mut self.consumers);
        self.commit(full)
    }

    /// Writes the rows of the leases that have not ended.
    fn write_leases(&self) -> Result<(), Fault> {
        let ids: Vec<LeaseId> = self.leases.iter().map(|(id, _)| id).collect();
        for ids in ids.chunks(LEASES_TOGETHER) {
            let mut batch = Batch::new();
            self.work.fresh.write_leases(&mut batch, &self.leases, ids);
            self.commit(batch)?;
        }
        Ok(())
    }

    fn write_principals(&self) -> Result<(), Fault> {
        let mut batch = Batch::new();
        for principal in self.principals.values() {
            self.work.fresh.write_principal(&mut batch, principal);
        }
        self.commit(batch)
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        if !self.work.rows {
            return Ok(());
        }
        let written = self.work.fresh.store.commit(batch, Durability::Buffered);
        written.map_err(Fault::from)
    }

    fn actor(&mut self, name: &str) -> Actor {
        match &self.actor {
            Some(actor) if actor.as_str() == name => actor.clone(),
            _ => self.actor.insert(Actor::new(name)).clone(),
        }
    }
}

/// Returns what a state takes whose row, or the record of its creation, has these bytes.
fn size(bytes: &[u8]) -> u64 {
    STATE_BYTES + bytes.len() as u64
}

/// Checks that a record of a connection's reveals is about them.
fn checked_reveal(frame: Frame<'_>) -> Result<(), Fault> {
    let (position, stream) = (frame.position, frame.stream.clone());
    match (&stream, read(frame)?) {
        (
            StreamId::Reveals(_),
            Happened::Revealed(_) | Happened::Handover(_) | Happened::Lease(_),
        ) => Ok(()),
        _ => Err(misplaced(position, &stream)),
    }
}

fn read(frame: Frame<'_>) -> Result<Happened, Fault> {
    frame.happened().map_err(Fault::from)
}
