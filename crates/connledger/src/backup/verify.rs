//! `backup verify`.

use clap::Args;
use indicatif::BinaryBytes;
use ledger_backup::{BackupId, VerifyReport, verify};
use ledger_contract::errors::{Code, Problem};

use super::Shared;
use super::list::keys;
use super::target::FromArgs;
use crate::failure::Failure;
use crate::master_key;
use crate::output::Output;
use crate::progress::{progress_bar, show};

/// Reads a backup and compares it with its manifest.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 4 if a part is missing or not as it was written. With the master key, the manifest and
every line are checked to be the ledger's own; without it, only digests are compared, which whoever
can write to the target can make.

Examples:
  connledger backup verify --from /srv/backups                      the latest one
  connledger backup verify --from /srv/backups --master-key-file master.key
  connledger backup verify 01994e3a-7c1e-7000-8000-5a1f0c2d3e4f --from s3://bucket/ledger")]
pub(super) struct VerifyArgs {
    /// Id of the backup; the latest if omitted
    #[arg(value_name = "BACKUP")]
    backup: Option<BackupId>,
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn run(shared: &Shared, args: &VerifyArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find_named(&shared.master_key)?;
    let bar = progress_bar(Some(0), out);
    let (shown, backup) = (bar.clone(), args.backup);
    let work =
        move |target: &_| verify(target, backup, keyring.as_ref(), &|done| show(&shown, done));
    let report = args.from.run(shared.patience, work).await?;
    bar.finish_and_clear();
    write_report(&report, out)
}

fn write_report(report: &VerifyReport, out: Output) -> Result<(), Failure> {
    let VerifyReport { backup, position, objects, bytes, seconds, damage, .. } = report;
    if out.is_json() {
        out.object(report)?;
    } else {
        let (size, begun) = (BinaryBytes(*bytes), &report.created_at);
        out.line(format!(
            "read backup {backup} of {begun}, position {position}: {objects} objects, {size} in \
             {seconds:.1} s"
        ))?;
        if report.master_keys.is_some() {
            out.line(format!("master keys: {}", keys(report.master_keys.as_ref())))?;
        }
        damage.iter().try_for_each(|line| out.line(line))?;
        if damage.is_empty() {
            out.line(if report.authentic {
                "every line is the ledger's own"
            } else {
                "every digest is right; with --master-key-file, every line is checked, too"
            })?;
        }
    }
    if damage.is_empty() {
        return Ok(());
    }
    let message = format!("the backup {backup} is damaged in {} places", damage.len());
    Err(Problem::because(Code::BackupDamaged, message).into())
}
