//! `log`, `prove` and `verify`: what is signed of the log, proofs from it, and their checks.
//!
//! Checks take nothing from a server on trust but what its key has signed, and say what they have
//! not shown.

mod arguments;
mod bundle;
mod lines;
mod log;
mod prove;
mod recount;
mod remote;
mod server;

use clap::Subcommand;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) use log::LogCommand;
pub(crate) use prove::ProveArgs;

/// What is checked.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Check a proof that `prove` wrote, without any server
    Bundle(bundle::BundleArgs),
    /// Count the log of a data directory again, and compare it with checkpoints
    DataDir(recount::DataDirArgs),
    /// Count the events of an export again, and compare them with checkpoints
    Export(lines::ExportArgs),
    /// Count the events of a backup again, and compare them with checkpoints
    Backup(Box<lines::BackupArgs>),
    /// Check that a running server continues the log of an earlier checkpoint
    Server(server::ServerArgs),
}

pub(crate) async fn log(common: &Common, command: LogCommand, out: Output) -> Result<(), Failure> {
    log::run(common, command, out).await
}

pub(crate) async fn prove(common: &Common, args: ProveArgs, out: Output) -> Result<(), Failure> {
    prove::run(common, args, out).await
}

pub(crate) async fn verify(
    common: &Common,
    command: VerifyCommand,
    out: Output,
) -> Result<(), Failure> {
    match command {
        VerifyCommand::Bundle(args) => bundle::run(&args, out),
        VerifyCommand::DataDir(args) => recount::run(common, &args, out).await,
        VerifyCommand::Export(args) => lines::run_export(&args, out).await,
        VerifyCommand::Backup(args) => lines::run_backup(&args, out).await,
        VerifyCommand::Server(args) => server::run(common, &args, out).await,
    }
}
