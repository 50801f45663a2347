//! What the folder of a database contains, found out without changing anything in it.

use std::fs;
use std::path::Path;

use rocksdb::{DBWithThreadMode, IteratorMode, MultiThreaded, Options};

use crate::tables;

const CURRENT: &str = "CURRENT";

/// Returns the name of a file without which the database cannot be opened, if one is missing.
/// `CURRENT` names the manifest, which lists the tables and their files.
pub(crate) fn missing_part(store: &Path) -> Option<String> {
    let Ok(manifest) = fs::read_to_string(store.join(CURRENT)) else {
        return Some(CURRENT.to_owned());
    };
    let manifest = manifest.trim();
    if manifest.is_empty() {
        return Some(CURRENT.to_owned());
    }
    (!store.join(manifest).is_file()).then(|| manifest.to_owned())
}

/// Returns whether the folder holds events, or rows that may be events. A first start that was
/// interrupted leaves at most a database without events.
pub(crate) fn holds_events(store: &Path) -> bool {
    if missing_part(store).is_some() {
        return holds_rows(store);
    }
    // Reading the database in place neither locks it nor writes to it.
    read_log(store).unwrap_or(true)
}

fn read_log(store: &Path) -> Result<bool, rocksdb::Error> {
    type Db = DBWithThreadMode<MultiThreaded>;
    let options = Options::default();
    let names = Db::list_cf(&options, store)?;
    let db = Db::open_cf_for_read_only(&options, store, names, false)?;
    for name in [Some(tables::LOG), tables::earlier(tables::LOG)].into_iter().flatten() {
        let Some(log) = db.cf_handle(name) else { continue };
        if db.iterator_cf(&log, IteratorMode::Start).next().transpose()?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether the folder has files of rows, without asking the database.
fn holds_rows(store: &Path) -> bool {
    let Ok(entries) = fs::read_dir(store) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        let is_of = |extension: &str| path.extension().is_some_and(|found| found == extension);
        is_of("sst") || (is_of("log") && entry.metadata().is_ok_and(|file| file.len() > 0))
    })
}
