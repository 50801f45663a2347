//! The leases that have not ended, and what was read under them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger_contract::records::Via;
use ledger_domain::{
    Actor, Connection, ConnectionId, FieldName, Generation, LeaseEnd, LeaseId, LeasedReads, Line,
    Micros, Position, Prose, ReadCount, SecretLease, SecretLeases, WorkspaceName,
};
use parking_lot::{Condvar, Mutex, RwLock};

use super::in_flight::{ReadInFlight, ReadsInFlight};
use crate::errors::Fault;
use crate::models::Models;
use crate::writer::Recent;

/// States of connections kept for reads.
const STATES: usize = 16 * 1_024;
/// Bytes of these states, by the size of their rows.
const STATES_BYTES: usize = 32 * 1024 * 1024;

/// What an event does to leases.
#[derive(Debug)]
pub(crate) struct LeasesChanged {
    /// The leases as they are now, or nothing of those that have ended.
    pub(crate) leases: Vec<(LeaseId, Option<SecretLease>)>,
}

impl LeasesChanged {
    /// Returns these leases as they are after an event.
    pub(crate) fn of(leases: &SecretLeases, ids: &[LeaseId]) -> Self {
        Self { leases: ids.iter().map(|id| (*id, leases.get(*id).cloned())).collect() }
    }
}

/// One lease that has not ended.
#[derive(Debug)]
pub(crate) struct LiveLease {
    pub(crate) id: LeaseId,
    pub(crate) connection: ConnectionId,
    /// The home workspace of the connection.
    pub(crate) workspace: WorkspaceName,
    pub(crate) holder: Actor,
    pub(crate) reason: Prose,
    pub(crate) taken_at: Micros,
    pub(crate) position: Position,
    /// Held while the first read of a generation is recorded, so that it is recorded once.
    pub(super) recording: tokio::sync::Mutex<()>,
    state: Mutex<LeaseState>,
}

#[derive(Debug)]
struct LeaseState {
    until: Micros,
    ended: bool,
    fields: BTreeMap<FieldName, FieldReads>,
    /// How and with which credential it was read last.
    last: Option<(Via, Option<Line>)>,
    /// Whether there are reads that are not recorded, and it is known where they are looked for.
    is_unrecorded: bool,
}

#[derive(Debug, Default)]
struct FieldReads {
    /// The highest generation that is recorded.
    recorded: Generation,
    /// The reads since the last record.
    since: Vec<ReadCount>,
}

/// Reads under one lease that are to be recorded.
#[derive(Debug)]
pub(super) struct Unrecorded {
    pub(super) lease: Arc<LiveLease>,
    pub(super) reads: LeasedReads,
    pub(super) last: Option<(Via, Option<Line>)>,
}

impl LiveLease {
    fn new(id: LeaseId, lease: SecretLease) -> Self {
        let of = |(field, recorded)| (field, FieldReads { recorded, since: Vec::new() });
        Self {
            id,
            connection: lease.connection,
            workspace: lease.workspace,
            holder: lease.holder,
            reason: lease.reason,
            taken_at: lease.taken_at,
            position: lease.position,
            recording: tokio::sync::Mutex::new(()),
            state: Mutex::new(LeaseState {
                until: lease.until,
                ended: false,
                fields: lease.generations.into_iter().map(of).collect(),
                last: None,
                is_unrecorded: false,
            }),
        }
    }

    /// Returns the end, unless it has come at `now`. What was once over stays so.
    pub(crate) fn until(&self, now: Micros) -> Option<Micros> {
        let mut state = self.state.lock();
        state.ended |= state.until <= now;
        (!state.ended).then_some(state.until)
    }

    /// Returns the fields.
    pub(crate) fn fields(&self) -> BTreeSet<FieldName> {
        self.state.lock().fields.keys().cloned().collect()
    }

    /// Returns the highest generation of each field that is recorded as read.
    pub(crate) fn generations(&self) -> BTreeMap<FieldName, Generation> {
        let state = self.state.lock();
        state.fields.iter().map(|(field, reads)| (field.clone(), reads.recorded)).collect()
    }

