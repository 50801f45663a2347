//! `verify data-dir`: counts the log of a data directory again.

use std::path::PathBuf;

use clap::Args;
use ledger_contract::errors::{Code, Problem};
use ledger_engine::{Engine, EngineOptions, RecountReport, Recounted};
use ledger_proof::SignedCheckpoint;

use super::arguments::{Shown, read_checkpoints};
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::{self, MasterKeyArgs};
use crate::output::Output;
use crate::progress::{progress_bar, show};

/// Counts the log of a data directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads every record, makes the tree over the log again, and compares it with the checkpoints. Exit code 1
if something is wrong; each finding is named. The ledger must not be served meanwhile.

Examples:
  connledger verify data-dir --data-dir /srv/ledger --master-key-file master.key --since monday.checkpoint")]
pub(crate) struct DataDirArgs {
    /// Checkpoint of this history that was kept elsewhere, or a proof with one. May be given
    /// several times
    #[arg(long, value_name = "FILE")]
    since: Vec<PathBuf>,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

pub(super) async fn run(common: &Common, args: &DataDirArgs, out: Output) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required"));
    };
    Engine::check(&folder).map_err(Problem::from)?;
    let seen: Vec<Vec<u8>> =
        read_checkpoints(&args.since)?.iter().map(SignedCheckpoint::to_bytes).collect();
    let keyring = master_key::find(&args.master_key, Some(&folder))?;
    let options = EngineOptions::new(folder, keyring);
    let bar = progress_bar(Some(0), out);
    let shown = bar.clone();
    let work = move || Engine::recount(&options, &seen, &|progress| show(&shown, progress));
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::internal(format!("the count stopped: {error}")))?;
    bar.finish_and_clear();
    let Recounted { key, report, .. } = done.map_err(|error| {
        let problem = Problem::from(error);
        let in_use = problem.code == Code::DataDirInUse;
        let failure = Failure::from(problem);
        if in_use {
            failure.hint("to check a running server: connledger verify server")
        } else {
            failure
        }
    })?;
    let what = format!("the log {} in the data directory", key.origin());
    report_of(&what, &report).write(out)
}

/// Returns what a count has shown.
pub(super) fn report_of(what: &str, report: &RecountReport) -> Shown {
    let RecountReport { position, root, agrees_at, findings, more_findings, emptied } = report;
    let mut wrong = findings.clone();
    if *more_findings > 0 {
        wrong.push(format!("{more_findings} further findings"));
    }
    let agrees = agrees_at.iter().map(|size| {
        format!("its first {size} events are those of the checkpoint, and in the same order")
    });
    let mut proved = vec![format!("{what} has {position} events, and its tree the root {root}")];
    proved.extend(agrees);
    let mut not_proved = Vec::new();
    if *emptied > 0 {
        not_proved.push(format!(
            "what {emptied} events said before their connections were erased; their digests are \
             those of the original records"
        ));
    }
    let last = agrees_at.iter().max().copied().unwrap_or(0);
    if last < *position {
        let after = if last > 0 { format!("after position {last}") } else { "at all".to_owned() };
        not_proved.push(format!(
            "that its events are those that were recorded {after}: no checkpoint has them"
        ));
    }
    Shown { verified: wrong.is_empty(), proved, wrong, not_proved }
}
