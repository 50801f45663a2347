//! `backup`: makes one.

use clap::Args;
use indicatif::{BinaryBytes, ProgressBar};
use ledger_backup::{BackupError, BackupOptions, back_up};
use ledger_contract::backups::{BackupReport, BackupRequest};
use ledger_contract::errors::Problem;
use ledger_engine::{Engine, Portable};

use super::Shared;
use super::target::{Given, run_on};
use crate::clock;
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key;
use crate::output::Output;
use crate::progress::{progress_bar, show};
use crate::session::{Session, unserved_folder};

/// Makes a backup.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Where the backup goes if no server is running: a folder, s3://BUCKET/PREFIX,
    /// gs://BUCKET/PREFIX or az://CONTAINER/PREFIX; credentials come from AWS_*, GOOGLE_* or
    /// AZURE_*
    #[arg(long, value_name = "TARGET")]
    to: Option<Given>,
    /// Write everything anew instead of what is new since the latest backup
    #[arg(long)]
    full: bool,
}

impl CreateArgs {
    /// Returns whether a flag was given that only makes sense for making a backup.
    pub(super) fn is_given(&self) -> bool {
        self.to.is_some() || self.full
    }
}

pub(super) async fn run(
    common: &Common,
    shared: &Shared,
    args: &CreateArgs,
    out: Output,
) -> Result<(), Failure> {
    let request = BackupRequest { full: args.full };
    let bar = progress_bar(Some(0), out);
    let report = match (unserved_folder(common)?, &args.to) {
        (Some(folder), Some(to)) => {
            let shown = folder.display();
            out.say(format!("no server is running on {shown}; opening the directory itself"));
            Engine::check(folder).map_err(Problem::from)?;
            let keyring = master_key::find(&shared.master_key, Some(folder))?;
            let (folder, bar) = (folder.to_owned(), bar.clone());
            let work = move |target: &_| {
                let ledger = Portable::open(&folder, &keyring).map_err(BackupError::Open)?;
                // Nobody else wants the machine, so there is no limit.
                let options = BackupOptions {
                    full: request.full,
                    bytes_per_second: None,
                    ..BackupOptions::at(clock::now())
                };
                back_up(&ledger, target, options, &|done| show(&bar, done))
            };
            run_on(&to.address()?, shared.patience, work).await?
        }
        (Some(folder), None) => {
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "no server is running on {folder}, so --to is required"
            ))
            .hint("for example --to /srv/backups")
            .hint(format!(
                "or start one: connledger serve --data-dir {folder} --backup-to TARGET"
            )));
        }
        (None, Some(_)) => {
            return Err(Failure::usage(
                "--to is for a directory that no server has open; a server writes to the target that \
                 it was started with",
            )
            .hint("leave --to out, or name the directory with --data-dir after stopping the server"));
        }
        (None, None) => of_server(common, request, &bar, out).await?,
    };
    bar.finish_and_clear();
    write_report(&report, out)
}

async fn of_server(
    common: &Common,
    request: BackupRequest,
    bar: &ProgressBar,
    out: Output,
) -> Result<BackupReport, Failure> {
    let session = Session::of_ledger(common, out).await?;
    Ok(session.client.backup(&request, |progress| show(bar, progress)).await?)
}

fn write_report(report: &BackupReport, out: Output) -> Result<(), Failure> {
    if out.is_json() {
        return out.object(report);
    }
    let BackupReport { backup, target, position, events_written, seconds, .. } = report;
    let size = BinaryBytes(report.bytes_written);
    out.line(format!(
        "backed up to position {position}: wrote {events_written} events, {size} in {seconds:.1} s, and \
         read it back"
    ))?;
    out.line(format!("backup {backup} at {target}, {} segments", report.segments))
}