    /// Returns those of the generations that are higher than what is recorded.
    pub(super) fn unrecorded_of(
        &self,
        generations: &BTreeMap<FieldName, Generation>,
    ) -> BTreeMap<FieldName, Generation> {
        let state = self.state.lock();
        let is_new = |(field, generation): &(&FieldName, &Generation)| {
            state.fields.get(*field).is_some_and(|reads| **generation > reads.recorded)
        };
        let new = generations.iter().filter(is_new);
        new.map(|(field, generation)| (field.clone(), *generation)).collect()
    }
}

impl LeaseState {
    fn count(&mut self, field: &FieldName, read: ReadCount) {
        let Some(reads) = self.fields.get_mut(field) else { return };
        match reads.since.iter_mut().find(|known| known.generation == read.generation) {
            Some(known) => {
                known.count = known.count.saturating_add(read.count);
                known.last = known.last.max(read.last);
            }
            None => reads.since.push(read),
        }
    }
}

/// All leases that have not ended. Only what is durable is here.
#[derive(Debug)]
pub(crate) struct LiveLeases {
    all: RwLock<All>,
    /// Leases, ended ones among them, with reads that are not recorded.
    unrecorded: Mutex<Vec<Arc<LiveLease>>>,
    /// Leases that are to be ended with an event, and why.
    to_end: Mutex<HashMap<LeaseId, LeaseEnd>>,
    states: Mutex<Recent<ConnectionId, Arc<Connection>>>,
    in_flight: ReadsInFlight,
    /// Whether leases have ended under which there are reads that are not recorded.
    record_soon: AtomicBool,
    stopped: Mutex<bool>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct All {
    by_id: BTreeMap<LeaseId, Arc<LiveLease>>,
    of_connection: HashMap<ConnectionId, BTreeSet<LeaseId>>,
    by_end: BTreeSet<(Micros, LeaseId)>,
}

impl All {
    fn remove(&mut self, id: LeaseId) -> Option<Arc<LiveLease>> {
        let lease = self.by_id.remove(&id)?;
        self.by_end.remove(&(lease.state.lock().until, id));
        if let Some(ids) = self.of_connection.get_mut(&lease.connection) {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_connection.remove(&lease.connection);
            }
        }
        Some(lease)
    }
}

impl LiveLeases {
    /// Loads the leases of the rows. Those up to the position at which another history was restored
    /// are to be ended.
    pub(crate) fn load(leases: &SecretLeases, restored_at: Option<Position>) -> Self {
        let live = Self {
            all: RwLock::default(),
            unrecorded: Mutex::default(),
            to_end: Mutex::default(),
            states: Mutex::new(Recent::new(STATES).within(STATES_BYTES)),
            in_flight: ReadsInFlight::default(),
            record_soon: AtomicBool::new(false),
            stopped: Mutex::new(false),
            changed: Condvar::new(),
        };
        for (id, lease) in leases.iter() {
            live.put(id, lease.clone());
            if restored_at.is_some_and(|restored_at| lease.position <= restored_at) {
                live.end_later(id, LeaseEnd::Restored);
            }
        }
        live
    }

    /// Takes over what has become durable.
    pub(crate) fn follow(&self, changed: &LeasesChanged) {
        for (id, lease) in &changed.leases {
            match lease {
                Some(lease) => self.put(*id, lease.clone()),
                None => self.remove(*id),
            }
        }
    }

    fn put(&self, id: LeaseId, lease: SecretLease) {
        let mut all = self.all.write();
        if let Some(known) = all.by_id.get(&id).cloned() {
            let mut state = known.state.lock();
            all.by_end.remove(&(state.until, id));
            all.by_end.insert((lease.until, id));
            state.until = lease.until;
            for (field, generation) in lease.generations {
                if let Some(reads) = state.fields.get_mut(&field) {
                    reads.recorded = reads.recorded.max(generation);
                }
            }
            return;
        }
        all.by_end.insert((lease.until, id));
        all.of_connection.entry(lease.connection).or_default().insert(id);
        all.by_id.insert(id, Arc::new(LiveLease::new(id, lease)));
    }

