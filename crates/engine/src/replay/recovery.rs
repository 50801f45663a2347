//! Brings bitmaps up to date after a start, from the log since their checkpoint.

use std::collections::BTreeMap;

use ledger_contract::records::{self, ConnectionRow, Record, StreamId};
use ledger_domain::{Connection, ConnectionId, Position, Version};
use ledger_store::Changes;
use ledger_store::tables::{log, meta};

use super::{Selected, missing};
use crate::errors::Fault;
use crate::history;
use crate::models::{Change, Models};
use crate::projections::audit::{self, Facts};
use crate::projections::list;
use crate::projections::uses::{self, Use};

/// Folds the end of the log, up to `head`, into the bitmaps, except those that `later` replaces.
pub(crate) fn catch_up(models: &Models, head: Position, later: Selected) -> Result<(), Fault> {
    let store = &models.store;
    let checkpoint = |table, later| if later { Ok(head) } else { meta::checkpoint(store, table) };
    let [_, lists, audit] = later;
    let of_lists = checkpoint(models.lists.table(), lists)?;
    let of_audit = checkpoint(models.audit.table(), audit)?;
    if of_lists > head || of_audit > head {
        let message = "a read model is ahead of the log; run connledger replay";
        return Err(Fault::Damaged(message.to_owned()));
    }
    // The first version of each connection that is missing from its lists.
    let mut touched: BTreeMap<ConnectionId, Version> = BTreeMap::new();
    let mut done = of_lists.min(of_audit);
    let mut rows = log::scan(store, done.next());
    while done < head {
        done = done.next();
        let (position, bytes) = match rows.next().transpose()? {
            Some(row) if row.0 == done => row,
            _ => return Err(missing(done)),
        };
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
        if let (true, StreamId::Reveals(id)) = (position > of_lists, &metadata.stream) {
            let row = models.row(*id)?.ok_or_else(|| without_row(*id))?;
            let mut changes = Changes::default();
            uses::index(&mut changes, Use::at(row.ordinal, metadata.recorded_at));
            models.lists.apply(changes)?;
        }
    }
    for (id, first) in touched {
        relist(models, id, first)?;
    }
    Ok(())
}

/// Moves a connection in the lists from its last indexed state to its current one.
fn relist(models: &Models, id: ConnectionId, first: Version) -> Result<(), Fault> {
    let (before, row) = moved(models, id, predecessor(id, first)?)?;
    let change = Change { ordinal: row.ordinal, before: before.as_ref(), after: &row.connection };
    let mut changes = Changes::default();
    list::index(&mut changes, &change);
    models.lists.apply(changes)?;
    Ok(())
}

/// Returns the version before one that a record has.
pub(super) fn predecessor(id: ConnectionId, version: Version) -> Result<Version, Fault> {
    let before = version.get().checked_sub(1).map(Version::new);
    before.ok_or_else(|| Fault::Damaged(format!("connection {id} has a version 0")))
}

/// Returns the state of a connection at the version that lists show, and its current row.
pub(super) fn moved(
    models: &Models,
    id: ConnectionId,
    listed: Version,
) -> Result<(Option<Connection>, ConnectionRow), Fault> {
    let before = match listed {
        Version::ZERO => None,
        _ => history::state_at(&models.store, id, listed)?,
    };
    let row = models.row(id)?;
    Ok((before, row.ok_or_else(|| without_row(id))?))
}

fn without_row(id: ConnectionId) -> Fault {
    Fault::Damaged(format!("the row of connection {id} is missing"))
}
