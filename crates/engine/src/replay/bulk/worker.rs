//! Decodes and folds the records of some connections.

use std::collections::HashMap;

use crossbeam_channel::{Receiver, Sender};
use ledger_contract::records::{Frame, Happened, StreamId};
use ledger_domain::{
    Actor, ConnectionId, Micros, Position, Principal, PrincipalFacts, PrincipalName, Workspace,
    WorkspaceCreated, advance, evolve, evolve_principal,
};
use ledger_store::{Batch, Durability, Gathered};

use super::audit::AuditSink;
use super::pack::{Pack, Place};
use super::snapshots::SnapshotWork;
use super::{State, States};
use crate::errors::Fault;
use crate::models::Models;
use crate::projections::audit;
use crate::replay::misplaced;

/// What a worker produced in a pass.
pub(super) struct Folded {
    /// Final states, in no particular order.
    pub(super) states: States,
    /// Number of events folded into them.
    pub(super) events: u64,
}

/// One worker thread of a pass.
pub(super) struct Worker<'a> {
    fresh: &'a Models,
    audit: Option<&'a AuditSink<'a>>,
    snapshots: SnapshotWork<'a>,
    /// Whether rows are written.
    rows: bool,
    gathered: Gathered,
    states: HashMap<ConnectionId, Box<State>>,
    events: u64,
    principals: HashMap<PrincipalName, Principal>,
    /// The most recent actor, shared among all states that it changed.
    actor: Option<Actor>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        fresh: &'a Models,
        audit: Option<&'a AuditSink<'a>>,
        snapshots: SnapshotWork<'a>,
        rows: bool,
    ) -> Self {
        let gathered = Gathered::default();
        Self {
            fresh,
            audit,
            snapshots,
            rows,
            gathered,
            states: HashMap::new(),
            events: 0,
            principals: HashMap::new(),
            actor: None,
        }
    }

    /// Runs until the scan ends. Returns processed packs to `spare` for reuse.
    pub(super) fn run(
        mut self,
        packs: &Receiver<Pack>,
        spare: &Sender<Pack>,
    ) -> Result<Folded, Fault> {
        for mut pack in packs {
            for (position, place, bytes) in pack.records() {
                self.take(position, place, bytes)?;
            }
            if let (Some(sink), Some(chunk)) = (self.audit, pack.ends) {
                sink.deliver(chunk, std::mem::take(&mut self.gathered))?;
            }
            pack.clear();
            // If there are enough spare packs, this one is freed.
            drop(spare.try_send(pack));
        }
        self.write_principals()?;
        self.snapshots.finish(&self.fresh.store)?;
        Ok(Folded { states: self.states.into_iter().collect(), events: self.events })
    }

    fn take(&mut self, position: Position, place: Place, bytes: &[u8]) -> Result<(), Fault> {
        if let (None, Place::Perhaps(id)) = (self.audit, place)
            && !self.states.contains_key(&id)
        {
            return Ok(());
        }
        let frame = Frame::read(position, bytes)?;
        if self.audit.is_some() {
            audit::gather(&mut self.gathered, &frame);
        }
        match place {
            Place::Elsewhere => Ok(()),
            Place::Apart => self.apart(frame),
            Place::New(id, ordinal) => self.create(id, ordinal, frame),
            Place::Known(id) => self.change(id, frame, true),
            Place::Perhaps(id) => self.change(id, frame, false),
        }
    }

    fn create(&mut self, id: ConnectionId, ordinal: u32, frame: Frame<'_>) -> Result<(), Fault> {
        let (position, stream) = (frame.position, frame.stream.clone());
        let facts = frame.facts(id, self.actor(&frame.actor));
        let connection = match read(frame)? {
            Happened::Connection(event) => evolve(None, event, &facts),
            _ => None,
        };
        let connection = connection.ok_or_else(|| misplaced(position, &stream))?;
        self.events += 1;
        match self.states.insert(id, Box::new(State { ordinal, connection })) {
            None => Ok(()),
            Some(_) => Err(misplaced(position, &stream)),
        }
    }

    /// Folds a change. If `must` is set, a missing connection means that it was never created.
    fn change(&mut self, id: ConnectionId, frame: Frame<'_>, must: bool) -> Result<(), Fault> {
        let actor = self.actor(&frame.actor);
        let state = match self.states.get_mut(&id) {
            None if !must => return Ok(()),
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
        self.snapshots.take(&self.fresh.store, &state.connection)?;
        self.events += 1;
        Ok(())
    }

    /// Folds a record that is not part of a connection's state.
    fn apart(&mut self, frame: Frame<'_>) -> Result<(), Fault> {
        let (position, stream) = (frame.position, frame.stream.clone());
        let (recorded_at, actor) = (frame.recorded_at, self.actor(&frame.actor));
        let version = frame.version;
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
            (StreamId::Reveals(_), Happened::Revealed(_)) => Ok(()),
            _ => Err(misplaced(position, &stream)),
        }
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
        self.fresh.write_workspace(&mut batch, &workspace);
        self.commit(batch)
    }

    fn write_principals(&self) -> Result<(), Fault> {
        let mut batch = Batch::new();
        for principal in self.principals.values() {
            self.fresh.write_principal(&mut batch, principal);
        }
        self.commit(batch)
    }

    fn commit(&self, batch: Batch) -> Result<(), Fault> {
        if !self.rows {
            return Ok(());
        }
        let written = self.fresh.store.commit(batch, Durability::Buffered);
        written.map_err(Fault::from)
    }

    fn actor(&mut self, name: &str) -> Actor {
        match &self.actor {
            Some(actor) if actor.as_str() == name => actor.clone(),
            _ => self.actor.insert(Actor::new(name)).clone(),
        }
    }
}

fn read(frame: Frame<'_>) -> Result<Happened, Fault> {
    frame.happened().map_err(Fault::from)
}
