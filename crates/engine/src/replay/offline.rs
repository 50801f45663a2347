//! Rebuilds and comparisons while nothing else uses the ledger: at a start, when the code is newer
//! than what it finds, and by `connledger replay` on a directory that is not served.
//!
//! They need the log and the master key. Nothing that is derived from the log is decoded, so it may
//! be damaged or missing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ledger_contract::operations::{Progress, ReplayReport, ReplayRequest};
use ledger_domain::Position;
use ledger_store::tables::{log, snapshots};
use ledger_store::{ReadError, Store};

use super::fold::Fold;
use super::indexes::{self, Indexes, check_rest};
use super::{ReplayLimits, Selected, compare, fresh, log_tenths, recovery, report, wanted};
use crate::derived::Stale;
use crate::engine::{Engine, EngineOptions};
use crate::errors::{Fault, OpenError, ReplayError, chain};
use crate::founding::{Opening, upgrade_format};
use crate::master_keys::counts;
use crate::models::Models;
use crate::transparency;

/// Nothing stops a replay of a ledger that is not served.
static NEVER: AtomicBool = AtomicBool::new(false);

/// What a comparison says of a directory that no program of this format has opened.
const WITHOUT_MACS: &str = "its rows were written by an earlier version and have no authentication \
                            codes; the next start adds them";

type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);

impl Engine {
    /// Rebuilds or compares what is derived from the log of a ledger that nobody has open. Besides
    /// the read models, that includes streams, claims and receipts. Blocks.
    pub fn replay_offline(
        options: &EngineOptions,
        request: &ReplayRequest,
        progress: OnProgress<'_>,
    ) -> Result<ReplayReport, ReplayError> {
        let models = wanted(request.projection.as_deref())?;
        let started = Instant::now();
        let whole = request.projection.is_none();
        let opening = Opening::begin(&options.data_dir, &options.keyring)?;
        if request.verify && !opening.has_macs() {
            let difference = Some(WITHOUT_MACS.to_owned());
            return Ok(report(Position::ZERO, started, models, whole, difference));
        }
        let (store, _) = opening.finish(&options.ports)?;
        let store = Arc::new(store);
        let stale = Stale::find(&store)?;
        fresh::drop_leftovers(&store)?;
        let difference = if request.verify {
            difference(&store, &stale, models, whole, options.replay, progress)?
        } else {
            upgrade_format(store.dir())?;
            rebuild(&store, models, options.replay, progress)?;
            if whole {
                rebuild_indexes(&store)?;
                counts::rebuild(&store)?;
                transparency::rebuild(&store, progress)?;
            }
            None
        };
        let head = log::head(&store).map_err(Fault::from)?;
        store.settle().map_err(Fault::from)?;
        Ok(report(head, started, models, whole, difference))
    }
}

/// Gives the directory today's format, and rebuilds what earlier versions of the code wrote and has
/// to be right before the ledger is served. Returns the read models to rebuild meanwhile.
pub(crate) fn bring_up_to_date(
    store: &Arc<Store>,
    limits: ReplayLimits,
) -> Result<Selected, OpenError> {
    let stale = Stale::find(store)?;
    fresh::drop_leftovers(store)?;
    upgrade_format(store.dir())?;
    let is_short = log::head(store).map_err(Fault::from)?.get() <= limits.events_at_start;
    let (now, later) = if is_short { (stale, [false; 3]) } else { stale.divide() };
    if now == Stale::default() {
        return Ok(later);
    }
    let names = now.names().join(", ");
    tracing::info!(projections = names, "rebuilding what is missing or of an earlier version");
    if now.models.contains(&true) {
        rebuild(store, now.models, limits, &log_tenths("rebuilding"))?;
    }
    if now.indexes {
        rebuild_indexes(store)?;
    }
    if now.data_keys {
        counts::rebuild(store)?;
    }
    if now.tree {
        // What is missing is added when the ledger is opened.
        transparency::clear(store)?;
    }
    tracing::info!(projections = names, "rebuilt");
    Ok(later)
}

/// Rebuilds read models from the log alone.
fn rebuild(
    store: &Arc<Store>,
    models: Selected,
    limits: ReplayLimits,
    progress: OnProgress<'_>,
) -> Result<(), Fault> {
    let head = log::head(store)?;
    fresh::expect_room(store, models)?;
    let next = Models::live_generations(store)?.map(|live| live + 1);
    let fresh = fresh::create(store, next)?;
    if let [true, ..] = models {
        snapshots::clear(store)?;
    }
    let mut fold = Fold::new(&fresh, &fresh, models, false, &NEVER);
    // How many connections there are is not known, since live rows are not trusted.
    let folded = fold.bulk(0, limits, head, progress);
    let done = folded.and_then(|()| fresh::make_live(&fresh, models));
    fresh::retire(&fresh, models, done.is_ok());
    done?;
    drop(fresh);
    fresh::drop_leftovers(store)
}

/// Builds everything that is derived from the log, of a ledger that has nothing but the log.
pub(crate) fn rebuild_all(
    store: &Arc<Store>,
    limits: ReplayLimits,
    progress: OnProgress<'_>,
) -> Result<(), Fault> {
    rebuild(store, [true; 3], limits, progress)?;
    rebuild_indexes(store)?;
    counts::rebuild(store)?;
    transparency::rebuild(store, &|_| {})
}

fn rebuild_indexes(store: &Arc<Store>) -> Result<(), Fault> {
    let rows = Models::at(store, Models::live_generations(store)?).connections.clone();
    indexes::rebuild(store, &rows, log::head(store)?)
}

/// Compares read models with the log. Returns a description of the first difference.
fn difference(
    store: &Arc<Store>,
    stale: &Stale,
    models: Selected,
    whole: bool,
    limits: ReplayLimits,
    progress: OnProgress<'_>,
) -> Result<Option<String>, Fault> {
    if let Some(name) = stale.among(models, whole).names().first() {
        return Ok(Some(format!("{name}: missing or written by an earlier version")));
    }
    let head = log::head(store)?;
    fresh::expect_room(store, models)?;
    let next = Models::live_generations(store)?.map(|live| live + 1);
    let fresh = fresh::create(store, next)?;
    fresh::retire(&fresh, models, false);
    let mut fold = Fold::new(&fresh, &fresh, models, true, &NEVER);
    fold.bulk(0, limits, head, progress)?;
    let live = Models::at(store, Models::live_generations(store)?);
    // Bitmaps follow behind a checkpoint. What cannot be decoded on the way is a difference, since
    // the log has just been read without an error.
    match recovery::catch_up(&live, head, [false; 3]) {
        Err(fault @ (Fault::Row { .. } | Fault::Damaged(_))) => return Ok(Some(chain(&fault))),
        Err(Fault::Read(error @ ReadError::Corrupt { .. })) => return Ok(Some(chain(&error))),
        caught_up => caught_up?,
    }
    live.flush(head)?;
    if let Some(difference) = fold.snapshot_difference() {
        return Ok(Some(difference));
    }
    match compare::first_difference(compare::Pair::open(&live, &fresh, models))? {
        None if whole => {
            let difference = Indexes::open(store, &fresh.connections, head).first_difference()?;
            check_rest(store)?;
            Ok(difference)
        }
        difference => Ok(difference),
    }
}
