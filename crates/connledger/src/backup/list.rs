//! `backup list`.

use clap::Args;
use indicatif::BinaryBytes;
use ledger_backup::{Holding, list};

use super::target::FromArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::short_time;
use crate::table::Table;

/// Lists the backups at a target.
#[derive(Debug, Args)]
#[command(after_help = "\
Needs no master key: it shows what the manifests say, and whether every object is there with its size.
`backup verify` reads them.

Examples:
  connledger backup list --from /srv/backups
  AWS_REGION=eu-central-1 connledger backup list --from s3://bucket/ledger --json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn run(args: &ListArgs, out: Output) -> Result<(), Failure> {
    let found = args.from.run(list).await?;
    if out.is_json() {
        return found.iter().try_for_each(|holding| out.object(holding));
    }
    let mut table =
        Table::new(&["BACKUP", "BEGUN", "POSITION", "LAST EVENT", "SIZE", "SEGMENTS", "STATE"]);
    for Holding { backup, summary, damage } in &found {
        let of = |show: &dyn Fn(&ledger_backup::Summary) -> String| {
            summary.as_ref().map(show).unwrap_or_default()
        };
        table.row([
            backup.to_string(),
            of(&|summary| short_time(&summary.created_at)),
            of(&|summary| summary.position.to_string()),
            of(&|summary| summary.recorded_at.as_deref().map(short_time).unwrap_or_default()),
            of(&|summary| BinaryBytes(summary.bytes).to_string()),
            of(&|summary| summary.segments.to_string()),
            damage.clone().unwrap_or_else(|| "whole".to_owned()),
        ]);
    }
    out.table(&table)?;
    out.say(format!("{} backups at {}", found.len(), args.from.shown()));
    Ok(())
}
