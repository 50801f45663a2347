//! `backup`: makes backups, looks at them, removes old ones, and restores a ledger from one.

mod create;
mod list;
mod prune;
mod restore;
mod target;
mod verify;

use clap::{Args, Subcommand};

pub(crate) use prune::retention;
pub(crate) use restore::join;
pub(crate) use target::{FromArgs, Given, PatienceArgs};

use crate::common::Common;
use crate::failure::Failure;
use crate::master_key::MasterKeyArgs;
use crate::output::Output;

/// What is said when manifests were believed without the master key.
const UNCHECKED: &str = "nobody checked that the manifests are the ledger's own";

/// Makes backups, and works with them.
#[derive(Debug, Args)]
#[command(after_help = "\
A running server backs its ledger up to the target that it was started with: serve --backup-to. With
--data-dir and no running server, the directory is opened directly, with the master key, and --to names
the target. Only what is new since the latest backup is written, and what was written is read back.

A backup holds everything but the master key, without which nobody can restore it. Keep that elsewhere.

Examples:
  connledger backup                                    a running server, now
  connledger backup --full                             write everything anew
  connledger backup --to /srv/backups --data-dir /srv/ledger --master-key-file master.key
  connledger backup list --from s3://bucket/ledger
  connledger backup verify --from /srv/backups --master-key-file master.key
  connledger backup restore --from /srv/backups --data-dir /srv/ledger --master-key-file master.key")]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    create: create::CreateArgs,
    #[command(flatten)]
    shared: Shared,
}

/// What all commands below take, before and after their names.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    #[command(flatten)]
    patience: PatienceArgs,
    #[command(flatten)]
    master_key: MasterKeyArgs,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// List the backups at a target
    List(list::ListArgs),
    /// Read a backup and compare it with its manifest
    Verify(verify::VerifyArgs),
    /// Remove old backups, and what belongs to none
    Prune(prune::PruneArgs),
    /// Make the data directory of a ledger from a backup
    Restore(restore::RestoreArgs),
}

pub(crate) async fn run(common: &Common, args: BackupArgs, out: Output) -> Result<(), Failure> {
    if args.command.is_some() && args.create.is_given() {
        return Err(Failure::usage("--to and --full are for `backup` by itself"));
    }
    let BackupArgs { command, create, shared } = &args;
    match command {
        None => create::run(common, shared, create, out).await,
        Some(BackupCommand::List(args)) => list::run(shared, args, out).await,
        Some(BackupCommand::Verify(args)) => verify::run(shared, args, out).await,
        Some(BackupCommand::Prune(args)) => prune::run(shared, args, out).await,
        Some(BackupCommand::Restore(args)) => restore::run(common, shared, args, out).await,
    }
}
