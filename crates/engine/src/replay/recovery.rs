//! Brings bitmaps up to date after a start, from the log since their checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_contract::records::{self, Record, StreamId};
use ledger_domain::{ConnectionId, Version};
use ledger_store::Changes;
use ledger_store::tables::{log, meta, model, model_generation};

use crate::engine::Shared;
use crate::errors::Fault;
use crate::history;
use crate::models::{Change, MODELS, Models};
use crate::projections::audit::{self, Facts};
use crate::projections::list;
use crate::replay::schema;

/// Drops the tables of an unfinished replay, rebuilds outdated lists and folds the end of the log
/// into the bitmaps.
pub(crate) fn catch_up(shared: &Arc<Shared>) -> Result<(), Fault> {
    drop_leftovers(shared)?;
    schema::rebuild_outdated(shared)?;
    let models = shared.models.load();
    let of_lists = meta::checkpoint(&shared.store, models.lists.table())?;
    let of_audit = meta::checkpoint(&shared.store, models.audit.table())?;
    let head = *shared.head.borrow();
    if of_lists > head || of_audit > head {
        let message = "a read model is ahead of the log; run connledger replay";
        return Err(Fault::Damaged(message.to_owned()));
    }
    // The first version of each connection that is missing from its lists.
    let mut touched: BTreeMap<ConnectionId, Version> = BTreeMap::new();
    for row in log::scan(&shared.store, of_lists.min(of_audit).next()) {
        let (position, bytes) = row?;
        let Record { metadata, happened } = records::decode(position, &bytes)?;
        if position > of_audit {
            let facts = Facts { metadata: &metadata, type_name: happened.type_name() };
            let mut changes = Changes::default();
            audit::index(&mut changes, &facts);
            models.audit.apply(changes)?;
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

/// Moves a connection in the lists from its last indexed state to its current one.
fn relist(shared: &Shared, models: &Models, id: ConnectionId, first: Version) -> Result<(), Fault> {
    let seen = Version::new(first.get() - 1);
    let before = match seen {
        Version::ZERO => None,
        _ => history::state_at(&shared.store, id, seen)?,
    };
    let row = models
        .row(id)?
        .ok_or_else(|| Fault::Damaged(format!("the row of connection {id} is missing")))?;
    let change = Change { ordinal: row.ordinal, before: before.as_ref(), after: &row.connection };
    let mut changes = Changes::default();
    list::index(&mut changes, &change);
    models.lists.apply(changes)?;
    Ok(())
}

fn drop_leftovers(shared: &Shared) -> Result<(), Fault> {
    let live = Models::live_generations(&shared.store)?;
    let kept: Vec<String> = MODELS
        .into_iter()
        .zip(live)
        .map(|(name, generation)| model(name, generation).name().to_owned())
        .collect();
    for name in shared.store.tables_found() {
        let Some((of, generation)) = model_generation(name) else { continue };
        if !kept.contains(name) {
            tracing::info!(table = %name, "dropping the table of an unfinished replay");
            shared.store.drop_table(&model(of, generation))?;
        }
    }
    Ok(())
}
