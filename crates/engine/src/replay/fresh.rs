//! Fresh tables beside the live ones, and how they become live.

use std::sync::Arc;

use ledger_store::tables::{log, meta, model, model_generation};
use ledger_store::{Batch, Durability, Store, Table};

use super::Selected;
use crate::derived;
use crate::errors::Fault;
use crate::models::{MODELS, Models};

/// Bytes that must be free in addition to the size of the models, for the log of the database.
const ROOM_BESIDE_BYTES: u64 = 32 * 1024 * 1024;
/// The part of the log's size that a model has which is missing.
const LOG_PART: u64 = 4;

/// Refuses to rebuild models for which the disk has no room, before anything is written.
pub(super) fn expect_room(store: &Store, wanted: Selected) -> Result<(), Fault> {
    let live = Models::live_generations(store)?;
    let mut needed_bytes = ROOM_BESIDE_BYTES;
    for ((name, generation), _) in
        MODELS.into_iter().zip(live).zip(wanted).filter(|(_, wanted)| *wanted)
    {
        needed_bytes += match store.table_bytes(&model(name, generation))? {
            0 => log::bytes(store)? / LOG_PART,
            bytes => bytes,
        };
    }
    let free_bytes = store.dir().room().map_err(Fault::Room)?.free_bytes;
    if free_bytes < needed_bytes {
        return Err(Fault::NoRoom { free_bytes, needed_bytes });
    }
    Ok(())
}

/// Creates empty tables of these generations, which are not in use.
pub(super) fn create(store: &Arc<Store>, generations: [u32; 3]) -> Result<Models, Fault> {
    for (name, generation) in MODELS.into_iter().zip(generations) {
        store.create_table(&model(name, generation))?;
    }
    Ok(Models::at(store, generations))
}

/// Creates empty tables for the writer in place of the read models that are rebuilt `later`, and
/// drops those. Nothing reads the empty ones, and the next start drops them unless they were
/// replaced. Returns the generations to serve with.
pub(crate) fn stand_in(store: &Store, later: Selected) -> Result<[u32; 3], Fault> {
    let mut generations = Models::live_generations(store)?;
    let models = MODELS.into_iter().zip(&mut generations).zip(later);
    for ((name, generation), _) in models.filter(|(_, later)| *later) {
        let outdated = model(name, *generation);
        if store.has_table(&outdated) {
            store.drop_table(&outdated)?;
        }
        *generation += 1;
        store.create_table(&model(name, *generation))?;
    }
    Ok(generations)
}

/// Makes the wanted tables of `fresh` those of the next start, durably and all at once.
///
/// If it fails, the store is poisoned and drops no tables, because either generation may be the one
/// that the next start finds.
pub(super) fn make_live(fresh: &Models, wanted: Selected) -> Result<(), Fault> {
    let store = &fresh.store;
    let mut batch = Batch::new();
    for ((name, wanted), table) in MODELS.into_iter().zip(wanted).zip(tables(fresh)) {
        if let (true, Some((_, generation))) = (wanted, model_generation(table.name())) {
            meta::put_generation(&mut batch, store, name, generation);
        }
    }
    derived::put_versions(&mut batch, store, wanted);
    store.commit(batch, Durability::Synced).map_err(Fault::from)
}

/// Marks the tables that did not become live for dropping.
pub(super) fn retire(fresh: &Models, wanted: Selected, swapped: bool) {
    let unused = tables(fresh).into_iter().zip(wanted).filter(|(_, wanted)| !(swapped && *wanted));
    fresh.retired.lock().extend(unused.map(|(table, _)| table));
}

/// Returns the tables of all models.
pub(super) fn tables(models: &Models) -> [Table; 3] {
    [models.connections.clone(), models.lists.table().clone(), models.audit.table().clone()]
}

/// Drops the tables of replays that did not come to their end.
pub(super) fn drop_leftovers(store: &Store) -> Result<(), Fault> {
    let live = Models::live_generations(store)?;
    let kept: Vec<String> = MODELS
        .into_iter()
        .zip(live)
        .map(|(name, generation)| model(name, generation).name().to_owned())
        .collect();
    for name in store.table_names() {
        let Some((of, generation)) = model_generation(&name) else { continue };
        if !kept.contains(&name) {
            tracing::info!(table = %name, "dropping the table of an unfinished replay");
            store.drop_table(&model(of, generation))?;
        }
    }
    Ok(())
}
