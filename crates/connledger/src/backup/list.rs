//! `backup list`.

use std::collections::BTreeSet;

use clap::Args;
use indicatif::BinaryBytes;
use ledger_backup::{Holding, list};

use super::target::FromArgs;
use super::{Shared, UNCHECKED};
use crate::failure::Failure;
use crate::master_key;
use crate::output::Output;
use crate::queries::short_time;
use crate::table::Table;

/// Lists the backups at a target.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows what the manifests say, and whether every object is there with its size; `backup verify` reads
them. Whoever can write to the target can make or edit a manifest: with the master key, those that
are not the ledger's own are named, and without it nobody knows.

Examples:
  connledger backup list --from /srv/backups --master-key-file master.key
  AWS_REGION=eu-central-1 connledger backup list --from s3://bucket/ledger --json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    from: FromArgs,
}

pub(super) async fn run(shared: &Shared, args: &ListArgs, out: Output) -> Result<(), Failure> {
    let keyring = master_key::find_named(&shared.master_key)?;
    let is_checked = keyring.is_some();
    let work = move |target: &_| list(target, keyring.as_ref());
    let found = args.from.run(shared.patience, work).await?;
    if !is_checked {
        out.say(UNCHECKED);
        out.hint("with --master-key-file they are");
    }
    if out.is_json() {
        return found.iter().try_for_each(|holding| out.object(holding));
    }
    let mut table = Table::new(&[
        "BACKUP",
        "BEGUN",
        "POSITION",
        "LAST EVENT",
        "SIZE",
        "SEGMENTS",
        "KEYS",
        "STATE",
    ]);
    for Holding { backup, summary, damage, .. } in &found {
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
            of(&|summary| keys(summary.master_keys.as_ref())),
            damage.clone().unwrap_or_else(|| "whole".to_owned()),
        ]);
    }
    out.table(&table)?;
    out.say(format!("{} backups at {}", found.len(), args.from.shown()));
    Ok(())
}

/// Returns the ids of the master keys that a backup takes.
pub(super) fn keys(master_keys: Option<&BTreeSet<String>>) -> String {
    let ids = master_keys.into_iter().flatten().map(String::as_str);
    ids.collect::<Vec<_>>().join(" ")
}
