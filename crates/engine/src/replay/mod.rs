//! Rebuilds read models from the log beside the live ones, then swaps or compares.
//!
//! ```text
//! 1. fold the log up to now into fresh tables, all at once (commands go on; a kill leaves the
//!    live ones alone, and the next start drops what was half made)
//! 2. fold what came meanwhile, until little is left
//! 3. pause the writer, fold the rest, then swap in one synced batch, or open both for comparison
//! ```

mod bulk;
mod compare;
mod fold;
mod limits;
pub(crate) mod recovery;

use std::time::Instant;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::{ReplayProgress, ReplayReport, ReplayRequest};
use ledger_contract::records::StreamId;
use ledger_domain::Position;
use ledger_store::tables::{meta, model};
use ledger_store::{Batch, Durability, Table};

use crate::engine::Engine;
use crate::faults;
use crate::models::{MODELS, Models};
use fold::Fold;

pub use limits::ReplayLimits;

/// Events that may be left for the pause; folding them takes a few milliseconds.
const LEFT_FOR_PAUSE: u64 = 2_000;
/// Rounds of catching up before pausing whatever is left.
const ROUNDS_MAX: u32 = 20;

/// Which of the read models are rebuilt.
pub(crate) type Wanted = [bool; 3];

impl Engine {
    /// Rebuilds one or all read models while commands go on. Blocks; `progress` is called often.
    ///
    /// Errors: `projection_unknown`, `replay_running`, `record_corrupt`.
    pub fn replay(
        &self,
        request: &ReplayRequest,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<ReplayReport, Problem> {
        let wanted = wanted(request.projection.as_deref())?;
        let Some(_only) = self.shared.replaying.try_lock() else {
            return Err(Problem::new(Code::ReplayRunning));
        };
        let started = Instant::now();
        let live = self.shared.models.load();
        let fresh = self.fresh_models()?;
        let mut fold = Fold::new(&fresh, wanted);
        let difference = self.rebuild(&mut fold, &live, progress).and_then(|()| {
            self.pause(|| {
                fold.catch_up(self.head(), progress)?;
                let head = self.head();
                fresh.flush(head).map_err(|error| faults::from_append(&error))?;
                if request.verify {
                    live.flush(head).map_err(|error| faults::from_append(&error))?;
                    return Ok(Some(compare::Pair::open(&live, &fresh, wanted)));
                }
                self.swap(&fresh, wanted, head)?;
                Ok(None)
            })?
        });
        let difference = match difference {
            Ok(Some(pairs)) => compare::first_difference(pairs),
            Ok(None) => Ok(None),
            Err(problem) => Err(problem),
        };
        let swapped = !request.verify && difference.is_ok();
        retire(&fresh, wanted, swapped);
        let names = MODELS.into_iter().zip(wanted).filter(|(_, wanted)| *wanted);
        Ok(ReplayReport {
            events: fold.position().get(),
            seconds: started.elapsed().as_secs_f64(),
            projections: names.map(|(name, _)| name.to_owned()).collect(),
            difference: difference?,
        })
    }

    /// Makes empty tables of generations that were never used.
    fn fresh_models(&self) -> Result<Models, Problem> {
        let store = &self.shared.store;
        let live = Models::live_generations(store).map_err(|error| faults::from_read(&error))?;
        let used = self.shared.generation_used.lock().next_after(live);
        for (name, generation) in MODELS.into_iter().zip(used) {
            store
                .create_table(&model(name, generation))
                .map_err(|error| faults::from_append(&error))?;
        }
        Ok(Models::at(store, used))
    }

    fn rebuild(
        &self,
        fold: &mut Fold<'_>,
        live: &Models,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<(), Problem> {
        fold.bulk(live, self.shared.replay, self.head(), progress)?;
        for _ in 0..ROUNDS_MAX {
            if self.head().get() - fold.position().get() <= LEFT_FOR_PAUSE {
                break;
            }
            fold.catch_up(self.head(), progress)?;
        }
        Ok(())
    }

    /// Makes the fresh models the live ones. Runs in the pause.
    fn swap(&self, fresh: &Models, wanted: Wanted, head: Position) -> Result<(), Problem> {
        let store = &self.shared.store;
        let live = self.shared.models.load();
        let [connections, lists, audit] = wanted;
        let mut batch = Batch::new();
        for ((name, wanted), table) in MODELS.into_iter().zip(wanted).zip(tables(fresh)) {
            if let (true, Some((_, generation))) =
                (wanted, ledger_store::tables::model_generation(table.name()))
            {
                meta::put_generation(&mut batch, store, name, generation);
            }
        }
        store.commit(batch, Durability::Synced).map_err(|error| faults::from_append(&error))?;
        let pick = |wanted| if wanted { fresh } else { &*live };
        let next = Models {
            store: store.clone(),
            connections: pick(connections).connections.clone(),
            lists: pick(lists).lists.clone(),
            audit: pick(audit).audit.clone(),
            retired: parking_lot::Mutex::default(),
        };
        let old = self.shared.models.replace(next);
        let replaced = tables(&old).into_iter().zip(wanted).filter(|(_, wanted)| *wanted);
        old.retired.lock().extend(replaced.map(|(table, _)| table));
        tracing::info!(ledger.position = %head, "read models were replaced");
        Ok(())
    }
}

/// Lets go of the fresh tables that did not become live.
fn retire(fresh: &Models, wanted: Wanted, swapped: bool) {
    let unused = tables(fresh).into_iter().zip(wanted).filter(|(_, wanted)| !(swapped && *wanted));
    fresh.retired.lock().extend(unused.map(|(table, _)| table));
}

/// Says that an event cannot follow what came before it in its stream.
fn misplaced(position: Position, stream: &StreamId) -> Problem {
    let message =
        format!("the record at position {position} does not continue its stream {stream}");
    tracing::error!(message, "the log is damaged");
    Problem::because(Code::RecordCorrupt, message)
}

fn tables(models: &Models) -> [Table; 3] {
    [models.connections.clone(), models.lists.table().clone(), models.audit.table().clone()]
}

fn wanted(projection: Option<&str>) -> Result<Wanted, Problem> {
    let Some(name) = projection else { return Ok([true; 3]) };
    let wanted = MODELS.map(|model| model == name);
    if wanted.contains(&true) {
        return Ok(wanted);
    }
    let known = MODELS.join(", ");
    let message = format!("there is no read model of that name; known are {known}");
    Err(Problem::because(Code::ProjectionUnknown, message))
}