    fn remove(&self, id: LeaseId) {
        let mut all = self.all.write();
        let removed = all.remove(id);
        // Nobody can ask for its end any more.
        self.to_end.lock().remove(&id);
        drop(all);
        let Some(lease) = removed else { return };
        let mut state = lease.state.lock();
        state.ended = true;
        if state.is_unrecorded {
            self.record_soon.store(true, Ordering::Release);
            self.changed.notify_one();
        }
    }

    /// Returns whether reads are to be recorded now, because their leases have ended.
    pub(super) fn take_record_soon(&self) -> bool {
        self.record_soon.swap(false, Ordering::AcqRel)
    }

    /// Notes the state of a connection after a change, if its secrets are leased.
    pub(crate) fn follow_connection(&self, after: &Arc<Connection>, row_bytes: usize) {
        let mut states = self.states.lock();
        let is_leased = self.all.read().of_connection.contains_key(&after.id);
        if is_leased || states.get(&after.id).is_some() {
            states.set_sized(after.id, Arc::clone(after), row_bytes, |_| true);
        }
    }

    /// Returns the durable state of a connection. It is looked up under the lock, so that no
    /// earlier state is kept than [`Self::follow_connection`] has noted.
    pub(super) fn connection(
        &self,
        models: &Models,
        id: ConnectionId,
    ) -> Result<Option<Arc<Connection>>, Fault> {
        let mut states = self.states.lock();
        if let Some(state) = states.get(&id) {
            return Ok(Some(Arc::clone(state)));
        }
        let Some(row) = models.row(id)? else { return Ok(None) };
        let state = Arc::new(row.connection);
        states.set_sized(id, Arc::clone(&state), row.bytes, |_| true);
        Ok(Some(state))
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.read().by_id.len()
    }

    /// Returns a lease.
    pub(crate) fn get(&self, id: LeaseId) -> Option<Arc<LiveLease>> {
        self.all.read().by_id.get(&id).cloned()
    }

    /// Returns up to `most` of the leases after one, by id, of a connection or of all.
    pub(crate) fn page(
        &self,
        connection: Option<ConnectionId>,
        after: Option<LeaseId>,
        most: usize,
        is_shown: impl Fn(&LiveLease) -> bool,
    ) -> Vec<Arc<LiveLease>> {
        let all = self.all.read();
        let is_later = |id: LeaseId| after.is_none_or(|after| id > after);
        let Some(connection) = connection else {
            let later = all.by_id.iter().filter(|(id, _)| is_later(**id));
            let shown = later.filter(|(_, lease)| is_shown(lease)).take(most);
            return shown.map(|(_, lease)| Arc::clone(lease)).collect();
        };
        let ids = all.of_connection.get(&connection).into_iter().flatten();
        let leases = ids.filter(|id| is_later(**id)).filter_map(|id| all.by_id.get(id));
        leases.filter(|lease| is_shown(lease)).take(most).cloned().collect()
    }

    /// Returns the holders, each with its leases and their connections.
    pub(super) fn by_holder(&self) -> HashMap<Actor, Vec<(LeaseId, ConnectionId)>> {
        let mut holders: HashMap<Actor, Vec<_>> = HashMap::new();
        for (id, lease) in &self.all.read().by_id {
            holders.entry(lease.holder.clone()).or_default().push((*id, lease.connection));
        }
        holders
    }

    /// Begins a read; see [`ReadsInFlight::begin`].
    pub(super) fn begin(&self) -> ReadInFlight {
        self.in_flight.begin()
    }

    /// Waits for reads that began before; see [`ReadsInFlight::finish`].
    pub(super) async fn finish_reads(&self, longest: Duration) -> bool {
        self.in_flight.finish(longest).await
    }

