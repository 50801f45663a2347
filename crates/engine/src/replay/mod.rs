//! Rebuilds read models from the log beside the live ones, then swaps or compares them.
//!
//! ```text
//! 1. fold the log up to now into fresh tables, all at once (commands go on; a kill leaves the
//!    live ones alone, and the next start drops what was half made)
//! 2. fold what came meanwhile, until little is left
//! 3. pause the writer, fold the rest, then swap in one synced batch, or open both for comparison
//! ```
//!
//! `background.rs` does it at a start for what lists and histories need, while the ledger is
//! served. `offline.rs` does the same while nothing else uses the ledger. Only there, the tables of
//! `indexes.rs` are rebuilt as well; they are compared unless one read model is named.

mod background;
mod bulk;
mod compare;
mod entry;
mod fold;
mod fresh;
mod indexes;
mod limits;
mod offline;
pub(crate) mod recovery;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger_contract::operations::{Progress, ReplayReport, ReplayRequest};
use ledger_contract::records::StreamId;
use ledger_domain::Position;
use ledger_store::tables::connections;

use crate::engine::Engine;
use crate::errors::{Fault, ReplayError};
use crate::models::{MODELS, Models};
use fold::Fold;
use indexes::Indexes;

pub(crate) use background::{Rebuilder, Rebuilding};
pub(crate) use entry::{Due, Entry, NO_FINGERPRINT};
pub(crate) use fresh::stand_in;
pub use limits::ReplayLimits;
pub(crate) use offline::{bring_up_to_date, rebuild_all};

/// How long a replay waits while an erasure empties events, of which other states are folded.
const EMPTYING_PATIENCE: Duration = Duration::from_secs(30);
/// Events that may be left for the pause. Folding them takes a few milliseconds.
const LEFT_FOR_PAUSE: u64 = 2_000;
/// Rounds of catching up while commands go on. If they come faster than they are folded, the writer
/// is then paused for some at a time.
const ROUNDS_MAX: u32 = 20;
/// Events that are folded in such a pause; more than come in between.
const PAUSE_EVENTS: u64 = 10_000;

/// The read models to rebuild.
pub(crate) type Selected = [bool; 3];

