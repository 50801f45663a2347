//! The master key, and what only it opens: whether it is the ledger's, and the last event.

use std::path::Path;

use ledger_contract::errors::Problem;
use ledger_contract::time;
use ledger_engine::{Engine, Inspected};
use ledger_vault::Keyring;

use super::finding::Finding;
use crate::clock;
use crate::master_key;
use crate::serve::ServeArgs;

const SOURCE: &str = "master_key_source";
const CHECK: &str = "master_key";
const CLOCK: &str = "clock";
const AUTHENTICITY: &str = "authentication_codes";
/// How far the clock may be behind the last event, in seconds.
const BEHIND_SECONDS: i64 = 5;

/// Reads the master keys. Blocks.
pub(super) fn look(folder: &Path, args: &ServeArgs) -> (Finding, Option<Keyring>) {
    match master_key::find(&args.master_key, Some(folder)) {
        Ok(keyring) => (Finding::ok(SOURCE, "the master keys can be read"), Some(keyring)),
        Err(failure) => {
            let lines = failure.lines();
            let about = lines.first().map_or("", |line| line.trim_start_matches("error: "));
            let to_do = "name the key: --master-key-file FILE or --master-key SOURCE, readable by \
                         its owner alone";
            (Finding::problem(SOURCE, about, to_do), None)
        }
    }
}

/// Opens the database of a ledger that nobody serves. Blocks.
pub(super) fn open(folder: &Path, keyring: &Keyring) -> Vec<Finding> {
    let inspected = match Engine::inspect(folder, keyring).map_err(Problem::from) {
        Ok(inspected) => inspected,
        Err(problem) => return vec![Finding::of_problem(CHECK, &problem)],
    };
    let Inspected { ledger, has_macs, head, last_event_at } = inspected;
    let mut findings = vec![Finding::ok(
        CHECK,
        format!("it is the master key of ledger {ledger}, which ends at position {head}"),
    )];
    if !has_macs {
        let to_do = "start the server once, which gives each row its code";
        let about = "an earlier version wrote the directory, and rows have no codes";
        findings.push(Finding::warning(AUTHENTICITY, about, to_do));
    }
    let Some(last) = last_event_at else { return findings };
    let behind = (last.get() - clock::now().get()) / 1_000_000;
    let at = time::format(last);
    findings.push(if behind <= BEHIND_SECONDS {
        Finding::ok(CLOCK, format!("the last event was recorded at {at}"))
    } else {
        let about = format!("the clock is {behind} s behind the last event, recorded at {at}");
        Finding::problem(
            CLOCK,
            about,
            "synchronize the clock of this machine (deploy/runbooks/clock.md)",
        )
    });
    findings
}
