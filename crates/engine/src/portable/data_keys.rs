//! Finds the wrapped data keys of connections in the order in which the connections were created.
//!
//! Ids of connections grow with time, so most keys are among the next rows of the table, and are
//! read in sequence. Others are looked up one by one.

use std::collections::HashMap;
use std::iter::Peekable;

use ledger_domain::ConnectionId;
use ledger_store::tables::keys::{self, KeyRow};
use ledger_store::{ReadError, Store};

/// Rows that are read in search of one key. Ids that are made at the same time are stored in any
/// order, so there are a few of others in between.
const ROWS_AHEAD: usize = 16;
/// Keys of other connections that are remembered.
const PASSED_MAX: usize = 1_024;

pub(super) struct DataKeys<'a> {
    store: &'a Store,
    /// The rows that follow in the table, once a key was asked for.
    rows: Option<Peekable<Box<dyn Iterator<Item = KeyRow> + 'a>>>,
    /// Keys that were read on the way and not asked for yet.
    passed: HashMap<ConnectionId, Box<[u8]>>,
}

impl<'a> DataKeys<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, rows: None, passed: HashMap::new() }
    }

    /// Lets go of the table. The next search begins at its own place.
    pub(super) fn pause(&mut self) {
        self.rows = None;
        self.passed.clear();
    }

    /// Returns the wrapped data key of a connection, if there is one.
    pub(super) fn find(&mut self, id: ConnectionId) -> Result<Option<Box<[u8]>>, ReadError> {
        if let Some(key) = self.passed.remove(&id) {
            return Ok(Some(key));
        }
        let rows = self.rows.get_or_insert_with(|| {
            let rows: Box<dyn Iterator<Item = KeyRow> + 'a> =
                Box::new(keys::scan_all(self.store, id));
            rows.peekable()
        });
        for _ in 0..ROWS_AHEAD {
            let is_before = |row: &KeyRow| row.as_ref().map_or(true, |(found, _)| *found <= id);
            let Some(row) = rows.next_if(is_before) else { break };
            let (found, key) = row?;
            if found == id {
                return Ok(Some(key));
            }
            if self.passed.len() == PASSED_MAX {
                self.passed.clear();
            }
            self.passed.insert(found, key);
        }
        Ok(keys::get(self.store, id)?.map(Vec::into_boxed_slice))
    }
}

#[cfg(test)]
mod tests {
    use ledger_store::{Batch, Durability};
    use ledger_vault::Keyring;

    use super::*;
    use crate::engine::{Engine, EngineOptions};

    #[test]
    fn keys_are_found_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate(&mut rand::rng());
        let options = EngineOptions::new(folder.path().join("data"), keyring);
        let engine = Engine::open(EngineOptions { create: true, ..options }).unwrap();
        let store = &engine.shared.store;
        let id = |number: u8| ConnectionId::from_bytes([number; 16]);
        let mut batch = Batch::new();
        for number in (0..200).step_by(2) {
            keys::put(&mut batch, store, id(number), &[number]);
        }
        store.commit(batch, Durability::Buffered).unwrap();
        let ascending: Vec<u8> = (0..200).collect();
        let descending = ascending.iter().rev().copied().collect();
        let apart = (0..200).map(|number: u8| number.wrapping_mul(77) % 200).collect();
        let swapped = ascending.chunks(4).flat_map(|four| four.iter().rev().copied()).collect();
        for order in [ascending.clone(), descending, apart, swapped] {
            let mut found = DataKeys::new(store);
            for (asked, number) in order.iter().enumerate() {
                let key = found.find(id(*number)).unwrap();
                let due = number.is_multiple_of(2).then(|| Box::from([*number]));
                assert_eq!(key, due, "{number} in {order:?}");
                if asked % 50 == 49 {
                    found.pause();
                }
            }
        }
        engine.shutdown();
    }
}
