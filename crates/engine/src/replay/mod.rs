//! Rebuilds read models from the log beside the live ones, then swaps or compares them.
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
pub(crate) mod schema;

use std::time::Instant;

use ledger_contract::operations::{ReplayProgress, ReplayReport, ReplayRequest};
use ledger_contract::records::StreamId;
use ledger_domain::Position;
use ledger_store::tables::{meta, model};
use ledger_store::{Batch, Durability, Table};

use crate::engine::{Engine, Shared};
use crate::errors::{Fault, ReplayError};
use crate::models::{MODELS, Models};
use fold::Fold;

pub use limits::ReplayLimits;

/// Events that may be left for the pause. Folding them takes a few milliseconds.
const LEFT_FOR_PAUSE: u64 = 2_000;
/// Rounds of catching up before the pause, however many events are left.
const ROUNDS_MAX: u32 = 20;

/// The read models to rebuild.
pub(crate) type Selected = [bool; 3];

impl Engine {
    /// Rebuilds one or all read models while commands continue. Blocks, and calls `progress` often.
    ///
    /// On an error the live read models are unchanged.
    pub fn replay(
        &self,
        request: &ReplayRequest,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<ReplayReport, ReplayError> {
        let wanted = wanted(request.projection.as_deref())?;
        let Some(_only) = self.shared.replaying.try_lock() else {
            return Err(ReplayError::Running);
        };
        let started = Instant::now();
        let live = self.shared.models.load();
        let fresh = self.shared.fresh_models()?;
        let mut fold = Fold::new(&fresh, wanted, request.verify);
        let rebuilt = self.rebuild(&mut fold, &live, progress).map_err(ReplayError::from);
        let difference = rebuilt.and_then(|()| {
            let paused = self.pause(|| {
                fold.catch_up(self.head(), progress)?;
                let head = self.head();
                fresh.flush(head)?;
                if request.verify {
                    live.flush(head)?;
                    return Ok(Some(compare::Pair::open(&live, &fresh, wanted)));
                }
                self.shared.swap(&fresh, wanted, head)?;
                Ok::<_, Fault>(None)
            })?;
            Ok(paused?)
        });
        let difference = match difference {
            Ok(Some(pairs)) => match fold.snapshot_difference() {
                Some(difference) => Ok(Some(difference)),
                None => compare::first_difference(pairs).map_err(ReplayError::from),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(error),
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

    fn rebuild(
        &self,
        fold: &mut Fold<'_>,
        live: &Models,
        progress: &(dyn Fn(ReplayProgress) + Sync),
    ) -> Result<(), Fault> {
        fold.bulk(live, self.shared.replay, self.head(), progress)?;
        for _ in 0..ROUNDS_MAX {
            if self.head().get() - fold.position().get() <= LEFT_FOR_PAUSE {
                break;
            }
            fold.catch_up(self.head(), progress)?;
        }
        Ok(())
    }
}

impl Shared {
    /// Creates empty tables with unused generations.
    fn fresh_models(&self) -> Result<Models, Fault> {
        let store = &self.store;
        let live = Models::live_generations(store)?;
        let used = self.generation_used.lock().next_after(live);
        for (name, generation) in MODELS.into_iter().zip(used) {
            store.create_table(&model(name, generation))?;
        }
        Ok(Models::at(store, used))
    }

    /// Makes the fresh models live. Runs while nothing is written.
    fn swap(&self, fresh: &Models, wanted: Selected, head: Position) -> Result<(), Fault> {
        let store = &self.store;
        let live = self.models.load();
        let [connections, lists, audit] = wanted;
        let mut batch = Batch::new();
        for ((name, wanted), table) in MODELS.into_iter().zip(wanted).zip(tables(fresh)) {
            if let (true, Some((_, generation))) =
                (wanted, ledger_store::tables::model_generation(table.name()))
            {
                meta::put_generation(&mut batch, store, name, generation);
            }
        }
        if lists {
            schema::put(&mut batch, store);
        }
        store.commit(batch, Durability::Synced)?;
        let pick = |wanted| if wanted { fresh } else { &*live };
        let next = Models {
            store: store.clone(),
            connections: pick(connections).connections.clone(),
            lists: pick(lists).lists.clone(),
            audit: pick(audit).audit.clone(),
            retired: parking_lot::Mutex::default(),
        };
        let old = self.models.replace(next);
        let replaced = tables(&old).into_iter().zip(wanted).filter(|(_, wanted)| *wanted);
        old.retired.lock().extend(replaced.map(|(table, _)| table));
        tracing::info!(ledger.position = %head, "read models replaced");
        Ok(())
    }
}

/// Marks the tables that did not become live for dropping.
fn retire(fresh: &Models, wanted: Selected, swapped: bool) {
    let unused = tables(fresh).into_iter().zip(wanted).filter(|(_, wanted)| !(swapped && *wanted));
    fresh.retired.lock().extend(unused.map(|(table, _)| table));
}

/// Returns the fault for an event that does not follow its predecessor in the stream.
fn misplaced(position: Position, stream: &StreamId) -> Fault {
    Fault::Damaged(format!(
        "the record at position {position} does not continue its stream {stream}"
    ))
}

fn tables(models: &Models) -> [Table; 3] {
    [models.connections.clone(), models.lists.table().clone(), models.audit.table().clone()]
}

fn wanted(projection: Option<&str>) -> Result<Selected, ReplayError> {
    let Some(name) = projection else { return Ok([true; 3]) };
    let wanted = MODELS.map(|model| model == name);
    if wanted.contains(&true) {
        return Ok(wanted);
    }
    Err(ReplayError::ProjectionUnknown { known: MODELS.join(", ") })
}
