//! Gives the rows of formats 1 and 2 their MACs.
//!
//! Rows are copied in key order from the tables without MACs to those with them, by bulk loads. The
//! last row of a copy says where to continue after a kill, and has a MAC itself. Only the key check
//! says that the rows of a ledger have MACs. It is written last, and the tables without MACs are
//! dropped after it.

use crate::batch::Batch;
use crate::error::{ReadError, UpgradeError};
use crate::store::Store;
use crate::table::Table;
use crate::tables::{
    FOUNDING, KEYS, LOG, META, RECEIPTS, before_macs, fixed, founding, is_retired, u64_from,
};

/// The tables that cannot be rebuilt from the log, and the log.
const COPIED: [&str; 4] = [META, KEYS, RECEIPTS, LOG];

/// Rows between reports of the progress.
const ROWS_PER_REPORT: u64 = 4_096;

/// Copies all rows that are not copied yet.
pub(crate) fn add_macs(store: &Store, progress: &dyn Fn(u64, u64)) -> Result<(), UpgradeError> {
    for name in COPIED {
        let from = before_macs(name).filter(|from| store.has_table(from));
        let from = from.ok_or_else(|| store.lacks_table(name))?;
        copy(store, &from, &fixed(name), progress)?;
    }
    Ok(())
}

fn copy(
    store: &Store,
    from: &Table,
    to: &Table,
    progress: &dyn Fn(u64, u64),
) -> Result<(), UpgradeError> {
    let total = store.last(from)?.and_then(|(key, _)| u64_from(&key)).unwrap_or(0);
    let copied = store.last(to)?.map(|(key, _)| key);
    let mut rows = store.walk_all(from, copied.as_deref().unwrap_or_default());
    let mut file = store.sorted_file(to);
    let mut count = 0_u64;
    while let Some((key, value)) = rows.next_row()? {
        if copied.as_deref() == Some(key) || (to.name() == META && is_founding(key)) {
            continue;
        }
        file.put(key, value)?;
        count += 1;
        if to.name() == LOG && count.is_multiple_of(ROWS_PER_REPORT) {
            progress(u64_from(key).unwrap_or(0), total);
        }
    }
    file.finish()?;
    Ok(())
}

fn is_founding(key: &[u8]) -> bool {
    founding::NAMES.iter().any(|name| name.as_bytes() == key)
}

/// Adds to `batch` the removal of values that are no founding values and were copied.
pub(crate) fn delete_moved(batch: &mut Batch, store: &Store) -> Result<(), ReadError> {
    let table = fixed(FOUNDING);
    for row in store.scan(&table, &[]) {
        let (key, _) = row?;
        if !is_founding(&key) {
            batch.delete(store, &table, &key);
        }
    }
    Ok(())
}

