//! Reads the log, assigns ordinals to connections and routes records to workers.
//!
//! One thread does this for all records, so it reads only the first fields of each, and leaves to
//! the workers to check that a record is authentic. A record whose first fields were altered goes
//! to the wrong worker or pass, where its check fails, or to none, which is noticed at the end.

use crossbeam_channel::{Receiver, Sender};
use ledger_contract::records::{Head, RecordError};
use ledger_domain::{ConnectionId, Position, Version};
use ledger_store::tables::log::{Stored, StoredRecords};
use ledger_store::{Gathered, Store};

use super::Pass;
use super::budget::Budget;
use super::pack::{Pack, Place};
use crate::errors::Fault;
use crate::replay::missing;

/// What the names of all types of events about leases have.
const LEASE: &[u8] = b"lease";

/// Number of records between progress reports.
const RECORDS_PER_REPORT: u64 = 4_096;
/// The version that creates a connection.
const FIRST_VERSION: Version = Version::new(1);

/// The result of a scan.
pub(super) struct Scanned {
    /// Number of connections created up to the end of the log.
    pub(super) connections: u32,
    /// Where the first connection beyond this pass was created.
    pub(super) beyond: Option<Beyond>,
    /// Number of records about connections.
    pub(super) connection_events: u64,
}

/// Where the next pass can begin to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beyond {
    pub(super) position: Position,
    /// Number of connections created before.
    pub(super) created: u32,
}

/// Why a scan ended early.
enum Stop {
    /// A worker failed and reports the error itself.
    WorkerGone,
    Fault(Fault),
}

