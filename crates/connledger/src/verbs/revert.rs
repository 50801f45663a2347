//! `revert`.

use clap::Args;

use super::pending::{PendingCommand, WriteArgs};

/// Brings an earlier version's settings back, secret values too, as a new change.
#[derive(Debug, Args)]
#[command(after_help = "\
The secret values of that version come back with it, each as a new generation. If one of them was
replaced because it had leaked, it is in use again: rotate it right afterwards.

Examples:
  connledger history openai-prod                  shows the versions
  connledger revert openai-prod --to-version 3")]
pub(crate) struct RevertArgs {
    /// Id or slug
    name: String,
    /// The version whose settings and secret values come back
    #[arg(long, value_name = "VERSION")]
    to_version: u64,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevertArgs {
    pub(super) fn command(self) -> PendingCommand {
        PendingCommand::about("revert", &self.name, self.write).with("to_version", self.to_version)
    }
}
