//! `keys`: the master keys of a ledger.

use clap::Subcommand;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::wrap_keys::{self, UnwrapArgs, WrapArgs};

/// The subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    Wrap(WrapArgs),
    Unwrap(UnwrapArgs),
}

pub(crate) async fn run(common: &Common, command: KeysCommand, out: Output) -> Result<(), Failure> {
    match command {
        KeysCommand::Wrap(args) => wrap_keys::wrap(common, &args, out).await,
        KeysCommand::Unwrap(args) => wrap_keys::unwrap(common, &args, out),
    }
}
