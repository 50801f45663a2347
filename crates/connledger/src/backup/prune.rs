//! `backup prune`.

use std::time::Duration;

use clap::Args;
use ledger_backup::{PruneReport, Retention, prune};

use super::target::FromArgs;
use crate::clock;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::{progress_bar, show};

const HOURS_PER_DAY: u64 = 24;

/// Which backups are kept.
#[derive(Clone, Copy, Debug, Args)]
struct RetentionArgs {
    /// Keep so many of the latest sound backups
    #[arg(
        long = "keep-last",
        id = "keep_last",
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "NUMBER"
    )]
    last: Option<u32>,
    /// Keep the backups of so many days
    #[arg(
        long = "keep-days",
        id = "keep_days",
        value_parser = clap::value_parser!(u64).range(1..=36_500),
        value_name = "DAYS"
    )]
    days: Option<u64>,
}

/// Returns the rules for numbers as the flags have them.
pub(crate) fn retention(last: Option<u32>, days: Option<u64>) -> Retention {
    Retention {
        last: last.map(|last| usize::try_from(last).unwrap_or(usize::MAX)),
        younger_than: days.map(|days| Duration::from_hours(days.saturating_mul(HOURS_PER_DAY))),
    }
}

/// Removes old backups, and what belongs to none.
#[derive(Debug, Args)]
#[command(after_help = "\
A backup is kept if one of the two rules keeps it; without a rule, all are. The latest sound one is
always kept, and so is everything that a kept one needs. Sound here means that the manifest is whole and
its objects are there with their sizes; nothing is read, and no key is asked: see backup verify. What a backup wrote that never ended is
removed a day later. Damaged backups are left alone.

Examples:
  connledger backup prune --from /srv/backups --keep-last 24 --keep-days 30 --dry-run
  connledger backup prune --from /srv/backups --keep-last 24 --keep-days 30")]
pub(super) struct PruneArgs {
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: &PruneArgs, out: Output) -> Result<(), Failure> {
    let bar = progress_bar(Some(0), out);
    let (shown, dry_run) = (bar.clone(), args.dry_run);
    let retention = retention(args.retention.last, args.retention.days);
    let work = move |target: &_| {
        prune(target, retention, clock::now(), dry_run, &|done| show(&shown, done))
    };
    let report = args.from.run(work).await?;
    bar.finish_and_clear();
    write_report(&report, out)
}

fn write_report(report: &PruneReport, out: Output) -> Result<(), Failure> {
    if out.is_json() {
        return out.object(report);
    }
    let PruneReport { kept, removed, objects, damaged, dry_run } = report;
    let word = if *dry_run { "would be removed" } else { "removed" };
    removed.iter().try_for_each(|backup| out.line(format!("{word}: {backup}")))?;
    damaged.iter().try_for_each(|backup| out.line(format!("damaged, left alone: {backup}")))?;
    out.line(format!("{} backups {word}, with {objects} objects; {kept} kept", removed.len()))
}
