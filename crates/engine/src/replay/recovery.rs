//! Brings bitmaps up to the log after a start: only the tail since their checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::records::{self, Record, StreamId};
use ledger_domain::{ConnectionId, Version};
use ledger_store::tables::{log, meta, model, model_generation};

use crate::engine::Shared;
use crate::models::{Change, MODELS, Models};
use crate::projections::audit::{self, Facts};
use crate::projections::list;
use crate::{faults, history};

/// Drops what a killed replay left, and folds the tail of the log into the bitmaps.
pub(crate) fn catch_up(shared: &Arc<Shared>) -> Result<(), Problem> {
    drop_leftovers(shared)?;
    let models = shared.models.load();
    let read = |error| faults::from_read(&error);
    let of_lists = meta::checkpoint(&shared.store, models.lists.table()).map_err(read)?;
    let of_audit = meta::checkpoint(&shared.store, models.audit.table()).map_err(read)?;
    let head = *shared.head.borrow();
    if of_lists > head || of_audit > head {
        let message = "a read model is ahead of the log; run connledger replay";
        return Err(Problem::because(Code::RecordCorrupt, message));
    }
    // The first version of each connection that its lists have not seen.
    let mut touched: BTreeMap<ConnectionId, Version> = BTreeMap::new();
    for row in log::scan(&shared.store, of_lists.min(of_audit).next()) {
        let (position, bytes) = row.map_err(read)?;
        let Record { metadata, happened } =
            records::decode(position, &bytes).map_err(|error| faults::from_record(&error))?;
        if position > of_audit {
            let facts = Facts { metadata: &metadata, type_name: happened.type_name() };
            audit::index(&mut models.audit.change(), &facts).map_err(read)?;
        }
        if let (true, StreamId::Connection(id)) = (position > of_lists, &metadata.stream) {
            touched.entry(*id).or_insert(metadata.version);
        }
    }
    for (id, first) in touched {
        relist(shared, &models, id, first)?;
    }
    Ok(())
}

/// Moves one connection from where its lists last saw it to where it is.
fn relist(
    shared: &Shared,
    models: &Models,
    id: ConnectionId,
    first: Version,
) -> Result<(), Problem> {
    let seen = Version::new(first.get() - 1);
    let before = match seen {
        Version::ZERO => None,
        _ => history::state_at(&shared.store, id, seen)?,
    };
    let row = models.row(id)?.ok_or_else(|| {
        Problem::because(Code::RecordCorrupt, format!("the row of connection {id} is missing"))
    })?;
    let change = Change { ordinal: row.ordinal, before: before.as_ref(), after: &row.connection };
    list::index(&mut models.lists.change(), &change).map_err(|error| faults::from_read(&error))
}

fn drop_leftovers(shared: &Shared) -> Result<(), Problem> {
    let live =
        Models::live_generations(&shared.store).map_err(|error| faults::from_read(&error))?;
    let kept: Vec<String> = MODELS
        .into_iter()
        .zip(live)
        .map(|(name, generation)| model(name, generation).name().to_owned())
        .collect();
    for name in shared.store.tables_found() {
        let Some((of, generation)) = model_generation(name) else { continue };
        if !kept.contains(name) {
            tracing::info!(table = %name, "dropping what an unfinished replay left");
            shared
                .store
                .drop_table(&model(of, generation))
                .map_err(|error| faults::from_append(&error))?;
        }
    }
    Ok(())
}
