//! `verify export` and `verify backup`: counts events of the portable form again. No master key is
//! needed, because a leaf has nothing but a digest.

use std::path::PathBuf;

use clap::Args;
use ledger_backup::{BackupId, recount};
use ledger_contract::errors::Problem;
use ledger_engine::{Recount, RecountReport};
use ledger_proof::SignedCheckpoint;

use super::arguments::{KeyArgs, read_checkpoints};
use super::recount::report_of;
use crate::backup::{FromArgs, PatienceArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::portable::{Stop, open_lines};
use crate::progress::{progress_bar, show};

/// What both are compared with.
#[derive(Debug, Args)]
struct Against {
    /// Checkpoint that was kept elsewhere, or a proof with one. May be given several times
    #[arg(long, required = true, value_name = "FILE")]
    since: Vec<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
}

impl Against {
    /// Reads the checkpoints and checks their signatures.
    fn read(&self) -> Result<Vec<SignedCheckpoint>, Failure> {
        let (key, seen) = (self.keys.required()?, read_checkpoints(&self.since)?);
        for checkpoint in &seen {
            checkpoint.verify(&key).map_err(|error| {
                Failure::refused(format!("the checkpoint is not one of this log: {error}"))
            })?;
            self.keys.cosigned(checkpoint)?;
        }
        Ok(seen)
    }
}

/// Counts the events of an export.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 1 if something is wrong. An export of a restored ledger is compared with checkpoints of the
former history under the key of that.

Examples:
  connledger verify export ledger.jsonl.zst --since monday.checkpoint --log-key log.key")]
pub(crate) struct ExportArgs {
    /// The export; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    against: Against,
}

/// Counts the events of a backup.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 1 if something is wrong. To check that the backup can be restored: connledger backup verify

Examples:
  connledger verify backup --from /srv/backups --since monday.checkpoint --log-key log.key")]
pub(crate) struct BackupArgs {
    /// Id of the backup; the latest if omitted
    #[arg(value_name = "BACKUP")]
    backup: Option<BackupId>,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    patience: PatienceArgs,
    #[command(flatten)]
    against: Against,
}

/// Whether a copy lacks events by which connections were erased is not known of it.
const MAY_BE_RESTORED: bool = true;

pub(super) async fn run_export(args: &ExportArgs, out: Output) -> Result<(), Failure> {
    let mut count = Recount::new(args.against.read()?);
    let (stop, bar) = (Stop::default(), progress_bar(None, out));
    let lines = open_lines(&args.file, &stop);
    let mut lines = lines.map_err(|error| Failure::file("read", &args.file, &error))?;
    let counted = stop.run(move || -> Result<RecountReport, Problem> {
        count.take_lines(&mut *lines).map_err(Problem::from)?;
        count.finish(MAY_BE_RESTORED).map_err(Problem::from)
    });
    let report = counted.await?;
    bar.finish_and_clear();
    report_of("the export", &report).write(out)
}

pub(super) async fn run_backup(args: &BackupArgs, out: Output) -> Result<(), Failure> {
    let mut count = Recount::new(args.against.read()?);
    let (bar, backup) = (progress_bar(Some(0), out), args.backup);
    let shown = bar.clone();
    let work = move |target: &_| {
        let read = recount(target, backup, &mut count, &|done| show(&shown, done))?;
        Ok((read, count))
    };
    let (read, count) = args.from.run(args.patience, work).await?;
    bar.finish_and_clear();
    let report = count.finish(MAY_BE_RESTORED).map_err(Problem::from)?;
    report_of(&format!("the backup {read}"), &report).write(out)
}