impl Engine {
    /// Rebuilds one or all read models while commands continue. Blocks, and calls `progress` often.
    ///
    /// On an error the live read models are unchanged.
    pub fn replay(
        &self,
        request: &ReplayRequest,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<ReplayReport, ReplayError> {
        let models = wanted(request.projection.as_deref())?;
        let whole = request.projection.is_none();
        self.replay_models(models, whole, request.verify, progress)
    }

    fn replay_models(
        &self,
        models: Selected,
        whole: bool,
        verify: bool,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<ReplayReport, ReplayError> {
        let Some(_only) = self.shared.replaying.try_lock() else {
            return Err(ReplayError::Running);
        };
        let Some(_whole) = self.shared.emptying.try_lock_for(EMPTYING_PATIENCE) else {
            return Err(ReplayError::Running);
        };
        if verify && self.shared.rebuilding.concerns(models) {
            return Err(ReplayError::Running);
        }
        fresh::expect_room(&self.shared.store, models)?;
        let started = Instant::now();
        let fresh = self.fresh_models()?;
        let live = self.shared.models.load();
        let stop = self.shared.rebuilding.stop();
        let mut fold = Fold::new(&fresh, &live, models, verify, stop);
        let replayed = self.rebuild(&mut fold, progress);
        let replayed = replayed.and_then(|()| {
            if verify {
                return self.compare(&mut fold, &fresh, models, whole, progress);
            }
            self.pause(|| self.swap(&mut fold, &fresh, models, progress))??;
            Ok(None)
        });
        fresh::retire(&fresh, models, !verify && replayed.is_ok());
        Ok(report(fold.position(), started, models, whole && verify, replayed?))
    }

    /// Creates empty tables with unused generations.
    fn fresh_models(&self) -> Result<Models, Fault> {
        let store = &self.shared.store;
        let live = Models::live_generations(store)?;
        let used = self.shared.generation_used.lock().next_after(live);
        fresh::create(store, used)
    }

    fn rebuild(
        &self,
        fold: &mut Fold<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), ReplayError> {
        let live = self.shared.models.load().connections.clone();
        // It serves only the progress report, because the live rows may be wrong.
        let connections = connections::next_ordinal(&self.shared.store, &live);
        let connections = connections.map_err(Fault::from)?;
        fold.bulk(connections, self.shared.replay, self.head(), progress)?;
        let mut rounds = 0;
        loop {
            let (position, head) = (fold.position(), self.head());
            if head.get() - position.get() <= LEFT_FOR_PAUSE {
                return Ok(());
            }
            if rounds < ROUNDS_MAX {
                fold.catch_up(head, progress)?;
            } else {
                let until = head.min(Position::new(position.get() + PAUSE_EVENTS));
                self.pause(|| fold.catch_up(until, progress))??;
            }
            rounds += 1;
        }
    }

    /// Compares the fresh models with the live ones, as of one moment.
    fn compare(
        &self,
        fold: &mut Fold<'_>,
        fresh: &Models,
        models: Selected,
        whole: bool,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Option<String>, ReplayError> {
        let live = self.shared.models.load();
        let (pairs, indexes) = self.pause(|| {
            let head = self.head();
            fold.catch_up(head, progress)?;
            fresh.flush(head)?;
            live.flush(head)?;
            let pairs = compare::Pair::open(&live, fresh, models);
            let indexes = whole.then(|| Indexes::open(&live.store, &fresh.connections, head));
            Ok::<_, Fault>((pairs, indexes))
        })??;
        if let Some(difference) = fold.snapshot_difference() {
            return Ok(Some(difference));
        }
        Ok(match (compare::first_difference(pairs)?, indexes) {
            (None, Some(indexes)) => {
                let difference = indexes.first_difference()?;
                indexes::check_rest(&live.store)?;
                difference
            }
            (difference, _) => difference,
        })
    }

    /// Makes the fresh models live. Runs during the pause.
    fn swap(
        &self,
        fold: &mut Fold<'_>,
        fresh: &Models,
        models: Selected,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), Fault> {
        let head = self.head();
        fold.catch_up(head, progress)?;
        fresh.flush(head)?;
        fresh::make_live(fresh, models)?;
        let live = self.shared.models.load();
        let [connections, lists, audit] = models;
        let pick = |wanted| if wanted { fresh } else { &*live };
        let next = Models {
            store: live.store.clone(),
            connections: pick(connections).connections.clone(),
            lists: pick(lists).lists.clone(),
            audit: pick(audit).audit.clone(),
            retired: parking_lot::Mutex::default(),
        };
        let old = self.shared.models.replace(next);
        let replaced = fresh::tables(&old).into_iter().zip(models).filter(|(_, wanted)| *wanted);
        old.retired.lock().extend(replaced.map(|(table, _)| table));
        self.shared.rebuilding.finish(models);
        tracing::info!(ledger.position = %head, "read models replaced");
        Ok(())
    }
}

/// Returns the report of a replay. `whole` says that streams, claims and receipts took part.
fn report(
    position: Position,
    started: Instant,
    models: Selected,
    whole: bool,
    difference: Option<String>,
) -> ReplayReport {
    let names = MODELS.into_iter().zip(models).filter(|(_, wanted)| *wanted).map(|(name, _)| name);
    let indexes = indexes::NAMES.into_iter().filter(|_| whole);
    ReplayReport {
        events: position.get(),
        seconds: started.elapsed().as_secs_f64(),
        projections: names.chain(indexes).map(str::to_owned).collect(),
        difference,
    }
}

/// Returns the fault for an event that does not follow its predecessor in the stream.
fn misplaced(position: Position, stream: &StreamId) -> Fault {
    Fault::Damaged(format!(
        "the record at position {position} does not continue its stream {stream}"
    ))
}

/// Returns an error if the replay is to end early.
fn go_on(stop: &AtomicBool) -> Result<(), Fault> {
    if stop.load(Ordering::Relaxed) { Err(Fault::Stopped) } else { Ok(()) }
}

/// Returns a function that logs the progress of some work ten times.
pub(crate) fn log_tenths(work: &'static str) -> impl Fn(Progress) + Sync {
    const TENTHS: u64 = 10;
    let logged = AtomicU64::new(0);
    move |Progress { done, total }| {
        let tenth = TENTHS * done / total.max(1);
        if logged.fetch_max(tenth, Ordering::Relaxed) < tenth {
            tracing::info!(done, total, "{work}");
        }
    }
}

/// Returns the fault for a gap in the log.
pub(crate) fn missing(position: Position) -> Fault {
    Fault::Damaged(format!("the record at position {position} is missing"))
}

fn wanted(projection: Option<&str>) -> Result<Selected, ReplayError> {
    let Some(name) = projection else { return Ok([true; 3]) };
    let wanted = MODELS.map(|model| model == name);
    if wanted.contains(&true) {
        return Ok(wanted);
    }
    Err(ReplayError::ProjectionUnknown { known: MODELS.join(", ") })
}