    /// Counts a read of these generations, unless the lease has ended. Returns whether it was
    /// counted. `recorded` are those that are recorded already.
    pub(super) fn count_read(
        &self,
        lease: &Arc<LiveLease>,
        generations: &BTreeMap<FieldName, Generation>,
        recorded: &BTreeMap<FieldName, Generation>,
        (now, via, key): (Micros, Via, Option<&Line>),
    ) -> bool {
        let mut state = lease.state.lock();
        state.ended |= state.until <= now;
        if state.ended {
            return false;
        }
        let known = state.last.as_ref();
        if known.is_none_or(|(known, by)| *known != via || by.as_ref() != key) {
            state.last = Some((via, key.cloned()));
        }
        for (field, generation) in generations {
            if recorded.get(field) != Some(generation) {
                state.count(field, ReadCount { generation: *generation, count: 1, last: now });
            }
        }
        let is_new = generations.len() > recorded.len() && !state.is_unrecorded;
        state.is_unrecorded |= is_new;
        drop(state);
        if is_new {
            self.unrecorded.lock().push(Arc::clone(lease));
        }
        true
    }

    /// Takes all reads that are not recorded.
    pub(super) fn take_unrecorded(&self) -> Vec<Unrecorded> {
        let leases = std::mem::take(&mut *self.unrecorded.lock());
        let taken = leases.into_iter().map(|lease| {
            let mut state = lease.state.lock();
            state.is_unrecorded = false;
            let mut reads = LeasedReads::new();
            for (field, of_field) in &mut state.fields {
                if !of_field.since.is_empty() {
                    let mut since = std::mem::take(&mut of_field.since);
                    since.sort_by_key(|read| read.generation);
                    reads.insert(field.clone(), since);
                }
            }
            let last = state.last.clone();
            drop(state);
            Unrecorded { lease, reads, last }
        });
        taken.collect()
    }

    /// Puts reads back that could not be recorded.
    pub(super) fn put_back(&self, Unrecorded { lease, reads, .. }: Unrecorded) {
        let mut state = lease.state.lock();
        for (field, reads) in reads {
            for read in reads {
                state.count(&field, read);
            }
        }
        let is_new = !std::mem::replace(&mut state.is_unrecorded, true);
        drop(state);
        if is_new {
            self.unrecorded.lock().push(lease);
        }
    }

    /// Has a lease ended with an event soon. Nothing is read under it from now on.
    pub(super) fn end_later(&self, id: LeaseId, because: LeaseEnd) {
        let all = self.all.read();
        let Some(lease) = all.by_id.get(&id) else { return };
        lease.state.lock().ended = true;
        self.to_end.lock().entry(id).or_insert(because);
        drop(all);
        self.changed.notify_one();
    }

    /// Returns up to `most` leases that are to be ended with an event: those whose time is over at
    /// `now`, and those of [`Self::end_later`].
    pub(super) fn due(&self, now: Micros, most: usize) -> Vec<(Arc<LiveLease>, LeaseEnd)> {
        let all = self.all.read();
        let mut due: BTreeMap<LeaseId, LeaseEnd> = BTreeMap::new();
        due.extend(self.to_end.lock().iter().take(most).map(|(id, because)| (*id, *because)));
        let over = all.by_end.iter().take_while(|(end, _)| *end <= now);
        for (_, id) in over.take(most.saturating_sub(due.len())) {
            due.entry(*id).or_insert(LeaseEnd::Expired);
        }
        let found =
            due.into_iter().filter_map(|(id, because)| Some((all.by_id.get(&id)?, because)));
        found.map(|(lease, because)| (Arc::clone(lease), because)).collect()
    }

    /// Waits for `longest`, or until something is to be done. Returns whether to go on.
    pub(super) fn wait(&self, longest: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.changed.wait_for(&mut stopped, longest);
        }
        !*stopped
    }

    /// Ends all waiting.
    pub(super) fn stop(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }
}
