//! `backup restore`.

use clap::Args;
use indicatif::ProgressBar;
use ledger_backup::{BackupId, ErasedSince, RestoreReport, restore};
use ledger_contract::operations::Progress;
use ledger_engine::{RestoreOptions, RestoreStage};

use super::Shared;
use super::target::FromArgs;
use crate::common::Common;
use crate::failure::Failure;
use crate::master_key;
use crate::output::Output;
use crate::progress::{progress_bar, show};
use crate::until::UntilArgs;

/// Makes the data directory of a ledger from a backup.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder must be missing or empty. The master key is checked before anything is written, and all that
is read before anything is made of it. The result is a new history of the ledger, which begins where the
backup, or the chosen position or time, ends. Connections that were erased after the backup was made are
erased again, unless --keep-erased is given.

Examples:
  connledger backup restore --from /srv/backups --data-dir /srv/ledger --master-key-file master.key
  connledger backup restore --from s3://bucket/ledger --data-dir /srv/ledger \\
    --master-key-file master.key --to-time 2026-11-29T09:59:00Z")]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    from: FromArgs,
    /// Id of the backup; the latest one whose objects are all there if omitted
    #[arg(long, value_name = "BACKUP")]
    backup: Option<BackupId>,
    #[command(flatten)]
    until: UntilArgs,
    /// Bring back connections, with their secrets, that were erased after the backup was made
    #[arg(long)]
    keep_erased: bool,
}

pub(super) async fn run(
    common: &Common,
    shared: &Shared,
    args: &RestoreArgs,
    out: Output,
) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required: the folder to restore into"));
    };
    let keyring = master_key::find(&shared.master_key, None)?;
    let (backup, until) = (args.backup, args.until.into());
    let erased = if args.keep_erased { ErasedSince::Keep } else { ErasedSince::EraseAgain };
    let bar = progress_bar(Some(0), out);
    let (shown, into) = (bar.clone(), folder.clone());
    let work = move |target: &_| {
        let options = RestoreOptions { until, ..RestoreOptions::new(&into, &keyring) };
        restore(target, backup, erased, options, &|stage, done| tell(&shown, stage, done))
    };
    let report = args.from.run(shared.patience, work).await?;
    bar.finish_and_clear();
    for left_out in &report.left_out {
        out.say(format!("a later backup is damaged and was left out: {left_out}"));
    }
    for connection in &report.erased_again {
        out.say(format!(
            "{connection} was erased after that backup: its secrets are not restored, and the \
             first start erases it again"
        ));
    }
    for connection in &report.came_back {
        out.say(format!("{connection} was erased after that, and is back, as --keep-erased says"));
    }
    if out.is_json() {
        return out.object(&report);
    }
    write_report(&report, &folder.display().to_string(), out)
}

/// Makes the data directory of a further node of a cluster from a backup of one of its nodes.
pub(crate) async fn join(
    common: &Common,
    shared: &Shared,
    from: &FromArgs,
    backup: Option<BackupId>,
    out: Output,
) -> Result<(), Failure> {
    let Some(folder) = common.data_dir.clone() else {
        return Err(Failure::usage("--data-dir is required: the folder of the new node"));
    };
    let keyring = master_key::find(&shared.master_key, None)?;
    let bar = progress_bar(Some(0), out);
    let (shown, into) = (bar.clone(), folder.clone());
    let work = move |target: &_| {
        let options =
            RestoreOptions { keeps_history: true, ..RestoreOptions::new(&into, &keyring) };
        let progress = |stage, done| tell(&shown, stage, done);
        restore(target, backup, ErasedSince::EraseAgain, options, &progress)
    };
    let report = from.run(shared.patience, work).await?;
    bar.finish_and_clear();
    if out.is_json() {
        return out.object(&report);
    }
    let RestoreReport { backup, position, created_at, seconds, .. } = report;
    let folder = folder.display();
    out.line(format!(
        "{folder} is a copy up to position {position}, from backup {backup} of {created_at}, in \
         {seconds:.1} s"
    ))?;
    out.hint(format!(
        "next: connledger serve --data-dir {folder} --cluster --instance NAME, and the other flags \
         of the nodes; it follows what came after"
    ));
    Ok(())
}

fn tell(bar: &ProgressBar, stage: RestoreStage, progress: Progress) {
    // The second stage reads the events again, from the log.
    if stage == RestoreStage::Rebuilding && progress.done == 0 {
        bar.reset_eta();
    }
    show(bar, progress);
}

fn write_report(report: &RestoreReport, folder: &str, out: Output) -> Result<(), Failure> {
    let RestoreReport { backup, position, created_at, seconds, incarnation, .. } = report;
    let until = report.recorded_at.as_deref().unwrap_or("the beginning");
    out.line(format!(
        "restored to position {position}, of {until}, from backup {backup} of {created_at} in \
         {seconds:.1} s"
    ))?;
    out.line(format!("new history {incarnation}, after {}", report.former_incarnation))?;
    out.say(
        "events after that position are not in it, nor are the receipts of their commands: a command \
         that is repeated with its id may be done once more",
    );
    out.say(
        "watchers and feeds with a position of the former history are told so and begin anew; copies of \
         the former directory must not be started again",
    );
    out.hint(format!("next: connledger serve --data-dir {folder}"));
    out.hint("with a NATS server of your own, see \"After a restore\" in deploy/README.md first");
    Ok(())
}