/// A scan in progress.
pub(super) struct Scan<'a> {
    store: &'a Store,
    pass: &'a Pass,
    budget: &'a Budget,
    routes: Vec<(Sender<Pack>, Pack)>,
    /// Packs that can be reused.
    spare: Receiver<Pack>,
    found: Scanned,
    /// The lowest and highest id folded in this pass. Ids grow with time, so most connections of
    /// other passes are outside this range.
    span: Option<(ConnectionId, ConnectionId)>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        store: &'a Store,
        pass: &'a Pass,
        budget: &'a Budget,
        workers: Vec<Sender<Pack>>,
        spare: Receiver<Pack>,
    ) -> Self {
        let found = Scanned { connections: pass.created, beyond: None, connection_events: 0 };
        let routes = workers.into_iter().map(|worker| (worker, Pack::default())).collect();
        Self { store, pass, budget, routes, spare, found, span: None }
    }

    /// Reads up to `head`. A gap in the log is an error and never skipped.
    pub(super) fn run(
        mut self,
        head: Position,
        reached: &dyn Fn(Position) -> Result<(), Fault>,
    ) -> Result<Scanned, Fault> {
        match self.read(head, reached) {
            Ok(()) | Err(Stop::WorkerGone) => Ok(self.found),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    fn read(
        &mut self,
        head: Position,
        reached: &dyn Fn(Position) -> Result<(), Fault>,
    ) -> Result<(), Stop> {
        let mut records = StoredRecords::walk_all(self.store, self.pass.from);
        let mut expected = self.pass.from;
        while expected <= head {
            let record = records.next_record();
            let record = record.map_err(|error| Stop::Fault(error.into()))?;
            let (position, stored) = match record {
                Some((position, stored)) if position == expected => (position, stored),
                _ => return Err(Stop::Fault(missing(expected))),
            };
            let place = self.place(position, stored)?;
            self.route(position, place, stored)?;
            if position.get() % RECORDS_PER_REPORT == 0 {
                reached(position).map_err(Stop::Fault)?;
            }
            expected = expected.next();
        }
        self.send_all(Gathered::chunk(head.get()))
    }

    /// Classifies a record for this pass.
    fn place(&mut self, position: Position, stored: Stored<'_>) -> Result<Place, Stop> {
        let head = Head::read(position, stored.unchecked());
        let head =
            head.map_err(|error| Stop::Fault(unreadable(self.store, position, stored, error)))?;
        if let Some(id) = head.reveals {
            return Ok(self.revealed(id));
        }
        let Some(id) = head.connection else { return Ok(Place::Apart) };
        self.found.connection_events += 1;
        if !self.pass.folds {
            return Ok(Place::Elsewhere);
        }
        Ok(match head.version {
            FIRST_VERSION => self.created(id, position),
            _ => self.changed(id),
        })
    }

    fn created(&mut self, id: ConnectionId, position: Position) -> Place {
        let ordinal = self.found.connections;
        self.found.connections += 1;
        if ordinal < self.pass.ordinals.start {
            return Place::Elsewhere;
        }
        if ordinal >= self.budget.end() {
            let created = ordinal;
            self.found.beyond.get_or_insert(Beyond { position, created });
            return Place::Elsewhere;
        }
        let (least, greatest) = self.span.unwrap_or((id, id));
        self.span = Some((least.min(id), greatest.max(id)));
        Place::New(id, ordinal)
    }

    /// Reveals are checked in the first pass, whichever pass has the connection.
    fn revealed(&self, id: ConnectionId) -> Place {
        match self.span {
            _ if self.pass.first => Place::Revealed(id),
            Some((least, greatest)) if least <= id && id <= greatest => Place::Revealed(id),
            _ => Place::Elsewhere,
        }
    }

    fn changed(&self, id: ConnectionId) -> Place {
        if self.pass.first && self.found.beyond.is_none() {
            return Place::Known(id);
        }
        match self.span {
            Some((least, greatest)) if least <= id && id <= greatest => Place::Perhaps(id),
            _ => Place::Elsewhere,
        }
    }

    fn route(&mut self, position: Position, place: Place, stored: Stored<'_>) -> Result<(), Stop> {
        let of_use = match place {
            Place::Elsewhere => self.pass.audits,
            Place::Apart | Place::Lease => self.pass.first,
            _ => true,
        };
        if of_use {
            self.push(position, place, stored)?;
        }
        // Leases end throughout a workspace, so one worker has all of them.
        let may_be_of_lease = || memchr::memmem::find(stored.unchecked(), LEASE).is_some();
        if self.pass.first && matches!(place, Place::Revealed(_)) && may_be_of_lease() {
            self.push(position, Place::Lease, stored)?;
        }
        let chunk = Gathered::chunk(position.get());
        if self.pass.audits && Gathered::chunk(position.next().get()) != chunk {
            self.send_all(chunk)?;
        }
        Ok(())
    }

    fn push(&mut self, position: Position, place: Place, stored: Stored<'_>) -> Result<(), Stop> {
        let worker = self.worker(position, place);
        if let Some((worker, pack)) = self.routes.get_mut(worker) {
            pack.push(position, place, stored);
            if pack.is_full() {
                send(worker, pack, &self.spare)?;
            }
        }
        Ok(())
    }

    /// Returns the worker for a record. All records of one connection go to the same worker.
    fn worker(&self, position: Position, place: Place) -> usize {
        let number = match place {
            Place::New(id, _) | Place::Known(id) | Place::Perhaps(id) | Place::Revealed(id) => {
                random_part(id)
            }
            Place::Apart | Place::Lease => 0,
            Place::Elsewhere => position.get(),
        };
        let workers = u64::try_from(self.routes.len()).unwrap_or(u64::MAX);
        usize::try_from(number % workers).unwrap_or(0)
    }

    /// Sends all packs and marks the end of a chunk of audit bitmaps.
    fn send_all(&mut self, chunk: u64) -> Result<(), Stop> {
        for (worker, pack) in &mut self.routes {
            pack.ends = Some(chunk);
            send(worker, pack, &self.spare)?;
        }
        Ok(())
    }
}

fn send(worker: &Sender<Pack>, pack: &mut Pack, spare: &Receiver<Pack>) -> Result<(), Stop> {
    let next = spare.try_recv().unwrap_or_default();
    worker.send(std::mem::replace(pack, next)).map_err(|_| Stop::WorkerGone)
}

/// Returns why a record that has not been checked cannot be read.
pub(super) fn unreadable(
    store: &Store,
    position: Position,
    stored: Stored<'_>,
    error: RecordError,
) -> Fault {
    match stored.check(store, position) {
        Ok(_) => error.into(),
        Err(altered) => altered.into(),
    }
}

/// Returns the half of an id that does not depend on time.
fn random_part(id: ConnectionId) -> u64 {
    let (_, random) = id.uuid().as_u64_pair();
    random
}
