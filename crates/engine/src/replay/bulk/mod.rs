//! Folds the whole log into empty tables, with many threads and bounded memory.
//!
//! ```text
//! log ──> scan ──packs of records──> workers ──> states ──> write ──> rows, orders, bitmaps
//!         gives ordinals,            decode, fold,          sorted files
//!         routes by connection       gather audit bitmaps
//! ```
//!
//! A pass folds the connections in one range of ordinals and starts where the first of them was
//! created. It ends its range earlier if the states would take too much memory. Only the first pass
//! reads the whole log, for the audit bitmaps and the workspaces.

mod audit;
mod budget;
mod pack;
mod scan;
mod snapshots;
mod worker;
mod write;

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::thread;

use ledger_contract::operations::Progress;
use ledger_domain::{Connection, ConnectionId, Position};
use ledger_store::tables::log;
use ledger_store::{Batch, Gathered};

use super::limits::ReplayLimits;
use super::{Selected, go_on};
use crate::errors::Fault;
use crate::models::Models;
use audit::AuditSink;
use budget::Budget;
use parking_lot::Mutex;
use scan::{Beyond, Scan, Scanned};
use snapshots::SnapshotWork;
use worker::{Work, Worker};

/// Packs that may wait for a worker. Together with the size of a pack it bounds the memory of
/// records in transit.
const PACKS_WAITING: usize = 4;

/// A connection's final state and its ordinal.
struct State {
    ordinal: u32,
    connection: Connection,
    /// What it takes in memory, or more.
    bytes: u64,
}

/// Final states to be written as rows.
type States = Vec<(ConnectionId, Box<State>)>;

/// One pass over the log.
struct Pass {
    /// The position at which reading starts.
    from: Position,
    /// Number of connections created before that.
    created: u32,
    /// The ordinals of the connections to fold.
    ordinals: Range<u32>,
    /// Whether connections are folded at all.
    folds: bool,
    /// Whether this pass reads the whole log.
    first: bool,
    /// Whether audit bitmaps are gathered.
    audits: bool,
}

/// Builds the `wanted` models of `fresh`, which are empty, from the log up to `head`.
pub(super) struct Bulk<'a> {
    pub(super) fresh: &'a Models,
    /// The number of connections that is expected; it serves only the progress report.
    pub(super) connections_expected: u32,
    pub(super) wanted: Selected,
    pub(super) limits: ReplayLimits,
    pub(super) head: Position,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
    /// The first snapshot that differs, if they are to be compared; otherwise they are written.
    pub(super) compared: Option<&'a Mutex<Option<String>>>,
    /// Set when the replay is to end early.
    pub(super) stop: &'a AtomicBool,
}

