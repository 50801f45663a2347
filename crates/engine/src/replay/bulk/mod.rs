//! Folds the whole log into empty tables, with many threads and bounded memory.
//!
//! ```text
//! log ──> scan ──packs of records──> workers ──> states ──> write ──> rows, orders, bitmaps
//!         gives ordinals,            decode, fold,          sorted files
//!         routes by connection       gather audit bitmaps
//! ```
//!
//! A pass folds the connections in one range of ordinals and starts where the first of them was
//! created. The number of passes depends on how many states fit in memory. Only the first pass
//! reads the whole log, for the audit bitmaps and the workspaces.

mod audit;
mod pack;
mod scan;
mod snapshots;
mod worker;
mod write;

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::thread;

use ledger_contract::operations::ReplayProgress;
use ledger_domain::{Connection, ConnectionId, Position};
use ledger_store::{Batch, Gathered};

use super::limits::ReplayLimits;
use super::{Selected, go_on};
use crate::errors::Fault;
use crate::models::Models;
use audit::AuditSink;
use parking_lot::Mutex;
use scan::{Scan, Scanned};
use snapshots::SnapshotWork;
use worker::{Folded, Worker};

/// Packs that may wait for a worker. Together with the size of a pack it bounds the memory of
/// records in transit.
const PACKS_WAITING: usize = 4;

/// A connection's final state and its ordinal.
struct State {
    ordinal: u32,
    connection: Connection,
}

/// Final states to be written as rows.
type States = Vec<(ConnectionId, Box<State>)>;

/// One pass over the log.
struct Pass {
    /// The position at which reading starts.
    from: Position,
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
    pub(super) progress: &'a (dyn Fn(ReplayProgress) + Sync),
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
        let mut pass =
            Pass { from: Position::new(1), ordinals: 0..states, folds, first: true, audits };
        let mut gathered = Gathered::default();
        let (mut passes, mut events, mut folded) = (0, 0, 0);
        loop {
            let done_before = self.head.get() * passes / expected;
            let (scanned, parts) = self.pass(&pass, &|position| {
                let done = done_before + position.get() / expected;
                self.report(done.min(self.head.get()));
                go_on(self.stop)
            })?;
            if pass.first {
                events = scanned.connection_events;
            }
            folded += parts.iter().map(|part| part.events).sum::<u64>();
            let end = scanned.beyond.map(|_| pass.ordinals.end);
            write::write(self, parts, &mut gathered, end)?;
            let Some(from) = scanned.beyond else {
                self.report(self.head.get());
                expect_all_folded(folds, events, folded)?;
                return Ok(scanned.connections);
            };
            passes += 1;
            self.report((self.head.get() * passes / expected).min(self.head.get()));
            let start = pass.ordinals.end;
            let ordinals = start..start.saturating_add(states);
            pass = Pass { from, ordinals, folds, first: false, audits: false };
        }
    }

    /// Returns the expected number of passes.
    fn passes_expected(&self, states: u32) -> u64 {
        u64::from(self.connections_expected.div_ceil(states).max(1))
    }

    fn report(&self, done: u64) {
        (self.progress)(ReplayProgress { done, total: self.head.get() });
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
    ) -> Result<(Scanned, Vec<Folded>), Fault> {
        let sink = AuditSink::new(self.fresh, self.workers());
        let [rows, ..] = self.wanted;
        let passed = thread::scope(|scope| {
            let (mut senders, mut workers) = (Vec::new(), Vec::new());
            let (spare_out, spare) =
                crossbeam_channel::bounded((PACKS_WAITING + 2) * self.workers());
            for _ in 0..self.workers() {
                let (sender, packs) = crossbeam_channel::bounded(PACKS_WAITING);
                let audit = pass.audits.then_some(&sink);
                let worker = Worker::new(self.fresh, audit, self.snapshots(), rows);
                senders.push(sender);
                let spare = spare_out.clone();
                workers.push(scope.spawn(move || worker.run(&packs, &spare)));
            }
            let scanned =
                Scan::new(pass, senders, spare).run(&self.fresh.store, self.head, reached);
            let folded = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            // The error of a worker is what ended the scan, so it is reported first.
            let folded = folded.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Fault>((scanned?, folded))
        })?;
        sink.finish()?;
        Ok(passed)
    }
}

/// Checks that every event about a connection was folded in exactly one pass.
fn expect_all_folded(folds: bool, events: u64, folded: u64) -> Result<(), Fault> {
    if !folds || events == folded {
        return Ok(());
    }
    let message = format!(
        "of {events} records about connections {folded} continue their stream; the log is damaged"
    );
    Err(Fault::Damaged(message))
}