/// Drops the tables without MACs. A table that cannot be dropped is of no use, and the next start
/// drops it.
pub(crate) fn drop_retired(store: &Store) {
    for name in store.table_names() {
        if is_retired(&name) {
            let table = Table { name: name.into(), has_macs: false };
            drop(store.drop_table(&table));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::error::OpenError;
    use crate::fixtures::{created, mac_key, unkeyed};
    use crate::store::{Durability, Row};
    use crate::unkeyed::UnkeyedStore;

    const ROWS: u64 = 300;
    const FORMER_CHECK: &str = "5d0c1f7a93e24b68-without-MACs";

    fn put(store: &Store, table: &Table, rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        let mut batch = Batch::new();
        for (key, value) in rows {
            batch.put(store, table, &key, &value);
        }
        store.commit(batch, Durability::Synced).unwrap();
    }

    fn records() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        (1..=ROWS).map(|number| (number.to_be_bytes().to_vec(), format!("r{number}").into_bytes()))
    }

    fn value(key: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (key.as_bytes().to_vec(), value.as_bytes().to_vec())
    }

    /// Makes a directory as programs of format 2 did.
    fn made_without_macs(folder: &Path) {
        let store = created(folder);
        for name in COPIED {
            let earlier = before_macs(name).unwrap();
            if !store.has_table(&earlier) {
                store.create_table(&earlier).unwrap();
            }
            store.drop_table(&fixed(name)).unwrap();
        }
        put(&store, &before_macs(LOG).unwrap(), records());
        put(&store, &before_macs(KEYS).unwrap(), [value("connection", "wrapped")]);
        put(&store, &before_macs(RECEIPTS).unwrap(), [value("home\0c", "receipt")]);
        let check = value(founding::KEY_CHECK, FORMER_CHECK);
        let others =
            [value(founding::LEDGER_ID, "id"), value("epoch", "8"), value("published", "7")];
        put(&store, &fixed(FOUNDING), others.into_iter().chain([check]));
    }

    fn all(store: &Store, table: &Table) -> Vec<Row> {
        store.scan(table, &[]).map(Result::unwrap).collect()
    }

    #[track_caller]
    fn expect_whole(store: &Store) {
        let rows = all(store, &fixed(LOG));
        let expected = records().map(|(key, value)| (key.into(), value.into()));
        assert_eq!(rows, expected.collect::<Vec<Row>>());
        let text = |name| -> Vec<_> {
            let rows = all(store, &fixed(name)).into_iter();
            rows.map(|(key, value)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                format!("{}={}", text(&key), text(&value))
            })
            .collect()
        };
        assert_eq!(text(KEYS), ["connection=wrapped"]);
        assert_eq!(text(RECEIPTS), ["home\0c=receipt"]);
        assert_eq!(text(META), ["epoch=8", "published=7"]);
        assert_eq!(text(FOUNDING), ["key_check=with MACs", "ledger_id=id"]);
        assert!(store.table_names().iter().all(|name| !is_retired(name)));
    }

    fn upgraded(store: UnkeyedStore) -> Store {
        store.upgrade(mac_key(1), b"with MACs", &|_, _| {}).unwrap()
    }

    /// Opens a directory as an upgrade under a key does, before it has copied anything.
    fn interrupted(folder: &Path, key: u64) -> Store {
        let store = unkeyed(folder).found(mac_key(key));
        store.create_absent().unwrap();
        store
    }

    #[test]
    fn an_interrupted_upgrade_goes_on_where_it_was() {
        for copied in [0, 1, 100, ROWS] {
            let dir = tempfile::tempdir().unwrap();
            made_without_macs(dir.path());
            // What a kill leaves is a part of the copies, in their order.
            let store = interrupted(dir.path(), 1);
            let first = usize::try_from(copied).unwrap();
            put(&store, &fixed(META), [value("epoch", "8")]);
            put(&store, &fixed(LOG), records().take(first));
            drop(store);
            let store = upgraded(unkeyed(dir.path()));
            expect_whole(&store);
            drop(store);
            expect_whole(&unkeyed(dir.path()).with_key(mac_key(1), |_| Ok(())).unwrap());
        }
    }

    /// With it, whoever can write to the directory could have other rows upgraded.
    #[test]
    fn no_file_contains_the_former_key_check_after_an_upgrade() {
        let dir = tempfile::tempdir().unwrap();
        made_without_macs(dir.path());
        let holds = || {
            let files = fs::read_dir(dir.path().join("store")).unwrap();
            files.map(|file| fs::read(file.unwrap().path()).unwrap()).any(|bytes| {
                bytes.windows(FORMER_CHECK.len()).any(|part| part == FORMER_CHECK.as_bytes())
            })
        };
        assert!(holds());
        drop(upgraded(unkeyed(dir.path())));
        assert!(!holds());
    }

    #[test]
    fn a_kill_after_the_copies_or_before_the_old_tables_are_dropped_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        made_without_macs(dir.path());
        let store = interrupted(dir.path(), 1);
        add_macs(&store, &|_, _| {}).unwrap();
        drop(store);
        let store = upgraded(unkeyed(dir.path()));
        let left = before_macs(LOG).unwrap();
        store.create_table(&left).unwrap();
        put(&store, &left, [(9_u64.to_be_bytes().to_vec(), b"of an editor".to_vec())]);
        drop(store);
        expect_whole(&unkeyed(dir.path()).with_key(mac_key(1), |_| Ok(())).unwrap());
    }

    #[test]
    fn a_copy_under_another_key_is_not_continued_and_a_lost_table_is_named() {
        let dir = tempfile::tempdir().unwrap();
        made_without_macs(dir.path());
        let store = interrupted(dir.path(), 2);
        put(&store, &fixed(LOG), records().take(10));
        drop(store);
        let refused = unkeyed(dir.path()).upgrade(mac_key(1), b"", &|_, _| {}).unwrap_err();
        assert!(matches!(refused, UpgradeError::Read(ReadError::Altered { .. })), "{refused}");
        let store = unkeyed(dir.path()).found(mac_key(1));
        store.drop_table(&before_macs(LOG).unwrap()).unwrap();
        drop(store);
        let refused = unkeyed(dir.path()).upgrade(mac_key(1), b"", &|_, _| {}).unwrap_err();
        let UpgradeError::Open(OpenError::Incomplete { part, .. }) = refused else {
            panic!("{refused}");
        };
        assert!(part.contains("log"), "{part}");
    }
}