impl Bulk<'_> {
    /// Folds everything and returns the number of connections.
    pub(super) fn run(&self) -> Result<u32, Fault> {
        let [rows, lists, audits] = self.wanted;
        let states = self.limits.states.max(1);
        let (folds, expected) = (rows || lists, self.passes_expected(states));
        let ordinals = 0..states;
        let from = Position::new(1);
        let mut pass = Pass { from, created: 0, ordinals, folds, first: true, audits };
        let mut gathered = Gathered::default();
        let (mut passes, mut events, mut folded) = (0, 0, 0);
        loop {
            let done_before = self.head.get() * passes / expected;
            let Passed { scanned, end, states: parts, used } = self.pass(&pass, &|position| {
                let done = done_before + position.get() / expected;
                self.report(done.min(self.head.get()));
                go_on(self.stop)
            })?;
            if pass.first {
                events = scanned.connection_events;
            }
            // The version of a connection is the number of its events.
            let versions = parts.iter().map(|(_, state)| state.connection.version.get());
            folded += versions.sum::<u64>();
            gathered.merge(used);
            write::write(self, parts, &mut gathered, scanned.beyond.map(|_| end))?;
            let Some(beyond) = scanned.beyond else {
                self.report(self.head.get());
                if folds && events != folded {
                    return Err(self.not_all_folded(events, folded));
                }
                return Ok(scanned.connections);
            };
            passes += 1;
            self.report((self.head.get() * passes / expected).min(self.head.get()));
            let Beyond { position: from, created } = beyond;
            let ordinals = end..end.saturating_add(states);
            pass = Pass { from, created, ordinals, folds, first: false, audits: false };
        }
    }

    /// Returns the expected number of passes.
    fn passes_expected(&self, states: u32) -> u64 {
        u64::from(self.connections_expected.div_ceil(states).max(1))
    }

    fn report(&self, done: u64) {
        (self.progress)(Progress { done, total: self.head.get() });
    }

    fn snapshots(&self) -> SnapshotWork<'_> {
        match (self.wanted, self.compared) {
            ([false, ..], _) => SnapshotWork::Nothing,
            (_, Some(difference)) => SnapshotWork::Compare(difference),
            (_, None) => SnapshotWork::Write(Batch::new()),
        }
    }

    fn workers(&self) -> usize {
        self.limits.workers.max(1)
    }

    /// Performs one pass over the log.
    fn pass(
        &self,
        pass: &Pass,
        reached: &dyn Fn(Position) -> Result<(), Fault>,
    ) -> Result<Passed, Fault> {
        let (fresh, count) = (self.fresh, self.workers());
        let sink = AuditSink::new(fresh, count);
        let used = Mutex::default();
        let budget = Budget::new(self.limits.state_bytes, &pass.ordinals, count);
        let [rows, ..] = self.wanted;
        let passed = thread::scope(|scope| {
            let (mut senders, mut workers) = (Vec::new(), Vec::new());
            let (spare_out, spare) = crossbeam_channel::bounded((PACKS_WAITING + 2) * count);
            for number in 0..count {
                let (sender, packs) = crossbeam_channel::bounded(PACKS_WAITING);
                let (audit, snapshots) = (pass.audits.then_some(&sink), self.snapshots());
                let (folds, budget, used) = (pass.folds, &budget, &used);
                let work = Work { fresh, audit, snapshots, used, rows, folds, budget, number };
                let worker = Worker::new(work);
                senders.push(sender);
                let spare = spare_out.clone();
                workers.push(scope.spawn(move || worker.run(&packs, &spare)));
            }
            let scan = Scan::new(&fresh.store, pass, &budget, senders, spare);
            let scanned = scan.run(self.head, reached);
            let states = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            // The error of a worker is what ended the scan, so it is reported first.
            let states = states.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Fault>(Passed::new(pass, &budget, scanned?, states))
        })?;
        sink.finish()?;
        Ok(Passed { used: used.into_inner(), ..passed })
    }

    /// Returns the fault for records that no pass has folded.
    fn not_all_folded(&self, events: u64, folded: u64) -> Fault {
        // A record whose stream was altered is one that nobody has checked.
        let mut records = log::scan_all(&self.fresh.store, Position::new(1));
        if let Some(Err(altered)) = records.find(Result::is_err) {
            return altered.into();
        }
        Fault::Damaged(format!(
            "of {events} records about connections {folded} continue their stream; the log is \
             damaged"
        ))
    }
}

/// The result of a pass.
struct Passed {
    scanned: Scanned,
    /// The ordinal at which it ended.
    end: u32,
    states: States,
    /// On which days the secrets of connections were used, of this pass and perhaps of the next.
    used: Gathered,
}

impl Passed {
    fn new(pass: &Pass, budget: &Budget, mut scanned: Scanned, states: Vec<States>) -> Self {
        let end = budget.end();
        let is_right = |beyond: &Beyond| beyond.created == end;
        // Where a pass ended early, it is not known where the first connection of the next one was
        // created.
        scanned.beyond = scanned.beyond.filter(is_right).or_else(|| {
            let same = Beyond { position: pass.from, created: pass.created };
            (pass.folds && end < scanned.connections).then_some(same)
        });
        let mut states: States = states.into_iter().flatten().collect();
        states.retain(|(_, state)| state.ordinal < end);
        Self { scanned, end, states, used: Gathered::default() }
    }
}
