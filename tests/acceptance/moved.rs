//! Ledgers that are written as lines, and made of them.

use ledger_contract::errors::{Code, Problem};
use ledger_engine::{Engine, Portable, RestoreOptions, Restored, Until};

use crate::ledger::Place;
use crate::wait::soon;

/// Freezes a ledger that is closed.
pub(crate) fn portable(place: &Place) -> Portable {
    soon("the folder is free", || {
        match Portable::open(&place.path(), &place.keyring()).map_err(Problem::from) {
            Err(problem) if problem.code == Code::DataDirInUse => None,
            opened => Some(opened.expect("the ledger opens")),
        }
    })
}

/// Exports a ledger that is closed.
pub(crate) fn export(place: &Place) -> Vec<u8> {
    let mut text = Vec::new();
    portable(place).write_whole(&mut text, &|_| {}).expect("written");
    text
}

/// Makes a ledger of an export.
pub(crate) fn import(place: &Place, until: Until, text: &[u8]) -> Result<Restored, Problem> {
    let (path, keyring) = (place.path(), place.keyring());
    let replay = place.options().replay;
    soon("the folder is free", || {
        let options = RestoreOptions { until, replay, ..RestoreOptions::new(&path, &keyring) };
        let mut input = text;
        match Engine::import(options, &mut input, &|_, _| {}).map_err(Problem::from) {
            Err(problem) if problem.code == Code::DataDirInUse => None,
            imported => Some(imported),
        }
    })
}
