//! MACs of rows: added wherever rows are written, checked wherever they are read.

use ledger_vault::MacKey;

use crate::error::{ReadError, altered};
use crate::table::Table;

/// The key of a ledger's MACs, once it is known.
pub(crate) struct Macs(Option<MacKey>);

impl Macs {
    pub(crate) const fn without_key() -> Self {
        Self(None)
    }

    pub(crate) const fn new(key: MacKey) -> Self {
        Self(Some(key))
    }

    pub(crate) fn key(&self) -> &MacKey {
        self.0.as_ref().expect("whoever reads or writes rows with MACs has a Store with its key")
    }

    /// Passes the bytes to be stored for a row to `write`. `room` is reused from row to row.
    pub(crate) fn seal<T>(
        &self,
        table: &Table,
        key: &[u8],
        value: &[u8],
        room: &mut Vec<u8>,
        write: impl FnOnce(&[u8]) -> T,
    ) -> T {
        if !table.has_macs {
            return write(value);
        }
        room.clear();
        room.extend_from_slice(value);
        room.extend_from_slice(&self.key().mac(table.name(), key, value));
        write(room)
    }

    /// Returns the length of the value at the start of a row's stored bytes, if they are authentic.
    pub(crate) fn check(
        &self,
        table: &Table,
        key: &[u8],
        stored: &[u8],
    ) -> Result<usize, ReadError> {
        if !table.has_macs {
            return Ok(stored.len());
        }
        match stored.split_last_chunk::<{ MacKey::MAC_BYTES }>() {
            Some((value, mac)) if self.key().is_mac_of(mac, table.name(), key, value) => {
                Ok(value.len())
            }
            _ => Err(altered(table, key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::fixtures::{created, mac_key, unkeyed};
    use crate::store::{Durability, Store};
    use crate::tables::{FIXED, LOG, connections, fixed, model};

    const KEYS: [&[u8]; 3] = [b"a", b"b", b"c"];

    /// The same rows, as an editor sees them.
    fn raw(table: &Table) -> Table {
        Table { has_macs: false, ..table.clone() }
    }

    fn put(store: &Store, table: &Table, key: &[u8], value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(store, table, key, value);
        store.commit(batch, Durability::Buffered).unwrap();
    }

    fn stored(store: &Store, table: &Table, key: &[u8]) -> Vec<u8> {
        store.get(&raw(table), key).unwrap().unwrap()
    }

    /// Fails unless every way to read finds these rows not authentic, and all others authentic.
    #[track_caller]
    fn expect_noticed(store: &Store, table: &Table, altered: &[&[u8]]) {
        let refuses = |key: &[u8], error: &ReadError| {
            let ReadError::Altered { table: of, key: at, .. } = error else { panic!("{error}") };
            assert!(of == table.name() && **at == *key, "{error}");
        };
        let mut rows = [
            store.scan(table, &[]).collect::<Vec<_>>(),
            store.scan_all(table, &[]).collect(),
            store.snapshot().scan(table, &[]).collect(),
            store.scan_back(table, b"z").collect(),
        ];
        rows[3].reverse();
        let mut walk = store.walk_all(table, &[]);
        let snapshot = store.snapshot();
        for (index, key) in KEYS.into_iter().enumerate() {
            let mut found: Vec<_> = rows.iter().map(|rows| rows[index].as_ref().err()).collect();
            let got = [store.get(table, key).err(), snapshot.get(table, key).err()];
            let walked = walk.next_row().err();
            found.extend(got.iter().map(Option::as_ref));
            found.push(walked.as_ref());
            for found in found {
                match (altered.contains(&key), found) {
                    (true, Some(error)) => refuses(key, error),
                    (expected, found) => assert!(!expected && found.is_none(), "{key:?} {found:?}"),
                }
            }
        }
        let last = store.last(table);
        assert_eq!(last.is_err(), altered.contains(&KEYS[2]));
    }

    #[test]
    fn every_changed_byte_and_every_moved_row_is_noticed_by_every_way_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = created(dir.path());
        let rows = model(connections::MODEL, 1);
        let next = model(connections::MODEL, 2);
        let tables: Vec<Table> = FIXED.iter().map(|name| fixed(name)).collect();
        for table in [&rows, &next] {
            store.create_table(table).unwrap();
        }
        let tables: Vec<Table> =
            tables.into_iter().chain([rows, next]).filter(|table| table.has_macs).collect();
        assert_eq!(tables.len(), 14);
        for table in &tables {
            for (key, value) in KEYS.into_iter().zip([b"first".as_slice(), b"", b"third"]) {
                put(&store, table, key, value);
                assert_eq!(store.get(table, key).unwrap().unwrap(), value);
            }
        }
        for table in &tables {
            expect_noticed(&store, table, &[]);
            let right = KEYS.map(|key| stored(&store, table, key));
            let [first, second, third] = &right;
            for place in 0..first.len() {
                let mut wrong = first.clone();
                wrong[place] ^= 1;
                put(&store, &raw(table), b"a", &wrong);
                expect_noticed(&store, table, &[b"a"]);
            }
            let longer = [first.as_slice(), b"x"].concat();
            for wrong in [&first[1..], &first[..first.len() - 1], &longer, &[], second] {
                put(&store, &raw(table), b"a", wrong);
                expect_noticed(&store, table, &[b"a"]);
            }
            put(&store, &raw(table), b"a", third);
            put(&store, &raw(table), b"c", first);
            expect_noticed(&store, table, &[b"a", b"c"]);
            for other in tables.iter().filter(|other| *other != table) {
                put(&store, &raw(table), b"a", first);
                put(&store, &raw(table), b"c", &stored(&store, other, b"c"));
                expect_noticed(&store, table, &[b"c"]);
            }
            put(&store, &raw(table), b"c", third);
            expect_noticed(&store, table, &[]);
        }
    }

    #[test]
    fn rows_that_were_loaded_in_bulk_have_macs_and_another_key_opens_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = created(dir.path());
        let table = fixed(LOG);
        let mut file = store.sorted_file(&table);
        for key in KEYS {
            file.put(key, b"value").unwrap();
        }
        file.finish().unwrap();
        expect_noticed(&store, &table, &[]);
        assert_eq!(stored(&store, &table, b"a").len(), 5 + MacKey::MAC_BYTES);
        drop(store);
        let store = unkeyed(dir.path()).with_key(mac_key(2), |_| Ok(())).unwrap();
        expect_noticed(&store, &table, &KEYS);
    }
}
