//! Rebuilds lists that another version of the program laid out differently.

use ledger_store::tables::{lists, meta};
use ledger_store::{Batch, Store};

use super::fold::Fold;
use super::retire;
use crate::engine::Shared;
use crate::errors::Fault;

/// Only the lists have a layout with a number.
const LISTS: super::Selected = [false, true, false];

/// Notes that the lists are laid out as this program does it.
pub(crate) fn put(batch: &mut Batch, store: &Store) {
    meta::put_schema(batch, store, lists::MODEL, lists::SCHEMA);
}

/// Rebuilds the lists if they are laid out differently. Nothing else may use the store yet.
pub(super) fn rebuild_outdated(shared: &Shared) -> Result<(), Fault> {
    let found = meta::schema(&shared.store, lists::MODEL)?;
    if found == lists::SCHEMA {
        return Ok(());
    }
    tracing::info!(found, expected = lists::SCHEMA, "rebuilding the lists in a new layout");
    let (live, head) = (shared.models.load(), *shared.head.borrow());
    let fresh = shared.fresh_models()?;
    let built = Fold::new(&fresh, LISTS, false)
        .bulk(&live, shared.replay, head, &|_| {})
        .and_then(|()| shared.swap(&fresh, LISTS, head));
    retire(&fresh, LISTS, built.is_ok());
    built
}
