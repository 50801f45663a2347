//! Writes final states as rows, orders and bitmaps.
//!
//! States are sorted by id and divided into parts. Each idle thread takes the next part and writes
//! a file of its rows, so the files do not overlap. Rows with another sort order are collected and
//! written after all parts.

use std::panic::resume_unwind;
use std::{thread, vec};

use ledger_contract::records::ConnectionRow;
use ledger_domain::ConnectionId;
use ledger_store::tables::connections;
use ledger_store::tables::lists::{self, Listed};
use ledger_store::{AppendError, Batch, Durability, Gathered, load_bitmaps};
use parking_lot::Mutex;

use super::{Bulk, State, States};
use crate::errors::Fault;
use crate::models::Models;
use crate::projections::list;
use crate::replay::go_on;

/// States in a part; its file has about 16 MiB.
const PART_STATES: usize = 16_384;

/// Rows that are not sorted by id.
#[derive(Default)]
struct Aside {
    ordinals: Vec<(u32, ConnectionId)>,
    listed: Vec<Listed>,
    gathered: Gathered,
}

/// Writes the states of a pass. `end` is the ordinal at which the next pass begins, if there is
/// one; bitmaps that it continues stay in `gathered`.
pub(super) fn write(
    bulk: &Bulk<'_>,
    mut states: States,
    gathered: &mut Gathered,
    end: Option<u32>,
) -> Result<(), Fault> {
    states.sort_unstable_by_key(|(id, _)| *id);
    let [_, lists, _] = bulk.wanted;
    let left = Mutex::new(states.into_iter());
    thread::scope(|scope| {
        let spawn = |_| scope.spawn(|| write_parts(bulk, &left));
        let writers: Vec<_> = (0..bulk.workers()).map(spawn).collect();
        let mut all = Aside::default();
        for writer in writers {
            let aside = writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            all.ordinals.extend(aside.ordinals);
            all.listed.extend(aside.listed);
            gathered.merge(aside.gathered);
        }
        let ordinals = std::mem::take(&mut all.ordinals);
        let ordinals = scope.spawn(|| write_ordinals(bulk.fresh, ordinals));
        if lists {
            write_lists(bulk.fresh, all, gathered, end)?;
        }
        ordinals.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(())
    })
}

/// Takes parts until none are left.
fn write_parts(
    bulk: &Bulk<'_>,
    left: &Mutex<vec::IntoIter<(ConnectionId, Box<State>)>>,
) -> Result<Aside, Fault> {
    let fresh = bulk.fresh;
    let [rows, lists, _] = bulk.wanted;
    let mut aside = Aside::default();
    let mut row = Vec::with_capacity(2_048);
    let mut overlaps = Batch::new();
    loop {
        go_on(bulk.stop)?;
        let part: States = left.lock().by_ref().take(PART_STATES).collect();
        if part.is_empty() {
            fresh.store.commit(overlaps, Durability::Buffered)?;
            return Ok(aside);
        }
        let mut file = fresh.store.sorted_file(&fresh.connections);
        for (id, state) in part {
            if rows {
                row.clear();
                ConnectionRow::encode(&mut row, state.ordinal, &state.connection);
                connections::load(&mut file, id, &row)?;
                aside.ordinals.push((state.ordinal, id));
                fresh.move_overlap(&mut overlaps, id, None, state.connection.next_former_end());
            }
            if lists {
                aside.list(&state);
            }
        }
        file.finish()?;
    }
}

impl Aside {
    /// Adds a connection to the list read model.
    fn list(&mut self, state: &State) {
        let State { ordinal, connection, .. } = state;
        self.listed.push(list::listed(*ordinal, connection));
        list::gather(&mut self.gathered, *ordinal, connection);
    }
}

fn write_ordinals(
    fresh: &Models,
    mut ordinals: Vec<(u32, ConnectionId)>,
) -> Result<(), AppendError> {
    ordinals.sort_unstable();
    let mut file = fresh.store.sorted_file(&fresh.connections);
    for (ordinal, id) in ordinals {
        connections::load_ordinal(&mut file, ordinal, id)?;
    }
    file.finish()
}

fn write_lists(
    fresh: &Models,
    all: Aside,
    gathered: &mut Gathered,
    end: Option<u32>,
) -> Result<(), AppendError> {
    let (store, table) = (&fresh.store, fresh.lists.table());
    lists::load(store, table, all.listed)?;
    let whole = end.map_or(u64::MAX, |end| Gathered::chunk(u64::from(end)));
    let mut file = store.sorted_file(table);
    load_bitmaps(&mut file, &gathered.take_rows(whole))?;
    file.finish()
}
