//! `backup prune`.

use std::time::Duration;

use clap::Args;
use ledger_backup::{PruneReport, Retention, Trust, prune};

use super::target::FromArgs;
use super::{Shared, UNCHECKED};
use crate::clock;
use crate::failure::Failure;
use crate::master_key;
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
always kept, and so is everything that a kept one needs. Sound means that the manifest is whole
and, by the master key, the ledger's own, and that its objects are there with their sizes; nothing
else is read: see backup verify. What a backup wrote that never ended is removed a day later.

Damaged backups, and those that somebody else made or edited, are left alone and count for nothing.
What they need is not known, so no object is removed that was written before one of them. Look at
it, then remove its manifest by hand.

Examples:
  connledger backup prune --from /srv/backups --keep-last 24 --keep-days 30 --dry-run
  connledger backup prune --from /srv/backups --keep-last 24 --master-key-file master.key")]
pub(super) struct PruneArgs {
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    retention: RetentionArgs,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Believe every manifest without the master key. Whoever can write to the target can then make
    /// this remove the ledger's own backups
    #[arg(long)]
    trust_unchecked_manifests: bool,
}

pub(super) async fn run(shared: &Shared, args: &PruneArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find_named(&shared.master_key)?;
    if keyring.is_none() && !args.dry_run && !args.trust_unchecked_manifests {
        return Err(Failure::usage(
            "--master-key-file is required, so that nothing is removed on the word of a forged manifest",
        )
        .hint("--dry-run needs no key")
        .hint("--trust-unchecked-manifests goes without, if nobody else can write to the target"));
    }
    let bar = progress_bar(Some(0), out);
    let (shown, dry_run) = (bar.clone(), args.dry_run);
    let retention = retention(args.retention.last, args.retention.days);
    let work = move |target: &_| {
        let trust = keyring.as_ref().map_or(Trust::Unchecked, Trust::MasterKey);
        prune(target, trust, retention, clock::now(), dry_run, &|done| show(&shown, done))
    };
    let report = args.from.run(shared.patience, work).await?;
    bar.finish_and_clear();
    write_report(&report, out)
}

fn write_report(report: &PruneReport, out: Output) -> Result<(), Failure> {
    if !report.checked {
        out.say(UNCHECKED);
    }
    if out.is_json() {
        return out.object(report);
    }
    let PruneReport { kept, removed, objects, damaged, not_authentic, dry_run, .. } = report;
    let word = if *dry_run { "would be removed" } else { "removed" };
    removed.iter().try_for_each(|backup| out.line(format!("{word}: {backup}")))?;
    damaged.iter().try_for_each(|backup| out.line(format!("damaged, left alone: {backup}")))?;
    not_authentic
        .iter()
        .try_for_each(|backup| out.line(format!("not the ledger's own, left alone: {backup}")))?;
    out.line(format!("{} backups {word}, with {objects} objects; {kept} kept", removed.len()))
}
